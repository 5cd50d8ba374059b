"""The course's net of practical 4, trained once and kept: epochs chosen on a validation part, then all of the
training part.

The last tenth of the training targets is the validation part. It is chosen once, with seed 0; every seed
is then trained on the whole training part for the chosen number of epochs. The test part is read only
afterwards.

The honest baselines of practical 4: interpolated n-grams, scored on the test targets of every net.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import COURSE_LENGTH, Text
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.metrics import text as measures
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.models.text.ngram import NGram, kneser_ney, witten_bell
from etabli.models.text.simple_rnn import Epoch
from etabli.training.checkpoint import Checkpoint

SMOOTHED = 5
"""Epochs over which the validation curve is averaged before its best point is taken."""


class CourseSettings(SettingsModel):
    """The course's net and its training."""

    length: int = Field(10, ge=1, le=500, description=N_("SEQLEN: characters that the net reads"))
    units: int = Field(128, ge=1, le=4096, description=N_("hidden units of the recurrent layer"))
    batch: int = Field(128, ge=1, description=N_("windows to an update"))
    learning_rate: float = Field(1e-3, gt=0, le=1, description=N_("rate of RMSprop"))
    decay: bool = Field(False, description=N_("let the rate fall along a cosine to nothing"))
    dropout: float = Field(
        0.0, ge=0, lt=1, description=N_("share of the last state that is dropped")
    )
    average: float = Field(
        0.0, ge=0, lt=1, description=N_("decay of a moving average of the weights; 0: none")
    )
    epochs: int = Field(
        0, ge=0, description=N_("passes over the training windows; 0: chosen on a validation part")
    )
    most_epochs: int = Field(
        50, ge=1, description=N_("passes among which the validation part chooses")
    )

    @property
    def recipe(self) -> simple_rnn.Recipe:
        return simple_rnn.Recipe(
            self.batch, self.learning_rate, self.decay, self.dropout, self.average
        )


def validation_start(text: Text) -> int:
    """The position of the first validation target: nine tenths of the way to the test part."""
    return texts.COURSE_LENGTH + int((text.boundary() - texts.COURSE_LENGTH) * 0.9)


def best_epoch(values: np.ndarray) -> int:
    """The epoch (from 1) where a curve, averaged over five epochs, is highest."""
    width = min(SMOOTHED, len(values))
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    return int(smooth.argmax()) + (width - 1) // 2 + 1


def course_weights(
    context: RunContext, text: Text, settings: CourseSettings
) -> tuple[list[np.ndarray], int]:
    """The weights of the course's net, trained with the context's seed, and the number of its epochs."""
    key = {"text": text.codes, **settings.model_dump(), "version": 1}
    epochs = settings.epochs or _chosen_epochs(context, text, settings, key)

    def compute() -> dict[str, np.ndarray]:
        model, memory = (
            _new(text, settings, context.seed),
            context.checkpoint("char-rnn", key, epochs),
        )
        windows = texts.windows(text.codes, settings.length, 0, text.boundary())
        run = simple_rnn.train(model, *windows, epochs, settings.recipe, context.seed, memory)
        for epoch in shown(context, N_("training"), run, epochs, memory):
            memory.rows.append({"loss": epoch.loss})
        return {"losses": column(memory, "loss"), **named(model.get_weights())}

    kept = context.cached("char-rnn", {**key, "epochs": epochs, "seed": context.seed}, compute)
    for number, loss in enumerate(kept["losses"], 1):
        context.log("train", epoch=number, loss=float(loss))
    return listed(kept), epochs


def _chosen_epochs(context: RunContext, text: Text, settings: CourseSettings, key: dict) -> int:
    start, end = validation_start(text), text.boundary()

    def compute() -> dict[str, np.ndarray]:
        model, memory = _new(text, settings, 0), context.checkpoint("char-rnn-epochs", key)
        inputs, targets = texts.windows(text.codes, settings.length, start, end)
        windows = texts.windows(text.codes, settings.length, 0, start)
        run = simple_rnn.train(model, *windows, settings.most_epochs, settings.recipe, 0, memory)
        for epoch in shown(context, N_("choosing the epochs"), run, settings.most_epochs, memory):
            memory.rows.append(
                measured(epoch, simple_rnn.log_probabilities(model.get_weights(), inputs), targets)
            )
        return {"curve": column(memory, "loss", "accuracy", "nats")}

    curve = context.cached("char-rnn-epochs", key, compute)["curve"]
    log_validation(context, curve)
    return best_epoch(curve[:, 1])


