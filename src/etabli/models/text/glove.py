"""GloVe: word vectors whose products say how often words stand near each other.

    J = sum_ij f(X_ij) (w_i . c_j + b_i + d_j - ln X_ij)^2,   f(x) = min(1, (x / x_max)^0.75)

X_ij sums 1 / distance over all pairs of words within a window. Trained with AdaGrad; a word's vector is
w + c. Pennington, Socher, Manning 2014, "GloVe: global vectors for word representation", eq. 8 and 9,
section 4.2.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.training.checkpoint import Checkpoint

__all__ = ["Recipe", "cooccurrence", "train", "vocabulary"]


@dataclass(frozen=True)
class Recipe:
    """How the vectors are trained.

    dimension: D numbers to a word. rate: of AdaGrad. x_max: from this count on, a pair weighs no more.
    blocks: how many parts of the words a pass is cut into, one update each.
    """

    dimension: int = 50
    rate: float = 0.05
    x_max: float = 10.0
    blocks: int = 32

    def __post_init__(self) -> None:
        if min(self.dimension, self.blocks) < 1 or min(self.rate, self.x_max) <= 0:
            raise BadSetting(
                _("the recipe of GloVe is out of range"),
                expected=_("dimension and blocks >= 1, rate and x_max > 0"),
                got=self,
            )


def vocabulary(sentences: Sequence[Sequence[str]], least: int = 1) -> tuple[str, ...]:
    """The words that come at least ``least`` times, the commonest first, equals in alphabetical order."""
    counts = Counter(word for sentence in sentences for word in sentence)
    return tuple(
        sorted((w for w, n in counts.items() if n >= least), key=lambda w: (-counts[w], w))
    )


def cooccurrence(
    sentences: Sequence[Sequence[str]], words: Sequence[str], window: int = 10
) -> sparse.csr_matrix:
    """X (V, V), symmetric: 1 / distance summed over the pairs of words at most ``window`` places apart.

    Words outside of ``words`` take up their place and are not counted; no pair crosses a sentence.
    """
    if window < 1:
        raise BadSetting(_("the window is out of range"), expected=_("1 or more"), got=window)
    rows = {word: row for row, word in enumerate(words)}
    codes = [rows.get(word, -1) for sentence in sentences for word in [*sentence, *[None] * window]]
    codes = np.array(codes, dtype=np.int64)
    total = sparse.csr_matrix((len(words), len(words)))
    for distance in range(1, window + 1):
        left, right = codes[:-distance], codes[distance:]
        both = (left >= 0) & (right >= 0)
        weight = np.full(both.sum(), 1 / distance)
        total = total + sparse.coo_matrix((weight, (left[both], right[both])), total.shape).tocsr()
    return (total + total.T).tocsr()


def train(
    counts: sparse.csr_matrix,
    epochs: int,
    recipe: Recipe,
    seed: int,
    memory: Checkpoint | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """After each pass over X (V, V): the weighted squared error per pair, and the vectors w + c (V, D).

    With a ``memory`` an interrupted training goes on after the last pass that was followed, to the same numbers.
    """
    memory = memory or Checkpoint()
    counts = counts.tocsr()
    if counts.shape[0] != counts.shape[1] or counts.nnz == 0:
        raise BadArray(
            _("there is nothing to learn word vectors from"),
            expected=_("a square matrix of counts with words that stand near each other"),
            got=_("shape {shape}, {n} pairs").format(shape=counts.shape, n=counts.nnz),
        )
    words, random = counts.shape[0], make_generator(seed, "glove")
    # One more column to w and to c each holds the bias: (w, b, 1) . (c, 1, d).
    w, c = (
        (random.random((words, recipe.dimension + 2)) - 0.5) / recipe.dimension for _side in "wc"
    )
    w[:, -1] = c[:, -2] = 1.0
    w[:, -2] = c[:, -1] = 0.0
    w, c, *sums = (
        array.copy() for array in memory.resumed([w, c, np.ones_like(w), np.ones_like(c)])
    )
    for epoch in range(epochs):
        order, error = random.permutation(words), 0.0
        if epoch < memory.done:
            continue
        for block in np.array_split(order, min(recipe.blocks, words)):
            error += _update(counts[block], block, w, c, sums, recipe)
        yield error / counts.nnz, (w + c)[:, : recipe.dimension].copy()
        memory.keep(epoch + 1, [w, c, *sums])


def _update(counts, block, w, c, sums, recipe) -> float:
    """One step of AdaGrad on the pairs of a block of words, in place; the weighted squared error before
    it.
    """
    pairs = counts.tocoo()
    difference = np.einsum("nd,nd->n", w[block[pairs.row]], c[pairs.col]) - np.log(pairs.data)
    weighted = np.minimum(1.0, (pairs.data / recipe.x_max) ** 0.75) * difference
    slope = sparse.csr_matrix((weighted, counts.indices, counts.indptr), counts.shape)
    grad_w, grad_c = slope @ c, slope.T @ w[block]
    grad_w[:, -1] = grad_c[:, -2] = 0.0
    sums[0][block] += grad_w**2
    sums[1] += grad_c**2
    w[block] -= recipe.rate * grad_w / np.sqrt(sums[0][block])
    c -= recipe.rate * grad_c / np.sqrt(sums[1])
    return float((weighted * difference).sum())
