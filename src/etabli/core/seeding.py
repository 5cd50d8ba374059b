"""Random number streams, all derived from one seed; global generators are never used."""

import zlib

import numpy as np

__all__ = ["derive_keras_seed", "make_generator"]


def make_generator(seed: int, *purpose: str) -> np.random.Generator:
    """Create the NumPy generator of one purpose of a seed.

    Streams of different purposes are independent: an additional draw in one place (shuffling, say)
    changes no number elsewhere (initial weights).
    """
    keys = [zlib.crc32(word.encode()) for word in purpose]
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))


def derive_keras_seed(seed: int, *purpose: str) -> int:
    """Derive a 31-bit seed for a Keras layer, initializer or ``SeedGenerator``."""
    return int(make_generator(seed, "keras", *purpose).integers(2**31 - 1))
