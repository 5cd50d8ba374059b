"""Établi: five deep-learning practicals as software, for your own images, texts and tables too.

The functions below are the Python interface; nothing heavy is imported before the first call.
"""

import os
from typing import TYPE_CHECKING

from etabli.core.version import __version__

if TYPE_CHECKING:
    from etabli.api import (
        Captions,
        CheckedFunctions,
        ClassifierResult,
        Evaluation,
        ExportResult,
        FeatureTable,
        InspectionResult,
        Model,
        PlacedPoints,
        Predictions,
        PublishedSite,
        RunResult,
        Scores,
        Verification,
        caption,
        check,
        evaluate,
        export,
        extract_features,
        finetune,
        generate,
        inspect,
        load,
        place,
        publish,
        run,
        transfer,
        untangle,
        verify,
    )

__all__ = [
    "Captions",
    "CheckedFunctions",
    "ClassifierResult",
    "Evaluation",
    "ExportResult",
    "FeatureTable",
    "InspectionResult",
    "Model",
    "PlacedPoints",
    "Predictions",
    "PublishedSite",
    "RunResult",
    "Scores",
    "Verification",
    "__version__",
    "caption",
    "check",
    "evaluate",
    "export",
    "extract_features",
    "finetune",
    "generate",
    "inspect",
    "load",
    "place",
    "publish",
    "run",
    "transfer",
    "untangle",
    "verify",
]

# Keras reads this once, at its first import; without it Keras may look for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def __getattr__(name: str) -> object:
    """Import the Python interface when one of its names is first used (PEP 562)."""
    if name in __all__:
        from etabli import api

        return getattr(api, name)
    raise AttributeError(f"module 'etabli' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
