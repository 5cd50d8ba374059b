"""What one looks at in a net while it learns: how far its hidden units have parted, how rough its gradients are."""

import numpy as np

from etabli.models._base_network import NetworkClassifier
from etabli.seeding import generator

__all__ = ["gradient_roughness", "nudged", "unit_spread"]


def unit_spread(w_hidden: np.ndarray) -> float:
    """maxⱼ ‖wⱼ - w̄‖ / ‖w̄‖ over the columns wⱼ of W_h (D, H) and their mean w̄: 0 for twins, about 1 for strangers.

    In double precision, so that it measures the weights and not its own rounding; 0 where all weights are zero.
    """
    w = w_hidden.astype(np.float64)
    first = w - w[:, :1]  # exact for twins, where a mean may round
    mean_distance = first.mean(axis=1, keepdims=True)
    distance = np.linalg.norm(first - mean_distance, axis=0).max()
    size = np.linalg.norm(w[:, :1] + mean_distance)
    return float(distance / size) if size else 0.0


def gradient_roughness(
    model: NetworkClassifier, x: np.ndarray, y: np.ndarray, size: int, stream: np.random.Generator, draws: int = 200
) -> float:
    """√(mean ‖g_batch - g‖²) / ‖g‖ over random batches, where g is the gradient on all examples: 0 is exact.

    For batches drawn from many examples it falls as 1/√size.
    """
    whole = _flat_gradient(model, x, y)
    errors = []
    for _draw in range(draws):
        chosen = stream.choice(len(x), min(size, len(x)), replace=False)
        errors.append(np.sum((_flat_gradient(model, x[chosen], y[chosen]) - whole) ** 2))
    return float(np.sqrt(np.mean(errors)) / np.linalg.norm(whole))


def _flat_gradient(model: NetworkClassifier, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([gradient.ravel() for gradient in model.gradients(x, y)[1]]).astype(np.float64)


def nudged(weights: np.ndarray, seed: int) -> np.ndarray:
    """Every weight moved to the next number of its precision, up or down by chance: the smallest change there is."""
    upwards = generator(seed, "nudge").random(weights.shape) < 0.5
    return np.nextafter(weights, np.where(upwards, np.inf, -np.inf).astype(weights.dtype))
