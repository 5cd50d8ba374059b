"""Layers: ``y, backprop = layer(x, ...)``; ``backprop(dy)`` returns the gradients.

``dy`` is dL/dy, of the shape of y, for a scalar loss L; likewise dx, dw and db. Rows are examples.
"""

from collections.abc import Callable

import numpy as np

__all__ = ["linear", "relu", "sigmoid", "softmax"]

Backprop = Callable[[np.ndarray], np.ndarray]


def linear(
    x: np.ndarray, w: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Compute y = x w + b, with x of shape (N, D), w (D, H), b (H,) and y (N, H)."""
    y = x @ w + b

    def backprop(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        dx = dy @ w.T  # dL/dx = dL/dy wᵀ
        dw = x.T @ dy  # dL/dw = xᵀ dL/dy
        db = dy.sum(axis=0)  # dL/db = sum over the examples of dL/dy
        return dx, dw, db

    return y, backprop


def sigmoid(x: np.ndarray) -> tuple[np.ndarray, Backprop]:
    """Compute y = 1 / (1 + e⁻ˣ) element-wise, as (1 + tanh(x/2)) / 2, which cannot overflow."""
    half = x.dtype.type(0.5)
    y = half * np.tanh(half * x) + half

    def backprop(dy: np.ndarray) -> np.ndarray:
        return dy * y * (1 - y)  # dy/dx = y (1 - y)

    return y, backprop


def relu(x: np.ndarray) -> tuple[np.ndarray, Backprop]:
    """Compute y = max(x, 0) element-wise."""
    y = np.maximum(x, 0)

    def backprop(dy: np.ndarray) -> np.ndarray:
        return dy * (x > 0)  # dy/dx = 1 where x > 0, else 0 (at the kink too)

    return y, backprop


def softmax(x: np.ndarray) -> tuple[np.ndarray, Backprop]:
    """Compute yᵢ = eˣⁱ / Σⱼ eˣʲ along each row."""
    # Subtracting the maximum of the row leaves y unchanged and keeps exp from overflowing.
    y = np.exp(x - x.max(axis=1, keepdims=True))
    y /= y.sum(axis=1, keepdims=True)

    def backprop(dy: np.ndarray) -> np.ndarray:
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))  # dyᵢ/dxⱼ = yᵢ (δᵢⱼ - yⱼ)

    return y, backprop
