"""Arrays for the property tests: small, finite and read-only."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**31 - 1)


def frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def numbers(
    *shape: object, least: float = -8.0, most: float = 8.0, dtype: str = "float64"
) -> st.SearchStrategy:
    """Arrays of a shape whose sizes are numbers or (least, most)."""
    sizes = [st.integers(*size) if isinstance(size, tuple) else st.just(size) for size in shape]
    elements = st.floats(least, most, width=32, allow_subnormal=False)
    return (
        st.tuples(*sizes).flatmap(lambda shape: arrays(dtype, shape, elements=elements)).map(frozen)
    )


@st.composite
def labeled(
    draw, columns: int = 2, least: int = 8, most: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, columns) of two or three classes, every class there."""
    n = draw(st.integers(least, most))
    points = draw(
        arrays("float64", (n, columns), elements=st.floats(-5, 5, width=32, allow_subnormal=False))
    )
    classes = draw(st.integers(2, 3))
    labels = np.concatenate(
        [np.arange(classes), draw(arrays(np.int64, n - classes, elements=st.integers(0, 2)))]
    )
    return frozen(points), frozen(np.minimum(labels, classes - 1))


@st.composite
def log_probabilities(draw, rows: int = 6, symbols: int = 5) -> np.ndarray:
    """ln p (N, V) of distributions."""
    n, v = draw(st.integers(1, rows)), draw(st.integers(2, symbols))
    logits = draw(arrays("float64", (n, v), elements=st.floats(-8, 8, width=32)))
    return frozen(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