def log_validation(context: RunContext, curve: np.ndarray, name: str = "validation") -> None:
    """Keep a curve of (training loss, validation accuracy, validation nats) by epoch as a history."""
    for number, (loss, accuracy, nats) in enumerate(curve, 1):
        context.log(name, epoch=number, loss=loss, accuracy=accuracy, nats=nats)


def shown(
    context: RunContext, label: str, run: Iterator[Epoch], epochs: int, memory: Checkpoint
) -> Iterator[Epoch]:
    """The epochs of a training that are not behind it yet, with its progress."""
    with context.progress(label, total=epochs) as step:
        context.resume(memory, step)
        for epoch in run:
            yield epoch
            step(1, loss=epoch.loss)


def measured(epoch: Epoch, log_p: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Training loss, accuracy and nats of an epoch."""
    accuracy, nats = measures.accuracy(log_p, targets).value, measures.nats(log_p, targets).value
    return {"loss": epoch.loss, "accuracy": float(accuracy), "nats": float(nats)}


def column(memory: Checkpoint, *names: str) -> np.ndarray:
    """Columns (epochs, names) of the rows of a memory; (epochs,) for one."""
    table = np.array([[row[name] for name in names] for row in memory.rows])
    return table[:, 0] if len(names) == 1 else table


def _new(text: Text, settings: CourseSettings, seed: int):
    return simple_rnn.build(settings.length, len(text.vocabulary), settings.units, seed)


def named(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as they are kept in the cache."""
    return {f"weight_{number}": weight for number, weight in enumerate(weights)}


def listed(kept: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The weights that were kept by ``named``."""
    return [
        kept[f"weight_{number}"]
        for number in range(sum(name.startswith("weight_") for name in kept))
    ]


def keep_poet(
    context: RunContext, text: Text, kind: str, model, length: int = texts.COURSE_LENGTH
) -> None:
    """Leave the trained net in the folder of the piece, so that ``etabli poetry write --model`` writes with it."""
    scores = {name: context.scores[name].value for name in ("test_accuracy", "test_nats")}
    opening = text.characters[: max(length, 20)]
    text.save(
        context.folder,
        model,
        text.Card(kind, text.name, "".join(text.vocabulary), length, opening, scores),
    )


BEST = 6
"""Characters of context of the n-gram that stands beside every net: modified Kneser-Ney."""


@dataclass(frozen=True)
class Counted:
    """An n-gram of the training part, and its scores on training and test targets."""

    model: NGram
    train_accuracy: Score
    test_accuracy: Score
    test_nats: Score


def measure(text: Text) -> list[Counted]:
    """Witten-Bell with four and five characters of context, modified Kneser-Ney with six."""
    known = text.codes[: text.boundary()]
    size = len(text.vocabulary)
    models = [
        witten_bell(known, size, 4),
        witten_bell(known, size, 5),
        kneser_ney(known, size, BEST),
    ]
    return [_measured(model, text) for model in models]


def scores(counted: Counted) -> dict[str, Score]:
    """The scores of the n-gram that stands beside a net, by their names."""
    return {
        "train_accuracy_ngram": counted.train_accuracy,
        "test_accuracy_ngram": counted.test_accuracy,
        "test_nats_ngram": counted.test_nats,
    }


def rows(text: Text, counted: list[Counted]) -> list[list[object]]:
    """Rows of a table (model, accuracy, nats): the uniform guess, the commonest character, the n-grams."""
    train, test = text.codes[: text.boundary()], text.codes[text.boundary() :]
    counts = np.bincount(train, minlength=len(text.vocabulary))
    shares = (counts + 1) / (counts + 1).sum()
    common = float((test == counts.argmax()).mean())
    return [
        [_("uniform guess"), 1 / len(counts), float(np.log(len(counts)))],
        [_("the commonest character"), common, float(-np.log(shares[test]).mean())],
        *[[each.model.name, each.test_accuracy.value, each.test_nats.value] for each in counted],
    ]


def _measured(model: NGram, text: Text) -> Counted:
    boundary, end = text.boundary(), len(text.codes)
    before, after = text.codes[COURSE_LENGTH:boundary], text.codes[boundary:]
    train = model.log_probabilities(text.codes, COURSE_LENGTH, boundary)
    test = model.log_probabilities(text.codes, boundary, end)
    recipe = {"model": model.name}
    return Counted(
        model,
        measures.accuracy(train, before).with_recipe(**recipe),
        measures.accuracy(test, after).with_recipe(**recipe),
        measures.nats(test, after).with_recipe(**recipe),
    )
