"""Submissions that resemble one another apart from names and comments: winnowing.

The code becomes tokens in which every name is the same; hashes of runs of tokens are thinned out
(Schleimer, Wilkerson and Aiken, 2003), and what two files share is counted. Code that was
handed out, or that many submit, is ignored: there are few ways to write a softmax.
"""

import io
import keyword
import tokenize
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Pair", "find_similar"]

_RUN, _WINDOW = 8, 4  # tokens in a hash, hashes in a window: a copy of 11 tokens is always found
_LEAST_SHARED, _LEAST_SHARE = 5, 0.5
_COMMON = 0.1  # of the class: what more than this share hands in is the usual way
_MOST_PAIRS = 50


@dataclass(frozen=True)
class Pair:
    """Two files, the share of the fingerprints of the smaller file that they share, and where.

    ``lines`` are the numbers of the lines of both in which something is shared.
    """

    first: str
    second: str
    share: float
    shared: int
    lines: tuple[frozenset[int], frozenset[int]]


def find_similar(codes: Mapping[str, str], known: Iterable[str] = ()) -> list[Pair]:
    """Find pairs of files that share more code than usual, the most similar first.

    Args:
        codes: The code of each file, by the name of its student.
        known: Code that everyone has: what was handed out.

    Returns:
        At most 50 pairs.
    """
    prints = {name: _fingerprint(code) for name, code in codes.items()}
    counts = Counter(value for found in prints.values() for value in found)
    most = max(3, _COMMON * len(codes))
    ignored = {value for value, count in counts.items() if count > most}
    for code in known:
        ignored |= set(_fingerprint(code, window=1))
    own = {name: set(found) - ignored for name, found in prints.items()}
    names = [name for name, found in own.items() if len(found) >= _LEAST_SHARED]
    pairs = []
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            shared = own[first] & own[second]
            share = len(shared) / min(len(own[first]), len(own[second]))
            if len(shared) >= _LEAST_SHARED and share >= _LEAST_SHARE:
                lines = (_find_lines(prints[first], shared), _find_lines(prints[second], shared))
                pairs.append(Pair(first, second, share, len(shared), lines))
    return sorted(pairs, key=lambda pair: (-pair.share, -pair.shared))[:_MOST_PAIRS]


def _find_lines(found: Mapping[int, set[int]], shared: Iterable[int]) -> frozenset[int]:
    return frozenset(line for value in shared for line in found[value])


def _fingerprint(code: str, window: int = _WINDOW) -> dict[int, set[int]]:
    """Return the selected hashes of the runs of tokens, with their lines."""
    tokens = list(_normalize(code))
    hashes = [
        zlib.crc32("\x00".join(text for text, _line in tokens[start : start + _RUN]).encode())
        for start in range(len(tokens) - _RUN + 1)
    ]
    chosen: dict[int, set[int]] = {}
    for start in range(max(len(hashes) - window + 1, min(len(hashes), 1))):
        part = hashes[start : start + window]
        least = min(part)
        place = start + max(index for index, value in enumerate(part) if value == least)
        lines = {line for _text, line in tokens[place : place + _RUN]}
        chosen.setdefault(least, set()).update(lines)
    return chosen


def _normalize(code: str) -> Sequence[tuple[str, int]]:
    """Return the tokens of code without comments and layout; all names and strings are alike."""
    tokens: list[tuple[str, int]] = []
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            line = token.start[0]
            if token.type == tokenize.NAME:
                tokens.append((token.string if keyword.iskeyword(token.string) else "n", line))
            elif token.type == tokenize.STRING:
                tokens.append(("s", line))
            elif token.type not in (*skipped, tokenize.INDENT, tokenize.DEDENT):
                tokens.append((token.string, line))
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before the fault counts
    return tokens
