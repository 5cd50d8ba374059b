"""Optimizers: one update of the parameters, in place, from their gradients."""

import numpy as np

__all__ = ["SGD"]


class SGD:
    """Stochastic gradient descent with momentum: v ← m v - η dL/dw, then w ← w + v.

    ``learning_rate`` η: larger is faster, until training diverges. ``momentum`` m in [0, 1): the
    share of the last step that is kept; 0.9 multiplies the step of a constant gradient by ten
    (Polyak, 1964). With m = 0 the update is w ← w - η dL/dw.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self._velocities: list[np.ndarray] = []

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        """Update every parameter in place; the gradients are not changed."""
        if not self._velocities:
            self._velocities = [np.zeros_like(parameter) for parameter in parameters]
        for parameter, gradient, velocity in zip(
            parameters, gradients, self._velocities, strict=True
        ):
            velocity *= parameter.dtype.type(self.momentum)
            velocity -= parameter.dtype.type(self.learning_rate) * gradient
            parameter += velocity
