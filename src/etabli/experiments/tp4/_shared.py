"""Shared parts of practical 4: the SimpleRNN, trained once and cached, and the n-gram baselines.

The last tenth of the training targets is the validation set. It chooses the number of epochs once,
with seed 0; every seed then trains on the whole training set for that many epochs. The test set is
read only afterwards. The n-gram models are scored on the same test targets as every net.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from etabli.core.cache import Arrays
from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import COURSE_LENGTH, Text
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.metrics import text as measures
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.models.text.ngram import kneser_ney, witten_bell
from etabli.models.text.simple_rnn import Epoch
from etabli.saved_models import text as saved_text
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras

SMOOTHING_EPOCHS = 5
"""Epochs over which the validation curve is averaged before its best point is taken."""


class SimpleRnnSettings(SettingsModel):
    """The SimpleRNN of the report and its training."""

    sequence_length: int = Field(
        10, ge=1, le=500, description=N_("characters the network reads (SEQLEN)")
    )
    units: int = Field(128, ge=1, le=4096, description=N_("hidden units of the recurrent layer"))
    batch_size: int = Field(128, ge=1, description=N_("batch size"))
    learning_rate: float = Field(1e-3, gt=0, le=1, description=N_("learning rate of RMSprop"))
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description=N_("learning-rate schedule: constant or cosine decay to zero")
    )
    dropout: float = Field(0.0, ge=0, lt=1, description=N_("dropout rate of the last state"))
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description=N_("decay of the moving average of the weights (EMA); 0: none")
    )
    epochs: int = Field(0, ge=0, description=N_("training epochs; 0: chosen on the validation set"))
    max_epochs: int = Field(
        50, ge=1, description=N_("largest number of epochs the validation set may choose")
    )

    @property
    def config(self) -> simple_rnn.TrainConfig:
        return simple_rnn.TrainConfig(
            self.batch_size,
            self.learning_rate,
            self.schedule,
            self.dropout,
            self.ema_decay,
        )


def train_simple_rnn(
    context: RunContext, text: Text, settings: SimpleRnnSettings
) -> tuple[list[np.ndarray], int]:
    """Return the weights of the SimpleRNN for the context's seed, and the number of its epochs."""
    own = settings.model_dump(include=set(SimpleRnnSettings.model_fields))
    key = {"text": text.codes, **own, "version": 1}
    epochs = settings.epochs or _choose_epochs(context, text, settings, key)

    def compute() -> Arrays:
        checkpoint = context.checkpoint("char-rnn", key, epochs)
        model, run = _start_training(
            text, settings, text.boundary(), epochs, context.seed, checkpoint
        )
        for epoch in track_epochs(context, N_("training"), run, epochs, checkpoint):
            checkpoint.rows.append({"loss": epoch.loss})
        return {"losses": read_columns(checkpoint, "loss"), **pack_weights(model.get_weights())}

    cached = context.cached("char-rnn", {**key, "epochs": epochs, "seed": context.seed}, compute)
    log_losses(context, "train", cached["losses"])
    return unpack_weights(cached), epochs


def _choose_epochs(
    context: RunContext, text: Text, settings: SimpleRnnSettings, key: dict[str, object]
) -> int:
    """Return the number of epochs that is best on the validation set, trained without it."""
    start, end, epochs = validation_start(text), text.boundary(), settings.max_epochs

    def compute() -> Arrays:
        checkpoint = context.checkpoint("char-rnn-epochs", key)
        inputs, targets = texts.make_windows(text.codes, settings.sequence_length, start, end)
        model, run = _start_training(text, settings, start, epochs, 0, checkpoint)
        for epoch in track_epochs(context, N_("choosing the epochs"), run, epochs, checkpoint):
            log_p = simple_rnn.log_probabilities(model.get_weights(), inputs)
            checkpoint.rows.append(validation_row(epoch, log_p, targets))
        return {"curve": read_columns(checkpoint, "loss", "accuracy", "nats")}

    curve = context.cached("char-rnn-epochs", key, compute)["curve"]
    log_validation(context, curve)
    return find_best_epoch(curve[:, 1])


def _start_training(
    text: Text,
    settings: SimpleRnnSettings,
    end: int,
    epochs: int,
    seed: int,
    checkpoint: Checkpoint,
) -> "tuple[keras.Model, Iterator[Epoch]]":
    """Return a new net, and the epochs of its training on the text before position ``end``."""
    length = settings.sequence_length
    model = simple_rnn.build(length, len(text.vocabulary), settings.units, seed)
    windows = texts.make_windows(text.codes, length, 0, end)
    return model, simple_rnn.train(model, *windows, epochs, settings.config, seed, checkpoint)


def validation_start(text: Text) -> int:
    """Return the position of the first validation target: after nine tenths of the training set."""
    return COURSE_LENGTH + int((text.boundary() - COURSE_LENGTH) * 0.9)


