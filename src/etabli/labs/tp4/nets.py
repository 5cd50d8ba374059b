"""The nets of practical 4, trained once and kept: epochs chosen on a validation part, then all of the
training part.

The last tenth of the training targets is the validation part. It is chosen once, with seed 0; every seed
is then trained on the whole training part for the chosen number of epochs. The test part is read only
afterwards.
"""

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from etabli.data import text as texts
from etabli.data.text import Text
from etabli.i18n import N_
from etabli.labs.bench import Bench
from etabli.labs.card import SettingsModel
from etabli.metrics import text as measures
from etabli.models import char_modern, char_rnn
from etabli.models.char_rnn import Epoch
from etabli.models.memory import Memory

SMOOTHED = 5
"""Epochs over which the validation curve is averaged before its best point is taken."""


class CourseSettings(SettingsModel):
    """The course's net and its training."""

    length: int = Field(10, ge=1, le=500, description=N_("SEQLEN: characters that the net reads"))
    units: int = Field(128, ge=1, le=4096, description=N_("hidden units of the recurrent layer"))
    batch: int = Field(128, ge=1, description=N_("windows to an update"))
    learning_rate: float = Field(1e-3, gt=0, le=1, description=N_("rate of RMSprop"))
    decay: bool = Field(False, description=N_("let the rate fall along a cosine to nothing"))
    dropout: float = Field(0.0, ge=0, lt=1, description=N_("share of the last state that is dropped"))
    average: float = Field(0.0, ge=0, lt=1, description=N_("decay of a moving average of the weights; 0: none"))
    epochs: int = Field(0, ge=0, description=N_("passes over the training windows; 0: chosen on a validation part"))
    most_epochs: int = Field(50, ge=1, description=N_("passes among which the validation part chooses"))

    @property
    def recipe(self) -> char_rnn.Recipe:
        return char_rnn.Recipe(self.batch, self.learning_rate, self.decay, self.dropout, self.average)


def validation_start(text: Text) -> int:
    """The position of the first validation target: nine tenths of the way to the test part."""
    return texts.COURSE_LENGTH + int((text.boundary() - texts.COURSE_LENGTH) * 0.9)


def best_epoch(values: np.ndarray) -> int:
    """The epoch (from 1) where a curve, averaged over five epochs, is highest."""
    width = min(SMOOTHED, len(values))
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    return int(smooth.argmax()) + (width - 1) // 2 + 1


def course_weights(bench: Bench, text: Text, settings: CourseSettings) -> tuple[list[np.ndarray], int]:
    """The weights of the course's net, trained with the bench's seed, and the number of its epochs."""
    key = {"text": text.codes, **settings.model_dump(), "version": 1}
    epochs = settings.epochs or _chosen_epochs(bench, text, settings, key)

    def compute() -> dict[str, np.ndarray]:
        model, memory = _new(text, settings, bench.seed), bench.memory("char-rnn", key, epochs)
        windows = texts.windows(text.codes, settings.length, 0, text.boundary())
        run = char_rnn.train(model, *windows, epochs, settings.recipe, bench.seed, memory)
        for epoch in _shown(bench, N_("training"), run, epochs, memory):
            memory.rows.append({"loss": epoch.loss})
        return {"losses": _column(memory), **_named(model.get_weights())}

    kept = bench.cached("char-rnn", {**key, "epochs": epochs, "seed": bench.seed}, compute)
    for number, loss in enumerate(kept["losses"], 1):
        bench.log("train", epoch=number, loss=float(loss))
    return _listed(kept), epochs


def _chosen_epochs(bench: Bench, text: Text, settings: CourseSettings, key: dict) -> int:
    start, end = validation_start(text), text.boundary()

    def compute() -> dict[str, np.ndarray]:
        model, memory = _new(text, settings, 0), bench.memory("char-rnn-epochs", key)
        inputs, targets = texts.windows(text.codes, settings.length, start, end)
        windows = texts.windows(text.codes, settings.length, 0, start)
        run = char_rnn.train(model, *windows, settings.most_epochs, settings.recipe, 0, memory)
        for epoch in _shown(bench, N_("choosing the epochs"), run, settings.most_epochs, memory):
            log_p = char_rnn.log_probabilities(model.get_weights(), inputs)
            memory.rows.append(_measured(epoch, log_p, targets))
        return {"curve": _curve(memory)}

    curve = bench.cached("char-rnn-epochs", key, compute)["curve"]
    log_validation(bench, curve)
    return best_epoch(curve[:, 1])


def log_validation(bench: Bench, curve: np.ndarray) -> None:
    """Keep a curve of (training loss, validation accuracy, validation nats) by epoch as the history
    "validation".
    """
    for number, (loss, accuracy, nats) in enumerate(curve, 1):
        bench.log("validation", epoch=number, loss=loss, accuracy=accuracy, nats=nats)


