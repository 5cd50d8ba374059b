"""What is known before each symbol of a text, as integers: equal ones are equal contexts.

Context mixing (``context_mixing``) learns what follows each of them. No context of a position
depends on its symbol or on a later one; only the numbers that stand for contexts do.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from etabli.models.text.adaptive import list_word_contexts

__all__ = ["find_matches", "list_contexts", "list_selectors", "number_contexts", "place_in_run"]

LONGEST_ORDER = 8  # characters
LONGEST_RUN = 9  # positions in a word or in a gap that differ
LONGEST_MATCH = 40
MATCH_STEPS = 15  # lengths of a match that differ
SHORTEST_MATCHES = (5, 8)


def number_contexts(keys: Iterable[Hashable]) -> np.ndarray:
    """Return one number per position, the same for equal keys: int64 (N,)."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def list_contexts(characters: str, codes: np.ndarray) -> list[np.ndarray]:
    """Return the contexts (N,) of every position.

    First those of 0, 1, ..., 8 characters; then words, ends of words, characters with gaps, what
    followed the last occurrences, and what followed the last occurrence of the longest passage.
    """
    last = ["", *(_shift(characters, k) for k in range(1, LONGEST_ORDER + 1))]
    place = place_in_run(characters)
    found = [
        number_contexts(characters[max(0, t - order) : t] for t in range(len(characters)))
        for order in range(LONGEST_ORDER + 1)
    ]
    found += [_number(place, *last[1 : order + 1]) for order in (1, 2)]
    found += _number_words(characters)
    for gaps in ((2, 3), (2, 3, 4), (1, 3), (1, 3, 4), (1, 2, 4)):
        found.append(_number(*(last[k] for k in gaps)))
    for order in (1, 2, 3):
        found.append(_number(*find_followers(codes, order).T, last[1]))
    for shortest in SHORTEST_MATCHES:
        expected, lengths = find_matches(characters, codes, shortest)
        found += [_number(expected, np.minimum(lengths, MATCH_STEPS)), _number(expected, last[1])]
    return found


def list_selectors(characters: str, codes: np.ndarray) -> list[np.ndarray]:
    """Return groups (N,) of positions: each has weights of its own in each of these partitions.

    They are the longest context that was seen before, the place in a word or gap, the last
    character, and the length of the match.
    """
    lengths = find_matches(characters, codes, SHORTEST_MATCHES[0])[1]
    return [
        _count_known(characters),
        place_in_run(characters),
        _number(_shift(characters, 1)),
        np.minimum(lengths, MATCH_STEPS),
    ]


def place_in_run(characters: str) -> np.ndarray:
    """Return for every position how far into a word, or into a gap between words, it is."""
    runs = [run for run, _word in _list_runs(characters, 1)]
    return np.array(
        [min(len(run), LONGEST_RUN) + (LONGEST_RUN + 1) * (not run.isalpha()) for run in runs]
    )


def find_matches(
    characters: str, codes: np.ndarray, shortest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find what followed the last occurrence of the longest known passage before each position.

    Args:
        characters: The text.
        codes: Its symbols.
        shortest: Characters of a passage; shorter ones are not looked for.

    Returns:
        The symbol that followed, -1 where there is none, and the length of the passage up to a
        bound, 0 where there is none: (N,) both.
    """
    symbols: list[int] = codes.tolist()
    last_seen: dict[str, int] = {}
    expected, lengths = np.full(len(symbols), -1), np.zeros(len(symbols), dtype=np.int64)
    start = length = 0
    for position in range(shortest, len(symbols)):
        passage = characters[position - shortest : position]
        if not length and passage in last_seen:
            start = last_seen[passage]
            length = _count_common(characters, start, position)
        last_seen[passage] = position
        if length:
            expected[position], lengths[position] = symbols[start], length
            is_right = symbols[start] == symbols[position]
            start, length = start + 1, min(LONGEST_MATCH, length + 1) if is_right else 0
    return expected, lengths


def find_followers(codes: np.ndarray, order: int) -> np.ndarray:
    """Return the symbols after the last two occurrences of the ``order`` last symbols: (N, 2)."""
    symbols, followers = codes.tolist(), np.full((len(codes), 2), -1)
    last: dict[tuple[int, ...], tuple[int, int]] = {}
    for position in range(order, len(symbols)):
        context = tuple(symbols[position - order : position])
        newest, older = last.get(context, (-1, -1))
        followers[position] = newest, older
        last[context] = symbols[position], newest
    return followers


def _count_common(characters: str, start: int, position: int) -> int:
    """Return how many characters before two positions are the same, up to a bound."""
    length = 0
    while length < min(start, LONGEST_MATCH) and (
        characters[start - length - 1] == characters[position - length - 1]
    ):
        length += 1
    return length


def _count_known(characters: str) -> np.ndarray:
    """Return how many of the contexts of 1, 2, ..., 8 characters were seen before, (N,)."""
    count, seen = np.zeros(len(characters), dtype=np.int64), set[str]()
    for position in range(len(characters)):
        own = [characters[max(0, position - k) : position] for k in range(1, LONGEST_ORDER + 1)]
        count[position] = sum(context in seen for context in own)
        seen.update(own)
    return count


def _number_words(characters: str) -> list[np.ndarray]:
    """Number the run so far, alone and with words before it, and the ends of the last word."""
    runs = _list_runs(characters, 2)
    return [
        number_contexts(run for run, *_words in runs),
        number_contexts((run, one) for run, one, _two in runs),
        number_contexts(runs),
        number_contexts((run, two) for run, _one, two in runs),
        number_contexts((run, one[-3:]) for run, one, _two in runs),
        number_contexts((len(run), run[-1:], one[-2:]) for run, one, _two in runs),
    ]


def _list_runs(characters: str, words: int) -> list[tuple[str, ...]]:
    """Return the run of letters (or of other characters) so far, and the words before it."""
    return [each[-1] for each in list_word_contexts(characters, words)]  # type: ignore[misc]


def _shift(characters: str, distance: int) -> list[str]:
    """Return the character ``distance`` before each position, "" where there is none."""
    return [""] * min(distance, len(characters)) + list(characters[:-distance])


def _number(*columns: Sequence[Hashable] | np.ndarray) -> np.ndarray:
    lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    return number_contexts(zip(*lists, strict=True))
