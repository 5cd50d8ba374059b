"""Gradient check: gradients compared with finite differences of the loss, in float64."""

from collections.abc import Callable, Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["gradient_check", "numerical_gradient", "relative_error"]


def numerical_gradient(
    loss: Callable[[], float], array: np.ndarray, step: float = 1e-3
) -> np.ndarray:
    """Compute dL/da for each element a of ``array`` by central differences with error O(step⁴).

    (8 [L(a+h) - L(a-h)] - [L(a+2h) - L(a-2h)]) / 12h. ``loss`` takes no argument and reads
    ``array``, whose elements are changed one by one and restored. The loss must be smooth there.

    Raises:
        BadArray: ``array`` is not float64; in float32, rounding exceeds the differences.
    """
    if array.dtype != np.float64:
        raise BadArray(
            _("a numerical gradient needs double precision"), expected="float64", got=array.dtype
        )
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        center, value = array[index], {}
        for k in (-2, -1, 1, 2):
            array[index] = center + k * step
            value[k] = loss()
        array[index] = center
        gradient[index] = (8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * step)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Compute ‖a - b‖ / (‖a‖ + ‖b‖): 0 for equal arrays (zeros too), 1 for opposite ones."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.subtract(a, b)) / size) if size else 0.0


def gradient_check(
    function: Callable[..., tuple[np.ndarray | float, Callable]],
    arrays: Sequence[np.ndarray],
    *,
    generator: np.random.Generator,
    step: float = 1e-3,
) -> list[float]:
    """Compute the relative error of each gradient of ``backprop`` to finite differences.

    Args:
        function: ``output, backprop = function(*arrays)``, as the layers and losses of ``nn``.
            An output y is reduced to a scalar loss by a random projection, L = Σ p y, so that
            ``backprop`` gets dL/dy = p; a scalar output is the loss itself.
        arrays: The inputs, in the order of the gradients; converted to float64.
        generator: Draws the projection.
        step: The step of the differences.
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
