"""Optimizers: one update of the parameters, in place, from their gradients."""

import numpy as np

__all__ = ["SGD"]


class SGD:
    """Stochastic gradient descent: v ← m v - η dL/dw, then w ← w + v; with m = 0 this is w ← w - η dL/dw.

    ``learning_rate`` η: larger learns faster, until it diverges. ``momentum`` m in [0, 1): the share of the last
    step that is kept; 0.9 multiplies the step of a steady gradient by ten. Polyak, 1964.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self._velocities: list[np.ndarray] = []

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        """Move every parameter by one step; the gradients are left as they are."""
        if not self._velocities:
            self._velocities = [np.zeros_like(parameter) for parameter in parameters]
        for parameter, gradient, velocity in zip(
            parameters, gradients, self._velocities, strict=True
        ):
            velocity *= parameter.dtype.type(self.momentum)
            velocity -= parameter.dtype.type(self.learning_rate) * gradient
            parameter += velocity
