"""Silhouette and trustworthiness of scikit-learn, on a sample of points: they take O(N^2)."""

import numpy as np

from etabli.core.seeding import make_generator
from etabli.metrics.score import Score, check_points, encode_labels


def silhouette(
    points: np.ndarray, labels: np.ndarray, *, max_points: int = 2000, seed: int = 0
) -> Score:
    """Average (b - a) / max(a, b), distances a within the class, b to the nearest other class.

    From -1 to 1; 0 for one class, or a class per point. Source: Rousseeuw 1987.

    Args:
        points: (N, D).
        labels: (N,).
        max_points: larger sets are sampled.
        seed: of the sample.
    """
    from sklearn.metrics import silhouette_score

    points = check_points(points)
    _names, codes = encode_labels(labels, len(points))
    chosen = _sample_rows(len(points), max_points, seed)
    classes = len(np.unique(codes[chosen]))
    recipe = {"silhouette": "euclidean", "n": len(chosen), "classes": classes}
    if not 1 < classes < len(chosen):
        return Score(0.0, recipe)
    return Score(float(silhouette_score(points[chosen], codes[chosen])), recipe)


def trustworthiness(
    points: np.ndarray, projected: np.ndarray, *, k: int = 6, max_points: int = 2000, seed: int = 0
) -> Score:
    """Measure how far neighbors in a projection are neighbors in the original space; at most 1.

    Source: Venna, Kaski 2001.

    Args:
        points: (N, D), the original space.
        projected: (N, 2).
        k: number of neighbors.
        max_points: larger sets are sampled.
        seed: of the sample.
    """
    from sklearn import manifold

    points, projected = check_points(points), check_points(projected)
    chosen = _sample_rows(len(points), max_points, seed)
    k = max(1, min(k, (len(chosen) - 1) // 2))
    recipe = {"trustworthiness": f"k={k}", "n": len(chosen)}
    if len(chosen) < 4:
        return Score(1.0, recipe)
    return Score(
        float(manifold.trustworthiness(points[chosen], projected[chosen], n_neighbors=k)), recipe
    )


def _sample_rows(n: int, max_points: int, seed: int) -> np.ndarray:
    if n <= max_points:
        return np.arange(n)
    return np.sort(make_generator(seed, "separability").choice(n, max_points, replace=False))
