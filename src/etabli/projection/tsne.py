"""t-distributed stochastic neighbor embedding, by openTSNE with a faster repulsion.

Source: van der Maaten, Hinton 2008; openTSNE: Poličar, Stražar, Zupan 2024.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.projection.neighbors import find_approximate, is_approximate
from etabli.projection.pca import check_points, pca
from etabli.projection.repulsion import MANY, compute_repulsion

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

EARLY_ITERATIONS = 250
METHOD = "splines"  # part of the key of a cached projection
_REPORT_EVERY = 25  # iterations
_START_SPREAD = 9e-3  # standard deviation of a given start; openTSNE advises against more than 1e-2
_MIN_FOR_GRID = 500  # below, the Barnes-Hut tree of openTSNE is exact where a grid blurs
_MIN_FOR_THREADS = 3000  # below, threads wait longer than they compute


def tsne(
    points: np.ndarray,
    *,
    perplexity: float = 30.0,
    iterations: int = 500,
    pca_dimensions: int = 50,
    seed: int = 0,
    start: np.ndarray | None = None,
    early_iterations: int = EARLY_ITERATIONS,
    progress: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Project (N, D) to (N, 2) by t-SNE, after 250 iterations of early exaggeration.

    Args:
        points: (N, D); fewer than four get their PCA plane.
        perplexity: the effective number of neighbors, at most (N - 1) / 3.
        iterations: after the early exaggeration.
        pca_dimensions: points of more are reduced to their principal components first.
        seed: of the initialization.
        start: (N, 2), a plane of the same points from which to start, in the place of their PCA
            plane: planes of successive layers are then arranged alike.
        early_iterations: with early exaggeration; from a good start 100 suffice.
        progress: receives the number of iterations since its last call.
        threads: number of threads (default: one for few points, else all cores); any number
            gives the same bytes.

    Raises:
        BadArray: the points or the start are malformed.
        BadSetting: perplexity, iterations or dimensions are out of range.
    """
    points = check_points(points)
    if perplexity <= 0 or min(iterations, early_iterations) < 0 or pca_dimensions < 1:
        raise BadSetting(
            _(
                "t-SNE needs a positive perplexity, number of iterations and number of PCA "
                "dimensions"
            )
        )
    if len(points) < 4 or not np.ptp(points, axis=0).any():
        return pca(points).points
    if points.shape[1] > pca_dimensions:
        points = pca(points, pca_dimensions).points
    from openTSNE import TSNE

    n = len(points)
    perplexity = min(perplexity, (n - 1) / 3)
    jobs = threads or (1 if n < _MIN_FOR_THREADS else os.cpu_count() or 1)

    def report(_iteration: int, _error: float, _embedding: np.ndarray) -> None:
        if progress is not None:
            progress(_REPORT_EVERY)

    initial = _initialize(points, seed) if start is None else _shrink(start, n)
    order: slice | np.ndarray = slice(None)
    if n > MANY:  # neighbors close in memory: the attraction is a fourth faster
        order = np.argsort(initial[:, 0], kind="stable")
        points, initial = points[order], initial[order]
    embedding = TSNE(
        perplexity=perplexity,
        early_exaggeration_iter=early_iterations,
        n_iter=iterations,
        n_jobs=jobs,
        neighbors=find_approximate(points, perplexity, jobs) if is_approximate(n) else "exact",
        negative_gradient_method="bh" if len(points) < _MIN_FOR_GRID else _compute_gradient,
        initialization=initial,
        random_state=int(make_generator(seed, "tsne").integers(2**31 - 1)),
        callbacks=report if progress else None,  # a callback computes the divergence, too
        callbacks_every_iters=_REPORT_EVERY,
    ).fit(points.astype(np.float64))
    plane = np.empty((n, 2), np.float32)
    plane[order] = embedding
    return plane


def _compute_gradient(
    embedding: np.ndarray,
    P: "csr_matrix",
    dof: float,
    *,
    n_jobs: int = 1,
    should_eval_error: bool = False,
    **_options: object,
) -> tuple[float, np.ndarray]:
    """Compute KL(P || Q), if requested, and its gradient: a negative gradient method of openTSNE.

    The attraction sum_j p_ij q_ij Z (y_i - y_j) is computed by openTSNE; the common factor 4 is in
    its learning rate.
    """
    from openTSNE import _tsne

    repulsion, total = compute_repulsion(np.asarray(embedding), n_jobs)
    gradient = -repulsion / total
    mass, divergence = _tsne.estimate_positive_gradient_nn(
        P.indices, P.indptr, P.data, embedding, embedding, gradient, dof,
        num_threads=n_jobs, should_eval_error=should_eval_error,
    )  # fmt: skip
    return divergence + mass * np.log(total), gradient


def _initialize(points: np.ndarray, seed: int) -> np.ndarray:
    """Scale the PCA plane down, with noise so that a line can unfold (Kobak, Berens 2019)."""
    plane = pca(points).points.astype(np.float64)
    plane /= plane[:, 0].std()
    return 1e-4 * (plane + make_generator(seed, "tsne", "start").normal(0, 1e-2, plane.shape))


def _shrink(start: np.ndarray, n: int) -> np.ndarray:
    """Scale a plane down so far that early exaggeration can still rearrange its points."""
    plane = check_points(start).astype(np.float64)
    if plane.shape != (n, 2):
        raise BadArray(_("the start of t-SNE has another shape"), expected=(n, 2), got=plane.shape)
    centered = plane - plane.mean(axis=0)
    return _START_SPREAD * centered / max(centered.std(axis=0).max(), 1e-12)
