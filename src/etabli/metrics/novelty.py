"""How far an input is from the training data: the distance to its k-th nearest training example.

Features are scaled to length 1; the limit is a quantile of the distances of the training examples,
each left out in turn. Sun, Ming, Zhu, Li 2022, "Out-of-distribution detection with deep nearest
neighbors", section 3.
"""

from dataclasses import dataclass

import numpy as np

NEIGHBORS, QUANTILE = 5, 0.99
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Unit features (N, D) of what a model was trained on, and the largest familiar distance.

    ``neighbor`` is k, at least 1 and smaller than N.
    """

    directions: np.ndarray
    limit: float
    neighbor: int

    @classmethod
    def fit(
        cls, features: np.ndarray, neighbor: int = NEIGHBORS, quantile: float = QUANTILE
    ) -> "Familiarity | None":
        """Take the limit from training examples (N, D); None where there are fewer than two."""
        directions = normalize_rows(features)
        neighbor = min(neighbor, len(directions) - 1)
        if neighbor < 1:
            return None
        left_out = _measure(directions, directions, neighbor, is_same=True)
        return cls(directions, float(np.quantile(left_out, quantile)), neighbor)

    def measure(self, features: np.ndarray) -> np.ndarray:
        """Return the distance (M,) of each row of features (M, D)."""
        return _measure(normalize_rows(features), self.directions, self.neighbor)

    def is_far(self, features: np.ndarray) -> np.ndarray:
        """Return which rows of features (M, D) are farther than the limit: (M,)."""
        return self.measure(features) > self.limit


def normalize_rows(features: np.ndarray) -> np.ndarray:
    """Return rows of length 1 in float32; a row of zeros stays."""
    features = np.asarray(features, np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)


def _measure(
    queries: np.ndarray, directions: np.ndarray, neighbor: int, is_same: bool = False
) -> np.ndarray:
    found = []
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        cosines = block @ directions.T
        if is_same:
            rows = np.arange(len(block))
            cosines[rows, start + rows] = -np.inf
        nearest = -np.partition(-cosines, neighbor - 1, axis=1)[:, neighbor - 1]
        found.append(np.sqrt(np.maximum(0, 2 - 2 * nearest)))
    return np.concatenate(found) if found else np.zeros(0, np.float32)
