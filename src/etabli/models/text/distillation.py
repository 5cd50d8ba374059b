"""Distillation on one book: a residual LSTM, on top of an n-gram model, teaches a plain LSTM.

The plain LSTM reads the book and text that the residual LSTM generated; it needs no n-gram model to
generate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from etabli.models.text import lstm, synthetic_text
from etabli.models.text.generation import ResidualPredictor
from etabli.models.text.lstm import PLAIN_CONFIG, RESIDUAL_CONFIG, TrainConfig
from etabli.models.text.ngram import NGram
from etabli.models.text.simple_rnn import Epoch
from etabli.models.text.synthetic_text import SyntheticText
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras

__all__ = ["Distillation"]


@dataclass(frozen=True)
class Distillation:
    """The book ``codes`` (N,), its n-gram model, and the configurations of both LSTMs."""

    codes: np.ndarray
    ngram: NGram
    units: int
    embedding: int = 64
    seed: int = 0
    residual_config: TrainConfig = RESIDUAL_CONFIG
    plain_config: TrainConfig = PLAIN_CONFIG
    layers: int = 1

    def train_residual(
        self, epochs: int, checkpoint: Checkpoint | None = None
    ) -> tuple["keras.Model", Iterator[Epoch]]:
        """Return a new residual LSTM and its training, which runs as it is iterated."""
        model, config = self._build(residual=True), self.residual_config
        run = lstm.train(model, self.codes, epochs, config, self.seed, checkpoint=checkpoint)
        return model, run

    def generate(self, residual: list[np.ndarray], epochs: int) -> SyntheticText:
        """Generate, with the residual LSTM of these weights, what the plain LSTM reads in so many
        epochs."""
        teacher, config = ResidualPredictor(residual, self.ngram), self.plain_config
        return synthetic_text.generate_for_epochs(
            teacher, self.codes, epochs, config.streams, config.steps, self.seed
        )

    def train_plain(
        self,
        synthetic: SyntheticText,
        epochs: int,
        checkpoint: Checkpoint | None = None,
        initial: list[np.ndarray] | None = None,
    ) -> tuple["keras.Model", Iterator[Epoch]]:
        """Return a new plain LSTM and its training on the book and on the generated text.

        ``initial`` are the weights that it starts from, by default random ones.
        """
        model, config = self._build(residual=False), self.plain_config
        if initial is not None:
            model.set_weights(initial)
        run = lstm.train(model, self.codes, epochs, config, self.seed, synthetic, checkpoint)
        return model, run

    def _build(self, residual: bool) -> "keras.Model":
        size = self.ngram.vocabulary, self.units, self.embedding
        return lstm.build(*size, self.seed, residual, self.layers)
