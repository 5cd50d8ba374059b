"""One seed, every stream of random numbers. Nobody else touches a global generator."""

import zlib

import numpy as np

__all__ = ["derive_keras_seed", "make_generator"]


def make_generator(seed: int, *purpose: str) -> np.random.Generator:
    """A NumPy generator for one purpose of one seed.

    Streams of different purposes are independent, so that adding a draw in one place (the shuffling, say)
    changes no number elsewhere (the initial weights).
    """
    words = [zlib.crc32(word.encode()) for word in purpose]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def derive_keras_seed(seed: int, *purpose: str) -> int:
    """A 31-bit seed for a Keras layer, initializer or ``SeedGenerator`` of one purpose."""
    return int(make_generator(seed, "keras", *purpose).integers(2**31 - 1))
