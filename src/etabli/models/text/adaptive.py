"""Models that learn from a text while they read it: each symbol only after it was predicted.

They pay what a compressor pays: their counts are those of the training text and of the test text
read so far. Such a score is *adaptive*, and not comparable with that of a static model.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.special import log_softmax

from etabli.models.text.ngram import estimate_discounts

__all__ = [
    "KneserNeyCounts",
    "list_character_contexts",
    "list_word_contexts",
    "mix_online",
    "read_online",
]

Contexts = Sequence[Hashable]
"""The contexts of one position, shortest first; each determines those before it."""

MAX_RUN = 16  # characters of a word that a context has: a text may have no blanks at all


def list_character_contexts(characters: str, order: int) -> list[Contexts]:
    """Return for every position the 0, 1, ..., ``order`` characters before it, where there are."""
    return [
        [characters[position - k : position] for k in range(min(order, position) + 1)]
        for position in range(len(characters))
    ]


def list_word_contexts(characters: str, words: int) -> list[Contexts]:
    """Return for every position contexts made of whole words, read up to there.

    They are nothing, the last character, the run of letters (or of other characters) so far, and
    that run after the last 1, 2, ..., ``words`` words.
    """
    found: list[Contexts] = []
    run, before = "", [""] * words
    for position in range(len(characters)):
        last = characters[max(0, position - 1) : position]
        if last and last.isalpha() != run[-1:].isalpha():
            if run[-1:].isalpha():
                before = [run, *before[: words - 1]]
            run = ""
        run = (run + last)[-MAX_RUN:]
        longer = [(run, *before[:k]) for k in range(1, words + 1)]
        found.append(["", last, (last, run), *longer])
    return found


class KneserNeyCounts:
    """Interpolated Kneser-Ney smoothing (``etabli.models.text.ngram``) whose counts can grow.

    ``orders[k]`` maps a context of order k to [the sum of its counts, the counts by symbol]. Only
    the longest contexts count symbols; shorter ones count the distinct longer contexts before them,
    so a symbol that a context knows changes no shorter one.
    """

    def __init__(self, vocabulary: int, orders: int) -> None:
        self.vocabulary = vocabulary
        self.orders: list[dict[Hashable, tuple[list[int], dict[int, int]]]] = [
            {} for _order in range(orders)
        ]
        self.discounts = [(0.5, 0.75, 0.75)] * orders

    def add(self, contexts: Contexts, symbol: int) -> None:
        """Count a symbol after its contexts, where all of them exist."""
        if len(contexts) < len(self.orders):
            return
        for order in range(len(contexts) - 1, -1, -1):
            total, counts = self.orders[order].setdefault(contexts[order], ([0], {}))
            known = counts.get(symbol, 0)
            counts[symbol] = known + 1
            total[0] += 1
            if known:
                break

    def fit_discounts(self) -> None:
        """Estimate the discounts of every order from its counts, as the static model does."""
        self.discounts = [
            estimate_discounts(
                np.array([n for _total, counts in table.values() for n in counts.values()])
            )
            for table in self.orders
        ]

    def predict(self, contexts: Contexts) -> np.ndarray:
        """Return p (V,) of the symbol after some contexts."""
        p = np.full(self.vocabulary, 1.0 / self.vocabulary)
        for table, context, discounts in zip(self.orders, contexts, self.discounts, strict=False):
            entry = table.get(context)
            if entry is None:
                break
            (total,), counts = entry
            taken = [discounts[min(count, 3) - 1] for count in counts.values()]
            p *= sum(taken) / total
            for (symbol, count), discount in zip(counts.items(), taken, strict=True):
                p[symbol] += (count - discount) / total
        return p


def read_online(
    contexts: Sequence[Contexts], codes: np.ndarray, vocabulary: int, first: int
) -> np.ndarray:
    """Return ln p (N, V) of the symbols from ``first`` on, each counted after its prediction.

    Args:
        contexts: The contexts of every position.
        codes: The symbols; those before ``first`` are counted before anything is predicted.
        vocabulary: V.
        first: The position of the first prediction.
    """
    model = KneserNeyCounts(vocabulary, len(contexts[-1]))
    symbols = codes.tolist()
    for position in range(first):
        model.add(contexts[position], symbols[position])
    model.fit_discounts()
    found = np.empty((len(symbols) - first, vocabulary))
    for position in range(first, len(symbols)):
        found[position - first] = model.predict(contexts[position])
        model.add(contexts[position], symbols[position])
    return np.log(found)


def mix_online(
    log_p: Sequence[np.ndarray],
    targets: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    rate: float = 0.002,
    start: Sequence[float] | None = None,
) -> np.ndarray:
    """Mix models log-linearly with weights that learn from every target after its prediction.

    ln p = sum_i w_i ln p_i + constant, with w = the weights of all positions + those of the
    position's group; a step of gradient descent on -ln p(target) updates both.

    Args:
        log_p: ln p (N, V) of each model.
        targets: The symbols that came, (N,).
        groups: The group of each position, known before its symbol; None: one group.
        rate: Of gradient descent.
        start: The first weights; None: each one over the number of models.

    Returns:
        ln p (N, V) of the mixture.
    """
    stack = np.stack(log_p, axis=1)
    count, models, _vocabulary = stack.shape
    group_of = np.zeros(count, dtype=np.int64) if groups is None else groups
    common = np.full(models, 1.0 / models) if start is None else np.array(start, dtype=float)
    own = np.zeros((int(group_of.max()) + 1, models))
    found = np.empty((count, stack.shape[2]))
    for position, (here, group, target) in enumerate(
        zip(stack, group_of.tolist(), targets.tolist(), strict=True)
    ):
        found[position] = now = log_softmax((common + own[group]) @ here)
        step = rate * (here[:, target] - here @ np.exp(now))
        common += step
        own[group] += step
    return found
