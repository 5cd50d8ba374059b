"""Weight initialization: ``initializer((fan_in, fan_out), generator)`` -> float64 array."""

import numpy as np

__all__ = ["INITIALIZERS", "normal", "xavier", "zeros"]


def zeros(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Return w = 0: fine for a single layer, but makes all units of a hidden layer identical."""
    return np.zeros(shape)


def normal(
    shape: tuple[int, int], generator: np.random.Generator, deviation: float = 0.1
) -> np.ndarray:
    """Draw w ~ N(0, deviation²), independent of the width of the layer."""
    return generator.normal(0.0, deviation, shape)


def xavier(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Draw w ~ U(-a, a), a = √(6 / (fan_in + fan_out)).

    Activations and gradients keep their variance from layer to layer (Glorot and Bengio, 2010,
    section 4.2.1, "normalized initialization").
    """
    limit = np.sqrt(6.0 / sum(shape))
    return generator.uniform(-limit, limit, shape)


INITIALIZERS = {"zeros": zeros, "normal": normal, "xavier": xavier}
