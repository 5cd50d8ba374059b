"""The nets of the pages as JSON, for a page that runs them itself (``static/js/nets``)."""

from pathlib import Path
from typing import Any

from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.pages import backprop, digits, poetry, words

__all__ = ["describe_backprop", "describe_net", "describe_own_writer"]

SPECS: dict[str, ModelSpec] = {
    spec.key: spec for spec in (*digits.MODELS, *poetry.MODELS, *words.MODELS)
}


def describe_net(key: str, found: TrainedModel, loaded: Any = None) -> dict[str, Any]:
    """Describe a trained model of the pages of digits, poetry and words, by its key.

    ``loaded`` is what its page loads of it, if it is loaded already.

    Raises ``EtabliError`` for a layer that the page cannot run, or what loading the model raises.
    """
    listed = digits.list_net(found) if key in digits.NET_KEYS else {}
    model: Any = loaded or SPECS[key].load(found)
    return {**listed, **model.describe()}


def describe_own_writer(name: str, folder: Path) -> dict[str, Any]:
    """Describe a model of ``etabli poetry train``."""
    return {**poetry.describe_own(name, folder), **poetry.load_own(folder).describe()}


def describe_backprop() -> dict[str, Any]:
    """Describe the page of backpropagation: the initial weights of each initializer."""
    return {"weights": backprop.list_initial_weights()}
