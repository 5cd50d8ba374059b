"""The curve of precision against recall."""

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["compute_precision_recall"]


def compute_precision_recall(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision at every distinct score, from the highest score down.

    Args:
        labels: (N,), 1 present, 0 difficult (ignored), -1 absent; at least one is present.
        scores: (N,), higher is more probable.

    Raises:
        BadArray: The shapes differ, or no label is present.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, np.float64)
    if labels.shape != scores.shape or not (labels == 1).any():
        raise BadArray(
            _("labels and scores do not match"),
            expected=_("(N,) and (N,), with a label that is present"),
            got=(labels.shape, scores.shape),
        )
    order = np.argsort(-scores[labels != 0], kind="stable")
    ranked, hits = scores[labels != 0][order], np.cumsum(labels[labels != 0][order] == 1)
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return hits[ends] / hits[-1], hits[ends] / (ends + 1)
