"""t-distributed stochastic neighbour embedding, by openTSNE, which is given a faster repulsion.

Source: van der Maaten, Hinton 2008; openTSNE: Poličar, Stražar, Zupan 2024.
"""

import os
from collections.abc import Callable

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.projection.pca import pca, check_points
from etabli.projection.repulsion import compute_repulsion

EARLY_ITERATIONS = 250
METHOD = "splines"  # part of what a kept plane depends upon
_EVERY = 25
_FEW = 500  # below, openTSNE's own tree is exact about what a grid blurs: a few points far apart
_ONE_THREAD = 3000  # below, threads wait for one another longer than they work
_MANY = 30_000  # above, an approximate search for neighbours is faster than the exact one


def tsne(
    points: np.ndarray, *, perplexity: float = 30.0, iterations: int = 500, pca_dimensions: int = 50, seed: int = 0,
    progress: Callable[[int], None] | None = None, threads: int | None = None,
) -> np.ndarray:  # fmt: skip
    """(N, D) -> (N, 2): neighbours come near. 250 iterations of exaggeration come before the ``iterations``.

    Points of more than ``pca_dimensions`` are first reduced to their principal components: less noise, and faster.
    ``perplexity`` is the effective number of neighbours; few points get the largest that they allow, (N - 1) / 3,
    and fewer than four their PCA plane. ``progress`` is told the number of iterations done since its last call.
    """
    points = check_points(points)
    if perplexity <= 0 or iterations < 0 or pca_dimensions < 1:
        raise BadSetting(_("t-SNE needs a positive perplexity, number of iterations and number of PCA dimensions"))
    if len(points) < 4 or not np.ptp(points, axis=0).any():
        return pca(points).points
    if points.shape[1] > pca_dimensions:
        points = pca(points, pca_dimensions).points
    from openTSNE import TSNE

    def called(iteration: int, _error: float, _embedding: np.ndarray) -> None:
        progress(_EVERY)

    watched = {"callbacks": called, "callbacks_every_iters": _EVERY} if progress else {}
    embedding = TSNE(
        perplexity=min(perplexity, (len(points) - 1) / 3),
        early_exaggeration_iter=EARLY_ITERATIONS,
        n_iter=iterations,
        n_jobs=threads or (1 if len(points) < _ONE_THREAD else os.cpu_count() or 1),
        neighbors="exact" if len(points) <= _MANY else "approx",
        negative_gradient_method="bh" if len(points) < _FEW else _divergence,
        initialization=_start(points, seed),
        random_state=int(make_generator(seed, "tsne").integers(2**31 - 1)),
        **watched,
    ).fit(points.astype(np.float64))
    return np.asarray(embedding, dtype=np.float32)


def _divergence(
    embedding: np.ndarray,
    P,
    dof: float,
    *,
    n_jobs: int = 1,
    should_eval_error: bool = False,
    **_options,
):
    """KL(P || Q) (only where asked for) and its gradient: what openTSNE asks of a method of its optimizer.

    Attraction sum_j p_ij q_ij Z (y_i - y_j) is openTSNE's; the common factor 4 is in its learning rate.
    """
    from openTSNE import _tsne

    apart, total = compute_repulsion(np.asarray(embedding), n_jobs)
    gradient = -apart / total
    mass, divergence = _tsne.estimate_positive_gradient_nn(
        P.indices, P.indptr, P.data, embedding, embedding, gradient, dof,
        num_threads=n_jobs, should_eval_error=should_eval_error,
    )  # fmt: skip
    return divergence + mass * np.log(total), gradient


def _start(points: np.ndarray, seed: int) -> np.ndarray:
    """The PCA plane, made very small, with a little noise so that a line can unfold (Kobak, Berens 2019)."""
    plane = pca(points).points.astype(np.float64)
    plane /= plane[:, 0].std()
    return 1e-4 * (plane + make_generator(seed, "tsne", "start").normal(0, 1e-2, plane.shape))
