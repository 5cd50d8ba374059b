"""The Hessian of softmax regression: its loss is convex, and its minimum is not unique."""

import numpy as np

__all__ = ["softmax_hessian"]


def softmax_hessian(x: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Compute H = 1/N Σᵢ (diag(pᵢ) - pᵢ pᵢᵀ) ⊗ x̃ᵢ x̃ᵢᵀ with x̃ = (x, 1), class by class.

    From dL/dz = (p - y)/N follows d²L/dz² = (diag(p) - p pᵀ)/N, and z is linear in the parameters.
    For any v, vᵀ(diag(p) - p pᵀ)v = Σ p_c v_c² - (Σ p_c v_c)² is the variance of v under p: never
    negative, so the loss is convex; zero if all v_c are equal, so that one vector added to all
    classes changes nothing. Hence at least D + 1 eigenvalues are zero.

    Args:
        x: Inputs, (N, D).
        probabilities: Predicted probabilities p, (N, K).

    Returns:
        H, of shape (K(D+1), K(D+1)); no larger array is allocated.
    """
    n, k = probabilities.shape
    inputs = np.hstack([x, np.ones((n, 1))])
    width = inputs.shape[1]
    hessian = np.empty((k, width, k, width))
    for a in range(k):
        for b in range(k):
            weight = probabilities[:, a] * ((a == b) - probabilities[:, b])
            hessian[a, :, b, :] = (inputs * weight[:, None]).T @ inputs / n
    return hessian.reshape(k * width, k * width)
