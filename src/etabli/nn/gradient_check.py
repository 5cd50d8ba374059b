"""Is a gradient right? Compare it with finite differences of the loss, in float64."""

from collections.abc import Callable, Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["gradient_check", "numerical_gradient", "relative_error"]


def numerical_gradient(
    loss: Callable[[], float], array: np.ndarray, step: float = 1e-3
) -> np.ndarray:
    """dL/da by differences around each element a: error O(step⁴), for a loss that is smooth there.

    (8 [L(a+h) - L(a-h)] - [L(a+2h) - L(a-2h)]) / 12h. ``loss`` takes nothing and reads ``array``, whose elements
    are moved one by one and put back. float64 only: in float32 the differences drown in rounding.
    """
    if array.dtype != np.float64:
        raise BadArray(
            _("a numerical gradient needs double precision"), expected="float64", got=array.dtype
        )
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        centre, value = array[index], {}
        for k in (-2, -1, 1, 2):
            array[index] = centre + k * step
            value[k] = loss()
        array[index] = centre
        gradient[index] = (8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * step)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """‖a - b‖ / (‖a‖ + ‖b‖), 0 for two zeros: 0 says equal, 1 says opposite or unrelated in size."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.subtract(a, b)) / size) if size else 0.0


def gradient_check(
    function: Callable[..., tuple[np.ndarray | float, Callable]],
    arrays: Sequence[np.ndarray],
    *,
    generator: np.random.Generator,
    step: float = 1e-3,
) -> list[float]:
    """The relative error of ``backprop`` against differences, for each array that it returns a gradient of.

    ``function(*arrays)`` follows the layer contract. A layer's output y is made a scalar loss by a random
    projection, L = Σ p y, whose gradient dL/dy = p is fed to ``backprop``; a scalar output is the loss itself.
    """
    arrays = [np.array(array, dtype=np.float64) for array in arrays]
    output, backprop = function(*arrays)
    projection = generator.normal(size=np.shape(output)) if np.ndim(output) else 1.0
    gradients = backprop(projection)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)

    def loss() -> float:
        return float(np.sum(projection * function(*arrays)[0]))

    return [
        relative_error(gradient, numerical_gradient(loss, array, step))
        for gradient, array in zip(gradients, arrays, strict=False)
    ]