class ModernSettings(SettingsModel):
    """The weight-dropped LSTM and its training."""

    units: int = Field(384, ge=1, le=4096, description=N_("hidden units of the LSTM"))
    embedding: int = Field(64, ge=1, le=1024, description=N_("numbers to a character"))
    streams: int = Field(32, ge=1, description=N_("pieces of text read side by side"))
    steps: int = Field(32, ge=1, description=N_("characters between two updates"))
    learning_rate: float = Field(5e-3, gt=0, le=1, description=N_("rate of Adam, falling along a cosine"))
    weight_drop: float = Field(0.4, ge=0, lt=1, description=N_("share of recurrent weights that is dropped"))
    input_drop: float = Field(0.1, ge=0, lt=1, description=N_("share of the embedding that is dropped"))
    output_drop: float = Field(0.3, ge=0, lt=1, description=N_("share of the state that is dropped"))
    average: float = Field(0.999, ge=0, lt=1, description=N_("decay of the moving average of the weights"))
    teacher: float = Field(0.4, ge=0, lt=1, description=N_("share of the target that a held-out n-gram gives"))
    epochs: int = Field(0, ge=0, description=N_("passes over the training part; 0: chosen on a validation part"))
    most_epochs: int = Field(45, ge=1, description=N_("passes among which the validation part chooses"))
    context: int = Field(6, ge=0, le=20, description=N_("characters that the n-gram reads"))

    @property
    def recipe(self) -> char_modern.Recipe:
        return char_modern.Recipe(
            self.streams,
            self.steps,
            self.learning_rate,
            self.weight_drop,
            self.input_drop,
            self.output_drop,
            self.average,
            teacher=self.teacher,
            teacher_context=self.context,
        )


def modern_choice(bench: Bench, text: Text, settings: ModernSettings) -> tuple[np.ndarray, np.ndarray]:
    """With seed 0 and without the validation part: the curve (epochs, 3), and ln p (N, V) of the
    validation targets.

    The rows of the curve are training loss, validation accuracy, validation nats; ln p is that of the
    epoch with the fewest nats.
    """
    start, end = validation_start(text), text.boundary()

    def compute() -> dict[str, np.ndarray]:
        model = char_modern.build(len(text.vocabulary), settings.units, settings.embedding, 0)
        memory = bench.memory("char-modern-epochs", text.codes, settings)
        run = char_modern.train(model, text.codes[:start], settings.most_epochs, settings.recipe, 0, memory)
        for epoch in _shown(bench, N_("choosing the epochs"), run, settings.most_epochs, memory):
            log_p = char_modern.log_probabilities(model.get_weights(), text.codes, start, end)
            memory.rows.append(_measured(epoch, log_p, text.codes[start:end]))
            if _curve(memory)[:, 2].argmin() == len(memory.rows) - 1:
                memory.arrays["log_p"] = log_p
        return {"curve": _curve(memory), "log_p": memory.arrays["log_p"]}

    kept = bench.cached("char-modern-epochs", {"text": text.codes, **settings.model_dump()}, compute)
    log_validation(bench, kept["curve"])
    return kept["curve"], kept["log_p"]


def modern_weights(bench: Bench, text: Text, settings: ModernSettings, epochs: int) -> list[np.ndarray]:
    """The weights of the LSTM, trained on the whole training part with the bench's seed."""

    def compute() -> dict[str, np.ndarray]:
        model = char_modern.build(len(text.vocabulary), settings.units, settings.embedding, bench.seed)
        memory = bench.memory("char-modern", key)
        run = char_modern.train(model, text.codes[: text.boundary()], epochs, settings.recipe, bench.seed, memory)
        for epoch in _shown(bench, N_("training"), run, epochs, memory):
            memory.rows.append({"loss": epoch.loss})
        return {"losses": _column(memory), **_named(model.get_weights())}

    key = {"text": text.codes, **settings.model_dump(), "epochs": epochs, "seed": bench.seed}
    kept = bench.cached("char-modern", key, compute)
    for number, loss in enumerate(kept["losses"], 1):
        bench.log("train", epoch=number, loss=float(loss))
    return _listed(kept)


def _shown(bench: Bench, label: str, run: Iterator[Epoch], epochs: int, memory: Memory) -> Iterator[Epoch]:
    with bench.progress(label, total=epochs) as step:
        bench.go_on(memory, step)
        for epoch in run:
            yield epoch
            step(1, loss=epoch.loss)


def _measured(epoch: Epoch, log_p: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    accuracy, nats = measures.accuracy(log_p, targets).value, measures.nats(log_p, targets).value
    return {"loss": epoch.loss, "accuracy": float(accuracy), "nats": float(nats)}


def _curve(memory: Memory) -> np.ndarray:
    return np.array([[row["loss"], row["accuracy"], row["nats"]] for row in memory.rows])


def _column(memory: Memory) -> np.ndarray:
    return np.array([row["loss"] for row in memory.rows])


def _new(text: Text, settings: CourseSettings, seed: int):
    return char_rnn.build(settings.length, len(text.vocabulary), settings.units, seed)


def _named(weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"weight_{number}": weight for number, weight in enumerate(weights)}


def _listed(kept: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [kept[f"weight_{number}"] for number in range(sum(name.startswith("weight_") for name in kept))]
