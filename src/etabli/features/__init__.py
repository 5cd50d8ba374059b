"""Deep features, streamed: image files -> a pretrained net -> rows on disk, in order, resumable.

A room of its own between ``data`` and ``models``: it is the one place that decodes images while a net runs.
"""

from etabli.features.extraction import extract, kept
from etabli.features.store import Features

__all__ = ["Features", "extract", "kept"]
