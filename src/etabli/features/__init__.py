"""Deep features: image files -> a pretrained net -> rows on disk, streamed, in order, resumable."""

from etabli.features.extraction import extract, extract_to_cache
from etabli.features.store import Features

__all__ = ["Features", "extract", "extract_to_cache"]
