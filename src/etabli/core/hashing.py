"""Digests of plain values, arrays and settings: names of cached files and checkpoints."""

import hashlib
import json

import numpy as np

__all__ = ["compute_digest"]


def compute_digest(key: object) -> str:
    """Return a digest of a key of plain values and arrays, the same on every machine."""
    text = json.dumps(key, sort_keys=True, default=_to_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _to_plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        contents = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [str(value.dtype), list(value.shape), contents]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)
