"""Near-duplicates: hashes of what images look like, similar pairs, and groups of them.

A hash has one bit for each of 128 differences between neighboring gray values of an image reduced
to 9 x 9 pixels: 64 from left to right, 64 from top to bottom. Resizing and compression change few
bits. Krawetz 2013, Kind of like that (the "difference hash", with both directions).
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["HASH_SIDE", "count_different_bits", "find_close_hashes", "group_pairs", "hash_image"]

HASH_SIDE = 9
_BLOCK = 1024


def hash_image(gray: np.ndarray) -> np.ndarray:
    """Return the hash, two uint64, of a gray image whose sides are multiples of 9 pixels."""
    gray = np.asarray(gray, np.float32)
    if gray.ndim != 2 or not gray.size or any(side % HASH_SIDE for side in gray.shape):
        raise BadArray(
            _("a hash needs a reduced image"), expected=(HASH_SIDE, HASH_SIDE), got=gray.shape
        )
    height, width = (side // HASH_SIDE for side in gray.shape)
    small = gray.reshape(HASH_SIDE, height, HASH_SIDE, width).mean(axis=(1, 3)).round()
    bits = [small[:8, 1:] > small[:8, :-1], small[1:, :8] > small[:-1, :8]]
    return np.packbits(np.stack(bits).reshape(2, -1), axis=1).view(np.uint64).ravel()


def count_different_bits(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the number of bits (...) in which hashes (..., 2) differ from others."""
    return np.bitwise_count(hashes ^ others).sum(axis=-1, dtype=np.int64)


def find_close_hashes(
    hashes: np.ndarray, most: int, others: np.ndarray | None = None
) -> np.ndarray:
    """Return the pairs (P, 2) i < j where hash i and hash j of others differ in few bits.

    Args:
        hashes: (N, 2).
        most: Bits that may differ.
        others: (N, 2), by default the same hashes.
    """
    pairs, others = [np.zeros((0, 2), int)], hashes if others is None else others
    for start in range(0, len(hashes), _BLOCK):
        bits = count_different_bits(hashes[start : start + _BLOCK, None], others[None, start:])
        pairs.append(np.argwhere(np.triu(bits <= most, 1)) + start)
    return np.concatenate(pairs)


def group_pairs(pairs: np.ndarray, count: int) -> list[list[int]]:
    """Return the groups of indices below ``count`` that pairs connect, each sorted, by first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(pairs, int).reshape(-1, 2)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group_of = connected_components(links, directed=False)[1]
    order = np.argsort(group_of, kind="stable")
    ends = np.cumsum(np.bincount(group_of))[:-1]
    groups: Sequence[np.ndarray] = np.split(order, ends)
    return sorted(group.tolist() for group in groups if len(group) > 1)
