"""Word vectors: nearest neighbors, analogies, clusters.

Vectors are L2-normalized first, so that dot products are cosines and distances order words as
cosines do. Practical 4, exercise 2 b.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadArray, BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import make_generator

__all__ = ["Clusters", "analogy", "cluster", "nearest_neighbors", "neighbor_overlap", "normalize"]


@dataclass(frozen=True)
class Clusters:
    """k-means on N normalized word vectors.

    labels (N,): the cluster of each word. centers (K, D). names: the word nearest to each center.
    nearest: the next words of each center, nearest first, among all words (as in the lab report): a
    word may be in two lists.
    """

    labels: np.ndarray
    centers: np.ndarray
    names: tuple[str, ...]
    nearest: tuple[tuple[str, ...], ...]


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Return x / |x| for every row (N, D), zeros for zeros.

    Raise ``BadArray`` for NaN or infinity.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise BadArray(
            _("the word vectors are not valid"),
            expected=_("finite numbers (N, D)"),
            got=_("shape {s}").format(s=vectors.shape),
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def nearest_neighbors(
    words: Sequence[str], vectors: np.ndarray, word: str, count: int = 10
) -> list[tuple[str, float]]:
    """Return the words of largest cosine with a word, and the cosines, without the word itself."""
    unit = normalize(vectors)
    row = _row(words, word)
    return _largest(words, unit @ unit[row], {row}, count)


def analogy(
    words: Sequence[str], vectors: np.ndarray, a: str, b: str, c: str, count: int = 5
) -> list[tuple[str, float]]:
    """Return the words nearest to b - a + c (a is to b as c is to ...), and the cosines.

    Mikolov, Yih, Zweig 2013, "Linguistic regularities in continuous space word representations",
    section 4.
    """
    unit = normalize(vectors)
    rows = [_row(words, word) for word in (a, b, c)]
    target = normalize((unit[rows[1]] - unit[rows[0]] + unit[rows[2]])[None])[0]
    return _largest(words, unit @ target, set(rows), count)


def cluster(
    words: Sequence[str],
    vectors: np.ndarray,
    clusters: int = 10,
    seed: int = 0,
    n_nearest: int = 20,
) -> Clusters:
    """Run k-means on the normalized vectors (N, D).

    Args:
        words: N words.
        vectors: Their vectors.
        clusters: K.
        seed: Seed of the 10 initializations.
        n_nearest: Words per cluster in ``Clusters.nearest``.

    Raises:
        BadSetting: Where there are fewer distinct vectors than clusters.
    """
    from sklearn.cluster import KMeans

    unit = normalize(vectors)
    # Vectors whose sums differ are distinct; only where these are too few are rows compared.
    distinct = len(np.unique(unit.sum(axis=1)))
    if distinct < clusters:
        distinct = len(np.unique(unit, axis=0))
    if not 1 <= clusters <= distinct:
        raise BadSetting(
            _("the number of clusters is out of range"),
            expected=_("1 to {n}, the number of distinct vectors").format(n=distinct),
            got=clusters,
        )
    state = int(make_generator(seed, "k-means").integers(2**31 - 1))
    fitted = KMeans(clusters, max_iter=1000, n_init=10, random_state=state).fit(unit)
    centers = fitted.cluster_centers_
    distances = (unit**2).sum(axis=1) - 2 * centers @ unit.T
    order = np.argsort(distances, axis=1, kind="stable")[:, : n_nearest + 1]
    return Clusters(
        fitted.labels_,
        centers,
        tuple(words[row[0]] for row in order),
        tuple(tuple(words[i] for i in row[1:]) for row in order),
    )


def neighbor_overlap(one: np.ndarray, other: np.ndarray, k: int = 10) -> np.ndarray:
    """Return, for each word, the share of its k nearest neighbors in common of two sets of vectors:
    (N,).

    Independent vectors have k / (N - 1) on average.
    """
    one, other = (normalize(vectors) for vectors in (one, other))
    if len(one) != len(other) or not 1 <= k < len(one):
        raise BadArray(
            _("the nearest neighbors of these vectors cannot be compared"),
            expected=_("two vectors of each word, and more than k words"),
            got=_("{n} and {m} words, k = {k}").format(n=len(one), m=len(other), k=k),
        )
    sets = []
    for unit in (one, other):
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        sets.append(np.sort(np.argpartition(-cosines, k - 1, axis=1)[:, :k], axis=1))
    return np.array([len(np.intersect1d(a, b)) / k for a, b in zip(*sets, strict=True)])


def _row(words: Sequence[str], word: str) -> int:
    try:
        return words.index(word)
    except ValueError:
        raise UnknownName(_("word"), word, words) from None


def _largest(
    words: Sequence[str], cosines: np.ndarray, excluded: set[int], count: int
) -> list[tuple[str, float]]:
    order = [
        i for i in np.argsort(-cosines, kind="stable")[: count + len(excluded)] if i not in excluded
    ]
    return [(words[i], float(cosines[i])) for i in order[:count]]
