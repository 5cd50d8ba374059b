"""t-distributed stochastic neighbour embedding, by openTSNE.

Source: van der Maaten, Hinton 2008; openTSNE: Poličar, Stražar, Zupan 2024.
"""

import os
from collections.abc import Callable

import numpy as np

from etabli.errors import BadSetting
from etabli.i18n import _
from etabli.projection.pca import pca
from etabli.projection.points import points_of
from etabli.seeding import generator

EARLY = 250
_EVERY = 25
_FEW = 3000  # below, threads wait for one another longer than they work


def tsne(
    points: np.ndarray, *, perplexity: float = 30.0, iterations: int = 500, pca_dimensions: int = 50, seed: int = 0,
    progress: Callable[[int], None] | None = None, threads: int | None = None,
) -> np.ndarray:  # fmt: skip
    """(N, D) -> (N, 2): neighbours come near. 250 iterations of exaggeration come before the ``iterations``.

    Points of more than ``pca_dimensions`` are first reduced to their principal components: less noise, and faster.
    ``perplexity`` is the effective number of neighbours; few points get the largest that they allow, (N - 1) / 3,
    and fewer than four their PCA plane. ``progress`` is told the number of iterations done since its last call.
    """
    points = points_of(points)
    if perplexity <= 0 or iterations < 0 or pca_dimensions < 1:
        raise BadSetting(_("t-SNE needs a positive perplexity, iterations and PCA dimensions"))
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
        early_exaggeration_iter=EARLY,
        n_iter=iterations,
        n_jobs=threads or (1 if len(points) < _FEW else os.cpu_count() or 1),
        initialization=_start(points, seed),
        random_state=int(generator(seed, "tsne").integers(2**31 - 1)),
        **watched,
    ).fit(points.astype(np.float64))
    return np.asarray(embedding, dtype=np.float32)


def _start(points: np.ndarray, seed: int) -> np.ndarray:
    """The PCA plane, made very small, with a little noise so that a line can unfold (Kobak, Berens 2019)."""
    plane = pca(points).points.astype(np.float64)
    plane /= plane[:, 0].std()
    return 1e-4 * (plane + generator(seed, "tsne", "start").normal(0, 1e-2, plane.shape))
