"""ROUGE-L: the longest common subsequence of a caption and a reference (Lin, 2004)."""

from collections.abc import Sequence

import numpy as np

from etabli.metrics.caption_tokens import check_pairs, tokenize
from etabli.metrics.score import Score

BETA = 1.2


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Compute L(n, m); L(i, j) = L(i-1, j-1) + 1 if equal, else max(L(i-1, j), L(i, j-1))."""
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, 1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    return row[-1]


def rouge_l(
    hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> np.ndarray:
    """Compute (1 + beta^2) P R / (R + beta^2 P), beta = 1.2, for each image: (N,) float64.

    P is the longest common subsequence over the words of the hypothesis, R over those of the
    reference, each the best over the references (as coco-caption does; they may differ).
    """
    check_pairs(hypotheses, references)
    return np.array(list(map(_score_caption, hypotheses, references)))


def rouge(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = "standard",
    **recipe: object,
) -> Score:
    """Compute the mean ROUGE-L of captions."""
    words, answers = tokenize(hypotheses, references, protocol)
    signature = {"rouge": "L", "protocol": protocol, "beta": BETA, "n": len(words), **recipe}
    return Score(float(rouge_l(words, answers).mean()), signature)


def _score_caption(words: Sequence[str], group: Sequence[Sequence[str]]) -> float:
    if not words:
        return 0.0
    common = [longest_common_subsequence(words, reference) for reference in group]
    precision = max(common) / len(words)
    recall = max(
        n / len(reference) if reference else 0.0 for n, reference in zip(common, group, strict=True)
    )
    if precision == 0.0 or recall == 0.0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
