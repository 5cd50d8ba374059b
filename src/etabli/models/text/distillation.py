"""Two LSTMs learn from one book in turn: first the residual net, on top of an n-gram; then the plain net, which reads,
beside the book, what the residual net wrote after it.

The plain net needs no n-gram when it writes, and it is taught by more than the book holds (``models/text/synthetic_text.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from etabli.models.text import lstm, synthetic_text
from etabli.models.text.generation import ResidualReader
from etabli.models.text.lstm import RESIDUAL, TAUGHT, Recipe
from etabli.models.text.ngram import NGram
from etabli.models.text.simple_rnn import Epoch
from etabli.models.text.synthetic_text import Synthetic
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras

__all__ = ["Lesson"]


@dataclass(frozen=True)
class Lesson:
    """What both nets have in common: the book ``codes`` (N,) and what is ``counted`` on it, their size and seed."""

    codes: np.ndarray
    counted: NGram
    units: int
    embedding: int = 64
    seed: int = 0
    residual_recipe: Recipe = RESIDUAL
    plain_recipe: Recipe = TAUGHT

    def residual(
        self, epochs: int, memory: Checkpoint | None = None
    ) -> tuple["keras.Model", Iterator[Epoch]]:
        """A fresh residual net, and its training as it goes on."""
        model = self._fresh(residual=True)
        return model, lstm.train(
            model, self.codes, epochs, self.residual_recipe, self.seed, memory=memory
        )

    def written(self, residual: list[np.ndarray], epochs: int) -> Synthetic:
        """What the trained residual net of these weights writes for the plain one to read in so many epochs."""
        teacher, recipe = ResidualReader(residual, self.counted), self.plain_recipe
        return synthetic_text.beside(
            teacher, self.codes, epochs, recipe.streams, recipe.steps, self.seed
        )

    def plain(
        self, written: Synthetic, epochs: int, memory: Checkpoint | None = None
    ) -> tuple["keras.Model", Iterator[Epoch]]:
        """A fresh plain net, and its training on the book and on what was written."""
        model = self._fresh(residual=False)
        return model, lstm.train(
            model, self.codes, epochs, self.plain_recipe, self.seed, written, memory
        )

    def _fresh(self, residual: bool) -> "keras.Model":
        return lstm.build(self.counted.vocabulary, self.units, self.embedding, self.seed, residual)
