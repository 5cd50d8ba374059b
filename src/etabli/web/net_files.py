"""The nets of the pages as JSON, for a page that runs them itself (``static/js/nets``).

An array becomes base64 of its bytes, deflated; text nets are stored in half precision, in which the
page of poetry reads them here too, so that both write the same poems.
"""

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.web.model_cache import TrainedModel

__all__ = ["describe_backprop", "describe_net", "describe_own_writer", "encode_array"]


def encode_array(values: np.ndarray) -> dict[str, Any]:
    """Encode an array: its shape, its type, base64 of its deflated little-endian bytes."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()
    described = {"shape": list(values.shape), "dtype": values.dtype.name, "deflated": True}
    return {**described, "data": data}


def describe_net(key: str, found: TrainedModel) -> dict[str, Any]:
    """Describe the trained model of a page, by the key of its ``ModelSpec``.

    Raises ``EtabliError`` for a layer that the page cannot run.
    """
    raise EtabliError(_("the model was not found"))


def describe_own_writer(name: str, folder: Path) -> dict[str, Any]:
    """Describe a model of ``etabli poetry train``."""
    raise EtabliError(_("the model was not found"))


def describe_backprop() -> dict[str, Any]:
    """Describe the page of backpropagation: the initial weights of its net."""
    raise EtabliError(_("the model was not found"))
