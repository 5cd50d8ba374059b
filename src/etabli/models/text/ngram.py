"""Interpolated n-grams of characters: the honest baseline of every recurrent net.

A context of k characters gives p_k, a mixture of what followed it in the training text and of p_(k-1), which
knows one character less; p_0 mixes how often each symbol occurs with the uniform 1 / V:

    p_k(w | h) = max(c(h w) - D, 0) / c(h) + gamma(h) p_(k-1)(w | h')

Chen, Goodman 1999, "An empirical study of smoothing techniques for language modeling", sections 2.7,
2.8 and 3.

Several models of the next symbol as one: p proportional to prod_i p_i^(a_i), the weights from
held-out text.

A log-linear mixture lets each model veto what it knows to be impossible; with one model and weight 1 it
is that model. The weights minimise the nats of a validation text, where the objective is convex.
Hinton 2002 (products of experts); Klakow 1998, "Log-linear interpolation of language models".
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

__all__ = ["NGram", "combine", "fit_weights", "held_out", "kneser_ney", "witten_bell"]


@dataclass(frozen=True)
class _Order:
    """Contexts of one length k: ``keys`` (C,) sorted, each the context without its oldest symbol, and
    that one.

    ``seen`` (C, V) holds the discounted counts over their sum, ``back`` (C,) the weight of the shorter
    context.
    """

    keys: np.ndarray
    seen: sparse.csr_matrix
    back: np.ndarray


@dataclass(frozen=True)
class NGram:
    """A fitted model: ``orders[k]`` holds the contexts of k symbols."""

    name: str
    vocabulary: int
    orders: tuple[_Order, ...]

    @property
    def context(self) -> int:
        """The number of preceding symbols that it reads."""
        return len(self.orders) - 1

    def log_probabilities(
        self, codes: np.ndarray, first: int = 0, last: int | None = None
    ) -> np.ndarray:
        """ln p (N, V) of the symbol at each position first..last-1 of ``codes``, given those before it.

        ``last`` may be len(codes): the symbol that is not yet written (by default one past it, all
        positions).
        """
        codes = np.asarray(codes)
        last = len(codes) + 1 if last is None else last
        cuts = [np.arange(start, min(start + 8192, last)) for start in range(first, last, 8192)]
        parts = [self._at(codes, positions, self.orders) for positions in cuts]
        return np.concatenate(parts) if parts else np.empty((0, self.vocabulary))

    def following(self, contexts: np.ndarray) -> np.ndarray:
        """ln p (B, V) of what follows each of the contexts (B, T), read by themselves."""
        rows, length = np.shape(contexts)
        # One after the other, with room for the symbol that is not yet written; no order looks past its own row.
        laid = np.pad(contexts, ((0, 0), (0, 1))).ravel()
        return self._at(laid, length + (length + 1) * np.arange(rows), self.orders[: length + 1])

    def _at(
        self, codes: np.ndarray, positions: np.ndarray, orders: tuple[_Order, ...]
    ) -> np.ndarray:
        p = np.full((len(positions), self.vocabulary), 1.0 / self.vocabulary)
        nodes = np.zeros(len(positions), dtype=np.int64)
        for k, order in enumerate(orders):
            if k:
                nodes = _descend(order.keys, nodes, codes, positions, k, self.vocabulary)
            known = nodes >= 0
            rows = nodes[known]
            p[known] = order.seen[rows].toarray() + order.back[rows, None] * p[known]
        return np.log(p)


def witten_bell(codes: np.ndarray, vocabulary: int, context: int) -> NGram:
    """p_k(w | h) = (c(h w) + N(h) p_(k-1)(w | h')) / (c(h) + N(h)), N(h): how many symbols ever followed h.

    Witten, Bell 1991, method C, interpolated; ``codes`` (N,) is the training text, ``context`` the longest h.
    """
    keys, counts = _counts(codes, vocabulary, context)
    orders = []
    for key, count in zip(keys, counts, strict=True):
        total, kinds = _sums(count), np.diff(count.indptr)
        seen = sparse.diags(1.0 / (total + kinds)) @ count
        orders.append(_Order(key, seen.tocsr(), kinds / (total + kinds)))
    return NGram(f"Witten-Bell {context}", vocabulary, tuple(orders))


def kneser_ney(codes: np.ndarray, vocabulary: int, context: int) -> NGram:
    """Modified Kneser-Ney: discounts D1, D2, D3+ for counts of one, two and more, estimated at each order.

    A shorter context counts in how many different ways it was continued to the left, not how often.
    Chen, Goodman 1999, section 3, with the discounts of eq. 26.
    """
    keys, counts = _counts(codes, vocabulary, context)
    adjusted = [_continuations(keys[k + 1], counts[k + 1], counts[k].shape) for k in range(context)]
    orders = []
    for key, count in zip(keys, [*adjusted, counts[-1]], strict=True):
        total, (once, twice, more) = _sums(count), _discounts(count.data)
        taken = np.select([count.data == 1, count.data == 2], [once, twice], more)
        kept = sparse.csr_matrix((count.data - taken, count.indices, count.indptr), count.shape)
        safe = np.maximum(total, 1.0)
        back = np.where(total > 0, 1.0 - _sums(kept) / safe, 1.0)
        orders.append(_Order(key, (sparse.diags(1.0 / safe) @ kept).tocsr(), back))
    return NGram(f"modified Kneser-Ney {context}", vocabulary, tuple(orders))


def held_out(codes: np.ndarray, vocabulary: int, context: int, folds: int = 10) -> np.ndarray:
    """ln p (N, V) at every position of a text by a modified Kneser-Ney that never counted that part of it.

    The text is cut into ``folds`` pieces; each is predicted from the counts of the others. What a net
    can learn from without learning the text by heart.
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
    """For k = 0..context: the sorted keys of the contexts of k symbols, and what followed them, (C, V)."""
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
    """N(. h w): how many different symbols stood before h w; from the counts with one symbol more of
    context.
    """
    kinds = longer.copy()
    kinds.data[:] = 1.0
    parents = sparse.coo_matrix((np.ones(len(keys)), (keys // shape[1], np.arange(len(keys)))))
    parents.resize(shape[0], len(keys))
    return (parents.tocsr() @ kinds).tocsr()


def _discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """D1, D2, D3+ = k - (k + 1) Y n_(k+1) / n_k with Y = n_1 / (n_1 + 2 n_2), n_k: how many counts are k.

    Where a small text has no count of some size, the discount that cannot be estimated falls back to Y
    or to k/2.
    """
    n = [float((counts == k).sum()) for k in range(1, 5)]
    if not (n[0] and n[1]):
        return 0.5, 0.75, 0.75
    y = n[0] / (n[0] + 2 * n[1])
    raw = [k - (k + 1) * y * n[k] / n[k - 1] if n[k - 1] else y for k in (1, 2, 3)]
    return tuple(
        float(np.clip(value, 0.05, k - 0.05)) for k, value in zip((1, 2, 3), raw, strict=True)
    )


def _descend(
    keys: np.ndarray,
    nodes: np.ndarray,
    codes: np.ndarray,
    positions: np.ndarray,
    k: int,
    vocabulary: int,
) -> np.ndarray:
    """The row of each position's context of k symbols, from the row of its k - 1 last ones; -1: never
    seen.
    """
    reach = (nodes >= 0) & (positions >= k)
    wanted = nodes[reach] * vocabulary + codes[positions[reach] - k]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = np.full(len(nodes), -1, dtype=np.int64)
    found[reach] = np.where(keys[place] == wanted, place, -1)
    return found


def _sums(matrix: sparse.csr_matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def combine(log_probabilities: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """ln p (N, V) of the mixture: sum_i a_i ln p_i, normalised; each model gives (N, V)."""
    total = sum(
        weight * np.asarray(log_p) for weight, log_p in zip(weights, log_probabilities, strict=True)
    )
    return log_softmax(total, axis=-1)


def fit_weights(log_probabilities: Sequence[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """The weights a (M,), none negative, that give the held-out targets (N,) the fewest nats."""
    shapes = {np.shape(log_p) for log_p in log_probabilities}
    if len(shapes) != 1 or next(iter(shapes))[0] != len(targets) or len(targets) == 0:
        raise BadArray(
            _("the models of a mixture do not speak of the same targets"),
            expected=_("arrays (N, V) of one shape, and N targets"),
            got=_("{shapes} and {n} targets").format(shapes=sorted(shapes), n=len(targets)),
        )
    stack = np.stack([np.asarray(log_p) for log_p in log_probabilities])
    rows = np.arange(len(targets))
    chosen = stack[:, rows, targets].mean(axis=1)

    def nats(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """-mean ln p(target), and d/da_i = E_p[ln p_i] - ln p_i(target)."""
        log_p = combine(stack, weights)
        expected = np.einsum("nv,mnv->m", np.exp(log_p), stack) / len(rows)
        return -log_p[rows, targets].mean(), expected - chosen

    start = np.full(len(stack), 1 / len(stack))
    return minimize(nats, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(stack)).x
