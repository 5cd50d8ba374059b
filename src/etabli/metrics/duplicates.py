"""Near-duplicates: hashes of what images look like, similar pairs, and groups of them.

A hash has one bit for each of 128 differences between neighboring gray values of an image reduced
to 9 x 9 pixels: 64 from left to right, 64 from top to bottom. Resizing and compression change few
bits. Krawetz 2013, Kind of like that (the "difference hash", with both directions).
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["HASH_SIDE", "find_close_hashes", "find_similar_features", "group_pairs", "hash_image"]

HASH_SIDE = 9
_BLOCK = 1024


def hash_image(pixels: np.ndarray) -> np.ndarray:
    """Return the hash, two uint64, of an image (9, 9, 3) or (9, 9)."""
    pixels = np.asarray(pixels, np.float32)
    if pixels.shape[:2] != (HASH_SIDE, HASH_SIDE):
        raise BadArray(
            _("a hash needs a reduced image"),
            expected=(HASH_SIDE, HASH_SIDE, 3),
            got=pixels.shape,
        )
    gray = pixels.mean(axis=2) if pixels.ndim == 3 else pixels
    bits = [gray[:8, 1:] > gray[:8, :-1], gray[1:, :8] > gray[:-1, :8]]
    return np.packbits(np.stack(bits).reshape(2, -1), axis=1).view(np.uint64).ravel()


def find_close_hashes(hashes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (P, 2), the first index lower, that differ in at most ``most`` bits; (P,).

    The second array holds the number of different bits of each pair.
    """
    pairs, distances = [np.zeros((0, 2), int)], [np.zeros(0, int)]
    for start in range(0, len(hashes), _BLOCK):
        rows = hashes[start : start + _BLOCK, None]
        bits = np.bitwise_count(rows ^ hashes[None, start:]).sum(axis=2, dtype=np.int64)
        row, column = np.nonzero(np.triu(bits <= most, 1))
        pairs.append(np.stack([row, column], axis=1) + start)
        distances.append(bits[row, column])
    return np.concatenate(pairs), np.concatenate(distances)


def find_similar_features(
    features: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (P, 2) whose cosine is at least ``least``, and their cosines (P,)."""
    unit = np.asarray(features, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    pairs, cosines = [np.zeros((0, 2), int)], [np.zeros(0, np.float32)]
    for start in range(0, len(unit), _BLOCK):
        products = unit[start : start + _BLOCK] @ unit[start:].T
        row, column = np.nonzero(np.triu(products >= least, 1))
        pairs.append(np.stack([row, column], axis=1) + start)
        cosines.append(products[row, column])
    return np.concatenate(pairs), np.concatenate(cosines)


def group_pairs(pairs: np.ndarray, count: int) -> list[list[int]]:
    """Return the groups of indices below ``count`` that pairs connect, each sorted, by first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(pairs, int).reshape(-1, 2)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group_of = connected_components(links, directed=False)[1]
    order = np.argsort(group_of, kind="stable")
    ends = np.cumsum(np.bincount(group_of))[:-1] if count else []
    groups: Sequence[np.ndarray] = np.split(order, ends)
    return sorted(group.tolist() for group in groups if len(group) > 1)
