"""New points on an old plane of t-SNE: each is placed where its own divergence is lowest.

The old points stay where they are. A new point y has affinities p_j to its nearest old points, as
in t-SNE, and KL(p || q) is, but for a constant,

    rho sum_j p_j log(1 + |y - y_j|^2) + log phi(y),    phi(y) = sum_j 1 / (1 + |y - y_j|^2)

with rho = 1. phi is the potential of the old points alone, so one grid serves all new points, each
of which is independent of the others. Source: the objective is that of openTSNE's ``transform``
(Poličar, Stražar, Zupan, "Embedding to reference t-SNE space", 2021), also its perplexity and
exaggeration rho; the steps majorize the attraction by a quadratic.
"""

from collections.abc import Callable

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.projection.neighbors import make_neighbor_search
from etabli.projection.pca import check_points
from etabli.projection.repulsion import Potential

PERPLEXITY = 5.0  # few neighbors, so that a point is not drawn between two clusters
_EXAGGERATION = 1.5
_NEIGHBORS = 15  # three times the perplexity
STEPS = 20
_MARGIN = 5.0  # how far out of the plane a new point may be, in units of the kernel
_LEAST = 1e-6  # of the potential: on an empty part of the grid rounding can make it negative
_AT_ONCE = 20_000  # new points in memory at once


def place(
    points: np.ndarray,
    reference: np.ndarray,
    plane: np.ndarray,
    *,
    perplexity: float = PERPLEXITY,
    steps: int = STEPS,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Place new points (M, D) on the t-SNE plane (N, 2) of reference points (N, D).

    Args:
        points: the new points.
        reference: the points that the plane was computed from, in the same dimensions.
        plane: their positions; they do not move.
        perplexity: effective number of reference points that attract a new one.
        steps: of the minimization; with 0, a point is at the mean of its neighbors' positions,
            weighted by its affinities, which suits planes of any method.
        progress: receives the number of points placed since its last call.

    Returns:
        Positions (M, 2), float32. Those of a point do not depend on the other new points.

    Raises:
        BadArray: the arrays are malformed, or differ in dimensions.
    """
    points, reference = check_points(points), check_points(reference)
    plane = check_points(plane).astype(np.float64)
    if points.shape[1] != reference.shape[1] or plane.shape != (len(reference), 2):
        raise BadArray(
            _("new points and the points of the plane differ in dimensions"),
            expected=reference.shape[1],
            got=points.shape[1],
        )
    potential = Potential(plane, _MARGIN)
    placed = np.empty((len(points), 2), np.float32)
    k = min(_NEIGHBORS, len(reference))
    search = make_neighbor_search(reference, k)
    for start in range(0, len(points), _AT_ONCE):
        part = points[start : start + _AT_ONCE]
        distances, near = search(part)
        affinities = _compute_affinities(distances, min(perplexity, max(1.0, (k - 1) / 3)))
        placed[start : start + _AT_ONCE] = _minimize(affinities, plane[near], potential, steps)
        if progress is not None:
            progress(len(part))
    return placed


def _compute_affinities(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Return Gaussian affinities (M, k) of this perplexity; rows sum to one."""
    from openTSNE import _tsne

    # The nearest at distance zero changes no affinity, and avoids weights that all vanish.
    squares = np.square(distances.astype(np.float64))
    offsets = np.sqrt(squares - squares[:, :1])
    found = _tsne.compute_gaussian_perplexity(offsets, np.array([perplexity], float), num_threads=1)
    affinities = np.asarray(found)
    return affinities / affinities.sum(axis=1, keepdims=True)


def _minimize(
    affinities: np.ndarray, targets: np.ndarray, potential: Potential, steps: int
) -> np.ndarray:
    """Return the places (M, 2) of lowest divergence, near the best of some starts.

    ``targets`` (M, k, 2) are the positions of the neighbors.
    """
    mean = np.einsum("mk,mkd->md", affinities, targets)
    if not steps:
        return mean
    starts = [mean, *(targets[:, at] for at in range(min(3, targets.shape[1])))]
    tried = [_descend(start, affinities, targets, potential) for start in starts]
    losses, rows = np.stack([loss for loss, _after in tried]), np.arange(len(mean))
    best = losses.argmin(axis=0)
    kept, lowest = np.stack(starts)[best, rows], losses[best, rows]
    places = np.stack([after for _loss, after in tried])[best, rows]
    for _step in range(steps):
        loss, after = _descend(places, affinities, targets, potential)
        is_lower = loss < lowest
        lowest[is_lower], kept[is_lower] = loss[is_lower], places[is_lower]
        places = after
    return kept


def _descend(
    places: np.ndarray, affinities: np.ndarray, targets: np.ndarray, potential: Potential
) -> tuple[np.ndarray, np.ndarray]:
    """Return the divergences (M,) at places (M, 2), and the places after a step."""
    differences = places[:, None] - targets
    squares = 1 + np.einsum("mkd,mkd->mk", differences, differences)
    weights = affinities / squares
    phi, slope = potential.evaluate(places)
    phi = np.maximum(phi, _LEAST)
    loss = _EXAGGERATION * np.einsum("mk,mk->m", affinities, np.log(squares)) + np.log(phi)
    curvature = 2 * _EXAGGERATION * weights.sum(axis=1, keepdims=True)
    gradient = 2 * _EXAGGERATION * np.einsum("mk,mkd->md", weights, differences)
    gradient += slope / phi[:, None]
    return loss, places - gradient / curvature
