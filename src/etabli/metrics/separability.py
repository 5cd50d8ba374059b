"""Two measures of scikit-learn that stand beside ours, on at most so many points, for they take N^2 time or memory."""

import numpy as np

from etabli.core.seeding import make_generator
from etabli.metrics.score import Score, encode_labels, check_points


def silhouette(points: np.ndarray, labels: np.ndarray, *, most: int = 2000, seed: int = 0) -> Score:
    """Mean of (b - a) / max(a, b): a the mean distance within the class, b to the nearest other class; from -1 to 1.

    0 where there is only one class, or each point is its own. Source: Rousseeuw 1987.
    """
    from sklearn.metrics import silhouette_score

    points = check_points(points)
    _names, codes = encode_labels(labels, len(points))
    chosen = _some(len(points), most, seed)
    classes = len(np.unique(codes[chosen]))
    recipe = {"silhouette": "euclidean", "n": len(chosen), "classes": classes}
    if not 1 < classes < len(chosen):
        return Score(0.0, recipe)
    return Score(float(silhouette_score(points[chosen], codes[chosen])), recipe)


def trustworthiness(
    points: np.ndarray, projected: np.ndarray, *, k: int = 6, most: int = 2000, seed: int = 0
) -> Score:
    """How far the neighbours in a projection are neighbours in the space it came from too; 1 where all are.

    Source: Venna, Kaski 2001.
    """
    from sklearn import manifold

    points, projected = check_points(points), check_points(projected)
    chosen = _some(len(points), most, seed)
    k = max(1, min(k, (len(chosen) - 1) // 2))
    recipe = {"trustworthiness": f"k={k}", "n": len(chosen)}
    if len(chosen) < 4:
        return Score(1.0, recipe)
    return Score(
        float(manifold.trustworthiness(points[chosen], projected[chosen], n_neighbors=k)), recipe
    )


def _some(n: int, most: int, seed: int) -> np.ndarray:
    if n <= most:
        return np.arange(n)
    return np.sort(make_generator(seed, "separability").choice(n, most, replace=False))
