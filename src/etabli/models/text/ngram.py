"""Interpolated n-gram models, and log-linear mixtures of models.

p_k interpolates the counts after a context of k symbols with p_(k-1); p_0 interpolates unigram
counts with 1 / V:

    p_k(w | h) = max(c(h w) - D, 0) / c(h) + gamma(h) p_(k-1)(w | h')

Chen, Goodman 1999, "An empirical study of smoothing techniques for language modeling", sections
2.7, 2.8 and 3.

In a log-linear mixture, p proportional to prod_i p_i^(a_i), each model can rule out symbols. The
weights minimize the negative log-likelihood of a validation text, a convex problem. Hinton 2002
(products of experts); Klakow 1998, "Log-linear interpolation of language models".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _

__all__ = [
    "NGram",
    "Order",
    "cross_predict",
    "estimate_discounts",
    "fit_mixture_weights",
    "kneser_ney",
    "mix",
    "witten_bell",
]


@dataclass(frozen=True)
class Order:
    """Contexts of one length k.

    ``keys`` (C,) are sorted; a key combines the row of the context's k - 1 last symbols with its
    oldest symbol. ``probabilities`` (C, V) are discounted counts over their sum, ``backoff`` (C,)
    weights of the shorter context.
    """

    keys: np.ndarray
    probabilities: sparse.csr_matrix
    backoff: np.ndarray


@dataclass(frozen=True)
class NGram:
    """A fitted n-gram model: ``orders[k]`` holds the contexts of k symbols."""

    name: str
    vocabulary: int
    orders: tuple[Order, ...]

    @property
    def context(self) -> int:
        """The length of the longest context."""
        return len(self.orders) - 1

    def log_probabilities(
        self, codes: np.ndarray, first: int = 0, last: int | None = None
    ) -> np.ndarray:
        """Return ln p (N, V) of the symbol at each position first..last-1 of ``codes``, given those
        before it.

        By default all positions, with the one after the end.
        """
        codes = np.asarray(codes)
        last = len(codes) + 1 if last is None else last
        cuts = [np.arange(start, min(start + 8192, last)) for start in range(first, last, 8192)]
        parts = [self._at(codes, positions, self.orders) for positions in cuts]
        return np.concatenate(parts) if parts else np.empty((0, self.vocabulary))

    def next_log_probabilities(self, contexts: np.ndarray) -> np.ndarray:
        """Return ln p (B, V) of the symbol after each of the contexts (B, T)."""
        rows, length = np.shape(contexts)
        # Concatenated with one more position each; no order reads beyond the start of its row.
        text = np.pad(contexts, ((0, 0), (0, 1))).ravel()
        return self._at(text, length + (length + 1) * np.arange(rows), self.orders[: length + 1])

    def _at(
        self, codes: np.ndarray, positions: np.ndarray, orders: tuple[Order, ...]
    ) -> np.ndarray:
        p = np.full((len(positions), self.vocabulary), 1.0 / self.vocabulary)
        nodes = np.zeros(len(positions), dtype=np.int64)
        for k, order in enumerate(orders):
            if k:
                nodes = _find_longer(order.keys, nodes, codes, positions, k, self.vocabulary)
            known = nodes >= 0
            rows = nodes[known]
            backed_off = order.backoff[rows, None] * p[known]
            p[known] = order.probabilities[rows].toarray() + backed_off
        return np.log(p)


def witten_bell(codes: np.ndarray, vocabulary: int, context: int) -> NGram:
    """Fit Witten-Bell smoothing (1991, method C), interpolated, on ``codes`` (N,).

    p_k(w | h) = (c(h w) + N(h) p_(k-1)(w | h')) / (c(h) + N(h)), N(h) the number of distinct
    symbols after h.
    """
    keys, counts = _counts(codes, vocabulary, context)
    orders = []
    for key, count in zip(keys, counts, strict=True):
        total, kinds = _sums(count), np.diff(count.indptr)
        probabilities = (sparse.diags(1.0 / (total + kinds)) @ count).tocsr()
        orders.append(Order(key, probabilities, kinds / (total + kinds)))
    return NGram(f"Witten-Bell {context}", vocabulary, tuple(orders))


def kneser_ney(codes: np.ndarray, vocabulary: int, context: int) -> NGram:
    """Fit modified Kneser-Ney smoothing on ``codes`` (N,), with contexts of up to ``context``
    symbols.

    Discounts D1, D2, D3+ of counts of one, two and more are estimated at each order; shorter
    contexts use continuation counts. Chen, Goodman 1999, section 3, eq. 26.
    """
    keys, counts = _counts(codes, vocabulary, context)
    adjusted = [_continuations(keys[k + 1], counts[k + 1], counts[k].shape) for k in range(context)]
    orders = []
    for key, count in zip(keys, [*adjusted, counts[-1]], strict=True):
        total, (once, twice, more) = _sums(count), estimate_discounts(count.data)
        discount = np.select([count.data == 1, count.data == 2], [once, twice], more)
        data = count.data - discount
        discounted = sparse.csr_matrix((data, count.indices, count.indptr), count.shape)
        safe = np.maximum(total, 1.0)  # a context that nothing followed backs off completely
        backoff = np.where(total > 0, 1.0 - _sums(discounted) / safe, 1.0)
        orders.append(Order(key, (sparse.diags(1.0 / safe) @ discounted).tocsr(), backoff))
    return NGram(f"modified Kneser-Ney {context}", vocabulary, tuple(orders))


def cross_predict(codes: np.ndarray, vocabulary: int, context: int, folds: int = 10) -> np.ndarray:
    """Return out-of-fold ln p (N, V) of a text: Kneser-Ney on the other folds predicts each fold.

    Out-of-fold predictions are soft targets from which a network does not memorize the text.
    """
    codes = np.asarray(codes)
    cuts = np.linspace(0, len(codes), folds + 1).astype(int)
    parts = []
    for first, last in pairwise(cuts):
        others = np.concatenate([codes[:first], codes[last:]])
        parts.append(kneser_ney(others, vocabulary, context).log_probabilities(codes, first, last))
    return np.concatenate(parts)


def _counts(
    codes: np.ndarray, vocabulary: int, context: int
) -> tuple[list[np.ndarray], list[sparse.csr_matrix]]:
    """For k = 0..context: the sorted keys of the contexts of k symbols, and the counts (C, V) after
    them."""
    codes = np.asarray(codes, dtype=np.int64)
    if context < 0:
        raise BadSetting(
            _("the context of an n-gram is out of range"), expected=_("0 or more"), got=context
        )
    if len(codes) <= context or codes.min() < 0 or codes.max() >= vocabulary:
        raise BadArray(
            _("n-grams of {context} symbols of context cannot be counted").format(context=context),
            expected=_("more than {context} codes below {v}").format(context=context, v=vocabulary),
            got=_("{n} codes").format(n=len(codes)),
        )
    keys, counts = [], []
    nodes = np.zeros(len(codes), dtype=np.int64)
    for k in range(context + 1):
        if k:
            nodes = nodes[1:] * vocabulary + codes[: len(codes) - k]
        key, nodes = np.unique(nodes, return_inverse=True)
        shape = (len(key), vocabulary)
        count = sparse.coo_matrix((np.ones(len(nodes)), (nodes, codes[k:])), shape)
        keys.append(key)
        counts.append(count.tocsr())
    return keys, counts


def _continuations(
    keys: np.ndarray, longer: sparse.csr_matrix, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """N(. h w), the number of distinct symbols before h w, from the counts with one more symbol of
    context."""
    kinds = longer.copy()
    kinds.data[:] = 1.0
    parents = sparse.coo_matrix((np.ones(len(keys)), (keys // shape[1], np.arange(len(keys)))))
    parents.resize(shape[0], len(keys))
    return (parents.tocsr() @ kinds).tocsr()


def estimate_discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """D1, D2, D3+ = k - (k + 1) Y n_(k+1) / n_k with Y = n_1 / (n_1 + 2 n_2), n_k the number of
    counts equal to k.

    Where a small text lacks counts of some size, constants or clipped values take the place of the
    estimate.
    """
    n = [float((counts == k).sum()) for k in range(1, 5)]
    if not (n[0] and n[1]):
        return 0.5, 0.75, 0.75
    y = n[0] / (n[0] + 2 * n[1])
    raw = [k - (k + 1) * y * n[k] / n[k - 1] if n[k - 1] else y for k in (1, 2, 3)]
    one, two, three = np.clip(raw, 0.05, np.arange(1, 4) - 0.05).tolist()
    return one, two, three


def _find_longer(
    keys: np.ndarray,
    nodes: np.ndarray,
    codes: np.ndarray,
    positions: np.ndarray,
    k: int,
    vocabulary: int,
) -> np.ndarray:
    """The row of each position's context of k symbols, from the row of its k - 1 last ones.

    -1: unseen.
    """
    is_possible = (nodes >= 0) & (positions >= k)
    searched = nodes[is_possible] * vocabulary + codes[positions[is_possible] - k]
    row = np.minimum(np.searchsorted(keys, searched), len(keys) - 1)
    found = np.full(len(nodes), -1, dtype=np.int64)
    found[is_possible] = np.where(keys[row] == searched, row, -1)
    return found


def _sums(matrix: sparse.csr_matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def mix(log_probabilities: Sequence[np.ndarray] | np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ln p (N, V) of the mixture, sum_i a_i ln p_i normalized, of models (N, V)."""
    total = sum(
        weight * np.asarray(log_p) for weight, log_p in zip(weights, log_probabilities, strict=True)
    )
    return log_softmax(total, axis=-1)


def fit_mixture_weights(log_probabilities: Sequence[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Return the non-negative weights a (M,) that minimize the negative log-likelihood of targets
    (N,)."""
    shapes = {np.shape(log_p) for log_p in log_probabilities}
    if len(shapes) != 1 or next(iter(shapes))[0] != len(targets) or len(targets) == 0:
        raise BadArray(
            _("the models of a mixture predict different targets"),
            expected=_("arrays (N, V) of one shape, and N targets"),
            got=_("{shapes} and {n} targets").format(shapes=sorted(shapes), n=len(targets)),
        )
    stack = np.stack([np.asarray(log_p) for log_p in log_probabilities])
    rows = np.arange(len(targets))
    chosen = stack[:, rows, targets].mean(axis=1)

    def nats(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """-mean ln p(target) and its gradient, d/da_i = E_p[ln p_i] - ln p_i(target)."""
        log_p = mix(stack, weights)
        expected = np.einsum("nv,mnv->m", np.exp(log_p), stack) / len(rows)
        return -log_p[rows, targets].mean(), expected - chosen

    start = np.full(len(stack), 1 / len(stack))
    return minimize(nats, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(stack)).x
