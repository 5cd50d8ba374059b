"""The feed-forward net that both NumPy estimators are, written with the layers of ``etabli.nn`` to be read.

Parameters stand in one list, input side first: [W₁, b₁, W₂, b₂, ...]. Training runs the same equations
in place (``_training``); a test holds the two together.
"""

import numpy as np

from etabli import nn

ACTIVATIONS = {"sigmoid": nn.sigmoid, "relu": nn.relu}


def forward(
    x: np.ndarray, parameters: list[np.ndarray], activation: str = "sigmoid"
) -> tuple[list[np.ndarray], np.ndarray]:
    """The hidden activations, input side first, and the logits z (N, K): hₗ = σ(hₗ₋₁ Wₗ + bₗ), z = h W +
    b.
    """
    hidden = []
    for w, b in _pairs(parameters)[:-1]:
        u, _ = nn.linear(x, w, b)
        x, _ = ACTIVATIONS[activation](u)
        hidden.append(x)
    logits, _ = nn.linear(x, *parameters[-2:])
    return hidden, logits


def loss_and_gradients(
    x: np.ndarray,
    target: np.ndarray,
    parameters: list[np.ndarray],
    activation: str = "sigmoid",
    l2: float = 0.0,
) -> tuple[float, list[np.ndarray]]:
    """L = cross-entropy + l2/2 Σ‖W‖² of one batch, and dL/d(parameter) for each, by back-propagation."""
    backprops = []
    for w, b in _pairs(parameters)[:-1]:
        u, linear_backprop = nn.linear(x, w, b)
        x, activation_backprop = ACTIVATIONS[activation](u)
        backprops.append((linear_backprop, activation_backprop))
    logits, linear_backprop = nn.linear(x, *parameters[-2:])
    loss, loss_backprop = nn.softmax_cross_entropy(logits, target)

    dx, dw, db = linear_backprop(loss_backprop(1.0))
    gradients = [dw, db]
    for linear_backprop, activation_backprop in reversed(backprops):
        dx, dw, db = linear_backprop(activation_backprop(dx))
        gradients = [dw, db, *gradients]
    for index in range(0, len(parameters), 2):  # weights only: a bias has no reason to be small
        gradients[index] = gradients[index] + l2 * parameters[index]
        loss = loss + l2 / 2 * (parameters[index] ** 2).sum()
    return loss, gradients


def _pairs(parameters: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))