def find_best_epoch(values: np.ndarray) -> int:
    """Return the epoch (from 1) at which a curve, averaged over five epochs, is highest."""
    width = min(SMOOTHING_EPOCHS, len(values))
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    return int(smooth.argmax()) + (width - 1) // 2 + 1


def validation_row(epoch: Epoch, log_p: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return an epoch's training loss, and the accuracy and nats of ln p (N, V) on ``targets``."""
    accuracy, nats = (
        measures.next_character_accuracy(log_p, targets).value,
        measures.negative_log_likelihood(log_p, targets).value,
    )
    return {"loss": epoch.loss, "accuracy": float(accuracy), "nats": float(nats)}


def log_validation(context: RunContext, curve: np.ndarray, name: str = "validation") -> None:
    """Log a curve (epochs, 3) of training loss, validation accuracy and validation nats."""
    for number, (loss, accuracy, nats) in enumerate(curve, 1):
        context.log(name, epoch=number, loss=loss, accuracy=accuracy, nats=nats)


def log_losses(context: RunContext, curve: str, losses: np.ndarray) -> None:
    """Log the training loss of every epoch as the history ``curve``."""
    for number, loss in enumerate(losses, 1):
        context.log(curve, epoch=number, loss=float(loss))


def track_epochs(
    context: RunContext, label: str, run: Iterator[Epoch], epochs: int, checkpoint: Checkpoint
) -> Iterator[Epoch]:
    """Yield the epochs that a training has yet to do, and show its progress."""
    with context.progress(label, total=epochs, is_epochs=True) as step:
        context.resume(checkpoint, step)
        for epoch in run:
            yield epoch
            step(1, loss=epoch.loss)


def read_columns(checkpoint: Checkpoint, *names: str) -> np.ndarray:
    """Return columns (epochs, names) of the rows of a checkpoint; (epochs,) for one name."""
    table = np.array([[row[name] for name in names] for row in checkpoint.rows])
    return table[:, 0] if len(names) == 1 else table


def pack_weights(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of a net as the named arrays that the cache stores."""
    return {f"weight_{number}": weight for number, weight in enumerate(weights)}


def unpack_weights(arrays: Arrays) -> list[np.ndarray]:
    """Return the weights that ``pack_weights`` named, in their order."""
    count = sum(name.startswith("weight_") for name in arrays)
    return [arrays[f"weight_{number}"] for number in range(count)]


def save_model(
    context: RunContext,
    text: Text,
    architecture: str,
    model: "keras.Model",
    length: int = COURSE_LENGTH,
) -> None:
    """Save the trained net in the run's folder, where ``etabli poetry write --model`` reads it."""
    scores = {name: context.scores[name].value for name in ("test_accuracy", "test_nats")}
    opening = text.characters[: max(length, 20)]
    card = saved_text.TextCard(
        architecture, text.name, "".join(text.vocabulary), length, opening, scores
    )
    saved_text.save(context.folder, model, card)


NgramScores = dict[str, dict[str, Score]]
"""Name of an n-gram model -> its scores ``train_accuracy``, ``test_accuracy`` and ``test_nats``."""


def score_ngrams(text: Text) -> NgramScores:
    """Score Witten-Bell with contexts of 4 and 5, then modified Kneser-Ney with 6, the best."""
    boundary, end, size = text.boundary(), len(text.codes), len(text.vocabulary)
    train, test = text.codes[COURSE_LENGTH:boundary], text.codes[boundary:]
    found: NgramScores = {}
    for build, order in ((witten_bell, 4), (witten_bell, 5), (kneser_ney, 6)):
        model = build(text.codes[:boundary], size, order)
        seen = model.log_probabilities(text.codes, COURSE_LENGTH, boundary)
        unseen = model.log_probabilities(text.codes, boundary, end)
        found[model.name] = {
            "train_accuracy": measures.next_character_accuracy(seen, train).with_recipe(
                model=model.name
            ),
            "test_accuracy": measures.next_character_accuracy(unseen, test).with_recipe(
                model=model.name
            ),
            "test_nats": measures.negative_log_likelihood(unseen, test).with_recipe(
                model=model.name
            ),
        }
    return found


def baseline_rows(text: Text, ngrams: NgramScores) -> list[list[object]]:
    """Return rows (model, accuracy, nats): uniform guess, most frequent character, n-grams."""
    train, test = text.codes[: text.boundary()], text.codes[text.boundary() :]
    counts = np.bincount(train, minlength=len(text.vocabulary))
    shares = (counts + 1) / (counts + 1).sum()
    accuracy = float((test == counts.argmax()).mean())
    return [
        [_("uniform guess"), 1 / len(counts), float(np.log(len(counts)))],
        [_("the most frequent character"), accuracy, float(-np.log(shares[test]).mean())],
        *[
            [name, scores["test_accuracy"].value, scores["test_nats"].value]
            for name, scores in ngrams.items()
        ],
    ]
