"""How well a classifier does on labeled images: scores with intervals, overall and by class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from etabli.metrics.score import Interval

Task = Literal["single", "multi"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a classifier says of N labeled images, and how well that fits their labels.

    Attributes:
        names: The names of the images in their source.
        paths: Their files.
        classes: The K classes of the model.
        task: "single" (softmax, one label an image) or "multi" (sigmoids, several labels).
        truth: (N, K), 1 present, 0 difficult, -1 absent.
        probabilities: (N, K).
        thresholds: (K,), the probability from which a class is predicted; 0.5 where the task is
            "single", which does not use them.
        scores: Scores of all classes by name, the most important first.
        class_scores: By class: "precision", "recall", "f1" and "average_precision".
        remarks: One sentence each on what limits the scores: few images, classes left out.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    task: Task
    truth: np.ndarray
    probabilities: np.ndarray
    thresholds: np.ndarray
    scores: Mapping[str, Interval]
    class_scores: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def decisions(self) -> np.ndarray:
        """Return (N, K) bool: the most probable class, or every class at its threshold or above."""
        if self.task == "multi":
            return self.probabilities >= self.thresholds
        best = self.probabilities.argmax(axis=1)
        return best[:, None] == np.arange(len(self.classes))

    @property
    def confusion(self) -> np.ndarray:
        """Return (K, K) counts where the task is "single": rows are labels, columns predictions."""
        cells = self.truth.argmax(axis=1) * len(self.classes) + self.probabilities.argmax(axis=1)
        return np.bincount(cells, minlength=len(self.classes) ** 2).reshape(
            len(self.classes), len(self.classes)
        )
