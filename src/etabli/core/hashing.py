"""A hash of plain values, arrays and settings: the name of what depends upon them and on nothing else."""

import hashlib
import json

import numpy as np

__all__ = ["compute_digest"]


def compute_digest(key: object) -> str:
    """A hash of a key made of plain values and arrays; equal keys have equal hashes on every machine."""
    return hashlib.sha256(json.dumps(key, sort_keys=True, default=_plain).encode()).hexdigest()[:24]


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        contents = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [str(value.dtype), list(value.shape), contents]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)
