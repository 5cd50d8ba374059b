"""GloVe: word vectors whose dot products approximate the logarithm of co-occurrence counts.

    J = sum_ij f(X_ij) (w_i . c_j + b_i + d_j - ln X_ij)^2,   f(x) = min(1, (x / x_max)^0.75)

X_ij sums 1 / distance over all pairs of words within a window. Trained with AdaGrad; a word's
vector is w + c. Pennington, Socher, Manning 2014, "GloVe: global vectors for word representation",
eq. 8 and 9, section 4.2.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import sparse

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.progress import report_within_epoch
from etabli.core.seeding import make_generator
from etabli.training.checkpoint import Checkpoint

__all__ = ["TrainConfig", "build_vocabulary", "count_cooccurrences", "train"]


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of the training.

    dimension: D, size of the vectors. learning_rate: of AdaGrad. x_max: count from which on all
        pairs weigh the same.
    blocks: updates per epoch, each on a part of the words.
    """

    dimension: int = 50
    learning_rate: float = 0.05
    x_max: float = 10.0
    blocks: int = 32

    def __post_init__(self) -> None:
        if min(self.dimension, self.blocks) < 1 or min(self.learning_rate, self.x_max) <= 0:
            raise BadSetting(
                _("the training configuration of GloVe is out of range"),
                expected=_("dimension and blocks >= 1, learning_rate and x_max > 0"),
                got=self,
            )


def build_vocabulary(sentences: Sequence[Sequence[str]], min_count: int = 1) -> tuple[str, ...]:
    """Return the words that occur ``min_count`` times or more, most frequent first."""
    counts = Counter(word for sentence in sentences for word in sentence)
    frequent = (word for word, count in counts.items() if count >= min_count)
    return tuple(sorted(frequent, key=lambda word: (-counts[word], word)))


def count_cooccurrences(
    sentences: Sequence[Sequence[str]], words: Sequence[str], window: int = 10
) -> sparse.csr_matrix:
    """Return X (V, V), symmetric: 1 / distance summed over the pairs of words at most ``window``
    apart.

    Words outside of ``words`` keep their position but are not counted; no pair crosses a sentence.
    """
    if window < 1:
        raise BadSetting(_("the window is out of range"), expected=_("1 or more"), got=window)
    rows = {word: row for row, word in enumerate(words)}
    ends = [-1] * window  # padding, so that no pair crosses a sentence
    padded = ([rows.get(word, -1) for word in sentence] + ends for sentence in sentences)
    codes = np.fromiter(chain.from_iterable(padded), dtype=np.int64)
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
    config: TrainConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Train epoch by epoch; yield the weighted squared error per pair and the vectors w + c (V, D).

    Args:
        counts: X (V, V), co-occurrence counts.
        epochs: Number of epochs; stop iterating to stop earlier.
        config: Hyperparameters.
        seed: Seed of the initial vectors and of the order of the words.
        checkpoint: Where an interrupted training resumes from, to the same numbers bit for bit.
    """
    checkpoint = checkpoint or Checkpoint()
    counts = counts.tocsr()
    if counts.shape[0] != counts.shape[1] or counts.nnz == 0:
        raise BadArray(
            _("there are no co-occurrences to train word vectors on"),
            expected=_("a square matrix of counts that are not all zero"),
            got=_("shape {shape}, {n} pairs").format(shape=counts.shape, n=counts.nnz),
        )
    words, random = counts.shape[0], make_generator(seed, "glove")
    # Two more columns of w and of c hold the biases: (w, b, 1) . (c, 1, d) = w . c + b + d.
    w, c = (
        (random.random((words, config.dimension + 2)) - 0.5) / config.dimension for _side in "wc"
    )
    w[:, -1] = c[:, -2] = 1.0
    w[:, -2] = c[:, -1] = 0.0
    w, c, *sums = (
        array.copy() for array in checkpoint.restore([w, c, np.ones_like(w), np.ones_like(c)])
    )
    for epoch in range(epochs):
        order, error = random.permutation(words), 0.0
        if epoch < checkpoint.epoch:
            continue
        blocks, pairs = np.array_split(order, min(config.blocks, words)), 0
        for number, block in enumerate(blocks, 1):
            own = counts[block]
            error += _update(own, block, w, c, sums, config)
            pairs += own.nnz
            report_within_epoch(number / len(blocks), _mean, error, pairs)
        yield error / counts.nnz, (w + c)[:, : config.dimension].copy()
        checkpoint.save(epoch + 1, [w, c, *sums])


def _mean(error: float, pairs: int) -> dict[str, float]:
    return {"loss": error / max(1, pairs)}


def _update(
    counts: sparse.csr_matrix,
    block: np.ndarray,
    w: np.ndarray,
    c: np.ndarray,
    sums: list[np.ndarray],
    config: TrainConfig,
) -> float:
    """One step of AdaGrad on the pairs of a block of words, in place.

    The weighted squared error before it.
    """
    pairs = counts.tocoo()
    difference = np.einsum("nd,nd->n", w[block[pairs.row]], c[pairs.col]) - np.log(pairs.data)
    weighted = np.minimum(1.0, (pairs.data / config.x_max) ** 0.75) * difference
    slope = sparse.csr_matrix((weighted, counts.indices, counts.indptr), counts.shape)
    grad_w, grad_c = slope @ c, slope.T @ w[block]
    grad_w[:, -1] = grad_c[:, -2] = 0.0  # the columns of ones are constants
    sums[0][block] += grad_w**2
    sums[1] += grad_c**2
    w[block] -= config.learning_rate * grad_w / np.sqrt(sums[0][block])
    c -= config.learning_rate * grad_c / np.sqrt(sums[1])
    return float((weighted * difference).sum())
