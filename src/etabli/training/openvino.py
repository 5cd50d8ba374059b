"""OpenVINO, an optional package, imported where it is used and without its telemetry."""

import sys
from importlib.util import find_spec
from types import ModuleType

from etabli.core.errors import MissingExtra

__all__ = ["import_openvino", "is_openvino_installed"]


def is_openvino_installed() -> bool:
    """Return whether OpenVINO is installed, without importing it."""
    return find_spec("openvino") is not None


def import_openvino(purpose: str) -> ModuleType:
    """Import OpenVINO without its telemetry, which would send usage data on import."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None blocks it
    try:
        import openvino
    except ImportError as error:
        raise MissingExtra("openvino", "openvino", purpose) from error
    return openvino
