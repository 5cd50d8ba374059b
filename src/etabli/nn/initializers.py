"""Where the weights start: ``initializer((fan_in, fan_out), generator)`` -> float64 array of that shape."""

import numpy as np

__all__ = ["INITIALIZERS", "normal", "xavier", "zeros"]


def zeros(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """w = 0. Harmless for one layer; in a hidden layer it makes every unit the same."""
    return np.zeros(shape)


def normal(
    shape: tuple[int, int], generator: np.random.Generator, deviation: float = 0.1
) -> np.ndarray:
    """w ~ N(0, deviation²), whatever the width of the layer."""
    return generator.normal(0.0, deviation, shape)


def xavier(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """w ~ U(-a, a) with a = √(6 / (fan_in + fan_out)), so that activations and gradients keep their variance.

    Glorot and Bengio, 2010, section 4.2.1 ("normalized initialization").
    """
    limit = np.sqrt(6.0 / sum(shape))
    return generator.uniform(-limit, limit, shape)


INITIALIZERS = {"zeros": zeros, "normal": normal, "xavier": xavier}
