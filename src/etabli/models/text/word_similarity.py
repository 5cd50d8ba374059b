"""What can be asked of word vectors: neighbours, analogies, clusters and their names.

Vectors are L2-normalised first, so that a dot product is a cosine and distance orders words as the
cosine does. Practical 4, exercise 2 b.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadArray, BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import make_generator

__all__ = ["Clusters", "analogy", "cluster", "neighbour_overlap", "neighbours", "normalise"]


@dataclass(frozen=True)
class Clusters:
    """k-means on N normalised words.

    labels (N,): the cluster of each word. centres (K, D). names: the word nearest to each centre.
    nearest: for each cluster the words next to its centre, nearest first, without its name. They are
    taken from all words, as the lab report does: one near two centres stands in both lists.
    """

    labels: np.ndarray
    centres: np.ndarray
    names: tuple[str, ...]
    nearest: tuple[tuple[str, ...], ...]


def normalise(vectors: np.ndarray) -> np.ndarray:
    """x / |x| for every row (N, D); a row of zeros stays as it is. Raises ``BadArray`` for NaN or
    infinity.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise BadArray(
            _("these are no word vectors"),
            expected=_("finite numbers (N, D)"),
            got=_("shape {s}").format(s=vectors.shape),
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def neighbours(
    words: Sequence[str], vectors: np.ndarray, word: str, count: int = 10
) -> list[tuple[str, float]]:
    """The words with the largest cosine to a word, and the cosines; the word itself left out."""
    unit = normalise(vectors)
    row = _row(words, word)
    return _largest(words, unit @ unit[row], {row}, count)


def analogy(
    words: Sequence[str], vectors: np.ndarray, a: str, b: str, c: str, count: int = 5
) -> list[tuple[str, float]]:
    """a is to b as c is to ...: the words nearest to b - a + c, the three left out, and the cosines.

    Mikolov, Yih, Zweig 2013, "Linguistic regularities in continuous space word representations", section 4.
    """
    unit = normalise(vectors)
    rows = [_row(words, word) for word in (a, b, c)]
    target = normalise((unit[rows[1]] - unit[rows[0]] + unit[rows[2]])[None])[0]
    return _largest(words, unit @ target, set(rows), count)


def cluster(
    words: Sequence[str], vectors: np.ndarray, clusters: int = 10, seed: int = 0, listed: int = 20
) -> Clusters:
    """k-means (up to 1,000 iterations, the best of 10 starts) on the normalised vectors (N, D)."""
    from sklearn.cluster import KMeans

    unit = normalise(vectors)
    if not 1 <= clusters <= len(np.unique(unit, axis=0)):
        raise BadSetting(
            _("{clusters} clusters cannot be made").format(clusters=clusters),
            expected=_("1 to {n}: as many different words as clusters").format(
                n=len(np.unique(unit, axis=0))
            ),
        )
    state = int(make_generator(seed, "k-means").integers(2**31 - 1))
    fitted = KMeans(clusters, max_iter=1000, n_init=10, random_state=state).fit(unit)
    centres = fitted.cluster_centers_
    distances = (unit**2).sum(axis=1) - 2 * centres @ unit.T
    order = np.argsort(distances, axis=1, kind="stable")[:, : listed + 1]
    return Clusters(
        fitted.labels_,
        centres,
        tuple(words[row[0]] for row in order),
        tuple(tuple(words[i] for i in row[1:]) for row in order),
    )


def neighbour_overlap(one: np.ndarray, other: np.ndarray, k: int = 10) -> np.ndarray:
    """For each word, the share of its k nearest words that two sets of vectors (N, D), (N, E) agree on: (N,).

    k / (N - 1) is what chance gives.
    """
    one, other = (normalise(vectors) for vectors in (one, other))
    if len(one) != len(other) or not 1 <= k < len(one):
        raise BadArray(
            _("the neighbourhoods of these words cannot be compared"),
            expected=_("two vectors for each of more than k words"),
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
    words: Sequence[str], cosines: np.ndarray, without: set[int], count: int
) -> list[tuple[str, float]]:
    order = [
        i for i in np.argsort(-cosines, kind="stable")[: count + len(without)] if i not in without
    ]
    return [(words[i], float(cosines[i])) for i in order[:count]]
