"""Context mixing, as the strongest compressors predict: many contexts, a net that mixes them.

A symbol is a path of binary decisions through a Huffman tree. After each context, each decision has
a probability and a short history of counts; a second table learns the probability after each
history. The logits of all of them (and of other models) are mixed linearly, with several sets of
weights that the position selects, and their outputs once more. Last, tables learn how far to
correct the probability after the last one or two symbols. Everything learns from each decision
after its prediction. Mahoney 2005, "Adaptive weighing of context models for lossless data
compression"; the rates here were chosen on the validation set of practical 4.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import numpy as np

__all__ = ["HuffmanTree", "read_mixed"]

MOST = 60  # of one decision that a history counts
FORGOTTEN = (0, 1, 2, 2, 3, 3, 4, 4, 4, 5)  # what is left of a count after the other decision came
SLOWEST_MAP, SLOWEST_SLOT = 1 / 256, 1 / 61.4
CONFIDENCE = 4.0  # scale of p - 1/2 among the inputs
RATE, LAST_SHARE, HALF_LIFE = 0.005, 0.05, 50_000  # of the weights, over the decisions read
MODEL_RATE, FINAL_RATE, REFINING_RATE = 0.002, 0.001, 0.02
CONTEXT_WEIGHTS = 1.6  # sum of the first weights
KEPT = 0.4  # share of the weights of the contexts that is left where other models join
REFINED = slice(1, 3)  # contexts after which the probability is refined: those of 1 and 2 symbols
BINS, BIN_WIDTH, LIMIT = 34, 0.5, 8.0  # of the logits


@dataclass(frozen=True)
class HuffmanTree:
    """Symbols as paths: ``nodes`` and ``bits`` (V, D) from the root, ``lengths`` (V,).

    Inner node n splits the symbols ``order[a:b]`` at m, (a, m, b) = ``parts[n]``.
    """

    nodes: np.ndarray
    bits: np.ndarray
    lengths: np.ndarray
    order: np.ndarray
    parts: np.ndarray

    @classmethod
    def build(cls, counts: np.ndarray) -> "HuffmanTree":
        """Build the tree with the shortest mean path for symbols that occurred so often."""
        ties = count()
        heap: list[tuple[float, int, Any]] = [
            (float(n), next(ties), symbol) for symbol, n in enumerate(counts)
        ]
        heapq.heapify(heap)
        while len(heap) > 1:
            (one, _, left), (other, _, right) = heapq.heappop(heap), heapq.heappop(heap)
            heapq.heappush(heap, (one + other, next(ties), (left, right)))
        return cls._index(heap[0][2], len(counts))

    @classmethod
    def _index(cls, tree: Any, vocabulary: int) -> "HuffmanTree":
        order: list[int] = []
        parts: list[tuple[int, int, int]] = []
        paths: list[list[tuple[int, int]]] = [[] for _symbol in range(vocabulary)]

        def walk(node: Any, path: list[tuple[int, int]]) -> None:
            if not isinstance(node, tuple):
                paths[node] = path
                order.append(node)
                return
            number, start = len(parts), len(order)
            parts.append((0, 0, 0))
            walk(node[0], [*path, (number, 0)])
            middle = len(order)
            walk(node[1], [*path, (number, 1)])
            parts[number] = start, middle, len(order)

        walk(tree, [])
        lengths = np.array([len(path) for path in paths])
        table = np.zeros((vocabulary, max(1, lengths.max()), 2), dtype=np.int64)
        for symbol, path in enumerate(paths):
            table[symbol, : len(path)] = np.reshape(path, (-1, 2))
        return cls(table[..., 0], table[..., 1], lengths, np.array(order), np.array(parts))

    def decide(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return position, node and bit of every decision in a text, (M,) each."""
        lengths = self.lengths[codes]
        positions = np.repeat(np.arange(len(codes)), lengths)
        steps = np.arange(len(positions)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        symbols = np.asarray(codes)[positions]
        return positions, self.nodes[symbols, steps], self.bits[symbols, steps]

    def logits(self, log_p: np.ndarray, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Return the logit of bit 1 at ``nodes`` (M,) under the distributions ``log_p[rows]``."""
        below = np.cumsum(np.exp(np.asarray(log_p, dtype=np.float64))[:, self.order], axis=1)
        below = np.pad(below, ((0, 0), (1, 0)))
        start, middle, end = (below[rows, column] for column in self.parts[nodes].T)
        left, right = np.maximum(middle - start, 1e-7), np.maximum(end - middle, 1e-7)
        return np.clip(np.log(right / left), -LIMIT, LIMIT)


def read_mixed(
    codes: np.ndarray,
    vocabulary: int,
    first: int,
    contexts: Sequence[np.ndarray],
    selectors: Sequence[np.ndarray],
    models: Sequence[np.ndarray] = (),
    start: Sequence[float] | None = None,
) -> np.ndarray:
    """Return ln p (N,) that was given to each symbol from ``first`` on before it was read.

    Only the probabilities of the symbols that came are computed: what a compressor pays.

    Args:
        codes: The symbols; from those before ``first`` the mixture learns too.
        vocabulary: V.
        first: The position of the first prediction that is returned.
        contexts: The contexts (of all positions), as numbers; first those of 0, 1 and 2 symbols.
        selectors: Groups of the positions, as numbers; each selects a set of weights.
        models: ln p (N, V) of other models, which predict from ``first`` on.
        start: Their first weights; None: one over their number.
    """
    tree = HuffmanTree.build(np.bincount(codes[:first], minlength=vocabulary) + 0.5)
    positions, nodes, bits = tree.decide(codes)
    cut = int(np.searchsorted(positions, first))
    groups = [nodes, *(each[positions] for each in selectors)]
    others = np.zeros((len(positions), len(models)), np.float32)
    for column, log_p in enumerate(models):
        others[cut:, column] = tree.logits(log_p, positions[cut:] - first, nodes[cut:])
    slots = _number_slots([each[positions] * len(tree.parts) + nodes for each in contexts])
    decisions = (
        slots,
        _number_slots(groups),
        np.asarray(groups[1], np.int32),
        others,
        bits.astype(np.int32),
        _list_rates(len(positions)),
    )
    carry = _start(
        *decisions[:3], [1 / len(models) for _each in models] if start is None else start
    )
    run = _compile_pass(len(contexts))
    carry, _before = run(carry, tuple(each[:cut] for each in decisions))
    if models:
        kept = np.ones(carry["weights"].shape[1], np.float32)
        kept[: -len(models)] = KEPT
        carry["weights"] = carry["weights"] * kept
    _carry, paid = run(carry, tuple(each[cut:] for each in decisions))
    return np.bincount(positions[cut:] - first, weights=np.asarray(paid, np.float64))


def _number_slots(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Number the values of every column from where the column before it ended: int32 (M, C)."""
    found, offset = [], 0
    for column in columns:
        values, numbers = np.unique(column, return_inverse=True)
        found.append((numbers + offset).astype(np.int32))
        offset += len(values)
    return np.stack(found, axis=1)


def _list_rates(decisions: int) -> np.ndarray:
    decay = 1 / (1 + np.arange(decisions) / HALF_LIFE)
    return (RATE * (LAST_SHARE + (1 - LAST_SHARE) * decay)).astype(np.float32)


@cache
def _list_histories() -> tuple[np.ndarray, np.ndarray]:
    """Return the counts (S, 2) of bits that histories keep, and the next history (S, 2) by bit."""
    numbers, histories, following = {(0, 0): 0}, [(0, 0)], []
    for history in histories:  # grows
        row = []
        for bit in (0, 1):
            other = history[1 - bit]
            left = FORGOTTEN[min(other, len(FORGOTTEN) - 1)]
            same = min(MOST, history[bit] + 1)
            after = (left, same) if bit else (same, left)
            if after not in numbers:
                numbers[after] = len(histories)
                histories.append(after)
            row.append(numbers[after])
        following.append(row)
    return np.array(histories), np.array(following, np.int32)


def _start(
    slots: np.ndarray, groups: np.ndarray, final: np.ndarray, model_weights: Sequence[float]
) -> dict[str, Any]:
    """Return everything that learns, before the first decision."""
    contexts, sets = slots.shape[1], groups.shape[1]
    counts = _list_histories()[0]
    worth = (counts[:, 1] + 0.4) / (counts.sum(axis=1) + 0.8)
    weights = np.concatenate(
        [
            np.full(contexts, CONTEXT_WEIGHTS / contexts),
            np.zeros(2 * contexts + 1),
            model_weights,
        ]
    )
    refined = 1 / (1 + np.exp(-(np.arange(BINS) * BIN_WIDTH - LIMIT)))
    found = {
        "history": np.zeros(_round_up(slots), np.int32),
        "slot": np.full(_round_up(slots), 0.5),
        "worth": np.tile(worth, (contexts, 1)),
        "seen": np.full((contexts, len(counts)), 6.0),
        "weights": np.tile(weights, (_round_up(groups), 1)),
        "final": np.full((_round_up(final), sets), 1 / sets),
        "refined": np.tile(refined, _round_up(slots[:, REFINED])),
    }
    return {
        name: each if each.dtype == np.int32 else each.astype(np.float32)
        for name, each in found.items()
    }


def _round_up(numbers: np.ndarray) -> int:
    """Return a power of two above all numbers: texts of about one size share compiled code."""
    return 1 << int(numbers.max()).bit_length()


@cache
def _compile_pass(contexts: int) -> Callable:
    """Return (everything that learns, decisions) -> the same after them, ln p (M,) of each."""
    import jax
    import jax.numpy as jnp

    histories, table = _list_histories()
    following: Any = jnp.asarray(table)
    slot_rates = jnp.asarray(
        np.maximum(1 / (histories.sum(axis=1) + 1.4), SLOWEST_SLOT), jnp.float32
    )
    rows = jnp.arange(contexts)

    def logit(p: Any) -> Any:
        return jnp.log(p / (1 - p))

    def squash(x: Any) -> Any:
        return jax.nn.sigmoid(jnp.clip(x, -12.0, 12.0))

    def step(learns: dict[str, Any], decision: tuple) -> tuple[dict[str, Any], Any]:
        slots, groups, final, others, bit, rate = decision
        history, slot = learns["history"][slots], learns["slot"][slots]
        worth, seen = learns["worth"][rows, history], learns["seen"][rows, history]
        known = (history > 0).astype(jnp.float32)
        own = jnp.concatenate([logit(worth), logit(slot), (worth - 0.5) * CONFIDENCE])
        inputs = jnp.concatenate([own * jnp.tile(known, 3), jnp.array([0.3]), others])
        weights, last = learns["weights"][groups], learns["final"][final]
        outputs = jnp.clip(weights @ inputs, -12.0, 12.0)
        mixed = jnp.clip(squash(last @ outputs), 1e-5, 1 - 1e-5)
        at, share, bins = refine(learns["refined"], slots[REFINED], mixed)
        p = jnp.clip((mixed + (share * bins).sum() / share.shape[1]) / 2, 1e-5, 1 - 1e-5)
        rates = jnp.where(jnp.arange(len(inputs)) > 3 * contexts, MODEL_RATE, rate)
        worth_rate = known * jnp.maximum(1 / (seen + 1.5), SLOWEST_MAP)
        bounded = jnp.clip(slot + (bit - slot) * slot_rates[history], 1e-3, 1 - 1e-3)
        better = jnp.clip(worth + (bit - worth) * worth_rate, 1e-4, 1 - 1e-4)
        errors = (bit - squash(outputs))[:, None]
        updated = {
            "history": learns["history"].at[slots].set(following[history, bit]),
            "slot": learns["slot"].at[slots].set(bounded),
            "worth": learns["worth"].at[rows, history].set(better),
            "seen": learns["seen"].at[rows, history].set(seen + 1),
            "weights": learns["weights"].at[groups].set(weights + rates * errors * inputs),
            "final": learns["final"].at[final].set(last + FINAL_RATE * (bit - mixed) * outputs),
            "refined": learns["refined"].at[at].set(bins + REFINING_RATE * share * (bit - bins)),
        }
        return updated, jnp.log(jnp.where(bit == 1, p, 1 - p))

    def refine(table: Any, slots: Any, p: Any) -> tuple[Any, Any, Any]:
        """Return the two bins around a logit in each row of a table, their shares and values."""
        place = (jnp.clip(logit(p), 0.01 - LIMIT, LIMIT - 0.01) + LIMIT) / BIN_WIDTH
        lower = place.astype(jnp.int32)
        at = slots * BINS + lower + jnp.arange(2)[:, None]
        upper_share = place - lower
        share = jnp.stack([1 - upper_share, upper_share])[:, None] * jnp.ones(len(slots))
        return at, share, table[at]

    return jax.jit(lambda learns, decisions: jax.lax.scan(step, learns, decisions))
