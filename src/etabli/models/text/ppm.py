"""Prediction by partial matching, an adaptive model as compressors have it: the anchor of poetry.

Cleary, Witten 1984; escape method D: Howard 1993, "The design and analysis of efficient lossless
data compression systems", section 5. Symbols that a longer context knows are excluded from shorter
ones, and only the contexts that took part in a prediction count its symbol (update exclusion).
"""

from collections.abc import Hashable, Sequence

import numpy as np

__all__ = ["read_ppm"]

Table = dict[Hashable, dict[int, int]]


def read_ppm(
    characters: str, codes: np.ndarray, vocabulary: int, first: int, order: int
) -> np.ndarray:
    """Return ln p (N, V) of the symbols from ``first`` on, each counted after its prediction."""
    tables: list[Table] = [{} for _order in range(order + 1)]
    symbols = codes.tolist()
    p = np.empty((len(symbols) - first, vocabulary))
    for position, symbol in enumerate(symbols):
        contexts = [characters[max(0, position - k) : position] for k in range(order + 1)]
        if position >= first:
            p[position - first] = _predict(tables, contexts, vocabulary)
        _count(tables, contexts, symbol)
    return np.log(p)


def _predict(tables: list[Table], contexts: Sequence[Hashable], vocabulary: int) -> np.ndarray:
    """Go from the longest context to the shortest: each leaves the probability of its escape."""
    excluded: set[int] = set()
    p, left = np.zeros(vocabulary), 1.0
    for table, context in zip(reversed(tables), reversed(contexts), strict=True):
        counts = {s: n for s, n in table.get(context, {}).items() if s not in excluded}
        if counts:
            total = sum(counts.values())
            for symbol, count in counts.items():
                p[symbol] = left * (2 * count - 1) / (2 * total)
            left *= len(counts) / (2 * total)
            excluded |= counts.keys()
    unknown = [symbol for symbol in range(vocabulary) if symbol not in excluded]
    p[unknown] = left / max(1, len(unknown))
    return p / p.sum()  # where every symbol was known, nothing can escape


def _count(tables: list[Table], contexts: Sequence[Hashable], symbol: int) -> None:
    """Count a symbol in the longest context that knew it, and in all longer ones."""
    for table, context in zip(reversed(tables), reversed(contexts), strict=True):
        counts = table.setdefault(context, {})
        counts[symbol] = counts.get(symbol, 0) + 1
        if counts[symbol] > 1:
            break
