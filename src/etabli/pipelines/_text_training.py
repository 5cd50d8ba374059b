"""The training of a character-level model on your own text: settings, checkpoints, progress."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.core.seeding import make_generator
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.models.text import generation, lstm, simple_rnn, synthetic_text
from etabli.models.text.distillation import Distillation
from etabli.models.text.generation import (
    LstmPredictor,
    Predictor,
    ResidualPredictor,
    WindowPredictor,
)
from etabli.models.text.lstm import PLAIN_CONFIG, RESIDUAL_CONFIG
from etabli.models.text.ngram import NGram
from etabli.models.text.sampling import Decoding
from etabli.models.text.simple_rnn import Epoch
from etabli.pipelines._output import keep_state, start_from_state
from etabli.pipelines._settings import change_settings, check_ranges
from etabli.saved_models.text import ARCHITECTURES
from etabli.training.checkpoint import Checkpoint, checkpoint_path

if TYPE_CHECKING:
    import keras

SAMPLE_LENGTH = 60
CHUNK = 200_000  # characters that are scored at once
LogProbabilities = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class TextSettings:
    """Settings of a training; None is the default of the model.

    ``sequence_length`` is the window of the SimpleRNN, or the longest context of the n-gram model;
    ``validation_fraction`` the share of the text, at its end, that the model is scored on.
    """

    model: str = "simple-rnn"
    epochs: int = 20
    sequence_length: int | None = None
    units: int = 128
    layers: int = 1
    learning_rate: float | None = None
    batch_size: int | None = None
    dropout: float | None = None
    validation_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ARCHITECTURES:
            raise UnknownName(_("model"), self.model, ARCHITECTURES)
        check_ranges(self, _RANGES)

    @property
    def length(self) -> int:
        """The characters that the model reads."""
        return self.sequence_length or (6 if self.model == "ngram" else texts.COURSE_LENGTH)

    def rnn_config(self) -> simple_rnn.TrainConfig:
        """Return the training configuration of a SimpleRNN."""
        return simple_rnn.TrainConfig(
            **_without_none(
                batch_size=self.batch_size, learning_rate=self.learning_rate, dropout=self.dropout
            )
        )

    def lstm_config(self, base: lstm.TrainConfig) -> lstm.TrainConfig:
        """Return the training configuration of an LSTM; a batch is a number of streams."""
        changes = _without_none(
            streams=self.batch_size, learning_rate=self.learning_rate, output_drop=self.dropout
        )
        return replace(base, **changes)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("epochs", 1, 100_000),
    ("sequence_length", 1, 500),
    ("units", 1, 4096),
    ("layers", 1, 8),
    ("learning_rate", 1e-7, 1.0),
    ("batch_size", 1, 65_536),
    ("dropout", 0.0, 0.95),
    ("validation_fraction", 0.01, 0.5),
    ("seed", 0, 2**63),
)
_MAY_CHANGE = ("epochs", "learning_rate", "batch_size", "dropout")  # with --resume


def make_settings(
    changes: Mapping[str, object], former: Mapping[str, Any] | None = None
) -> TextSettings:
    """Return the defaults, or the settings of a model that is trained on, with the changes.

    Raises ``BadSetting`` for a change that a trained model does not allow.
    """
    return change_settings(TextSettings, changes, former, _MAY_CHANGE)


@dataclass(frozen=True)
class Training:
    """A training under way.

    ``epochs_done`` is 0, or the number of epochs of the finished model that is trained on.
    """

    text: Text
    settings: TextSettings
    reporter: Reporter
    checkpoints: Path
    out: Path
    sample_every: int
    epochs_done: int = 0

    @property
    def boundary(self) -> int:
        """The position of the first character that the model is scored on."""
        return self.text.boundary(1 - self.settings.validation_fraction)

    def train(self, ngram: NGram) -> tuple["keras.Model", LogProbabilities]:
        """Return a trained net, and a function (first, last) -> ln p (N, V) of its text."""
        if self.settings.model == "simple-rnn":
            return self._train_simple_rnn()
        return self._train_lstm(ngram)

    def _train_simple_rnn(self) -> tuple["keras.Model", LogProbabilities]:
        settings, codes, size = self.settings, self.text.codes, len(self.text.vocabulary)
        length, config = settings.length, settings.rnn_config()
        shape = length, size, settings.units, settings.seed, settings.layers
        net = simple_rnn.build(*shape)
        windows = texts.make_windows(codes, length, 0, self.boundary)
        checkpoint = self._checkpoint("simple-rnn", start=True)
        left = settings.epochs - checkpoint.epoch
        if len(windows[1]) > 40 * config.batch_size and left > 0:
            part = 8 * config.batch_size
            inputs, targets = (each[:part] for each in windows)
            trial = simple_rnn.train(simple_rnn.build(*shape), inputs, targets, 3, config, 0)
            self._announce(_time_epoch(trial) / part * len(windows[1]) * left)
        self._follow(
            _("training"),
            simple_rnn.train(net, *windows, settings.epochs, config, settings.seed, checkpoint),
            checkpoint,
            settings.epochs,
            lambda: WindowPredictor(net.get_weights(), length),
        )
        keep_state(checkpoint, self.out)
        weights = net.get_weights()
        return net, lambda first, last: simple_rnn.log_probabilities(
            weights, texts.make_windows(codes, length, first, last)[0]
        )

    def _train_lstm(self, ngram: NGram) -> tuple["keras.Model", LogProbabilities]:
        """Train on the text, and on what a residual LSTM on top of the n-gram model generated."""
        settings, codes = self.settings, self.text.codes
        self._check_memory()
        distillation = self._distillation(ngram, settings.seed)
        former = self.epochs_done
        checkpoint = self._checkpoint("residual", start=True)
        epochs = former or settings.epochs
        residual, run = distillation.train_residual(epochs, checkpoint)
        left = settings.epochs - former
        if not former and not checkpoint.epoch:
            self._announce(self._time_lstm(distillation, left))
        self._follow(_("training the residual LSTM"), run, checkpoint, epochs)
        keep_state(checkpoint, self.out)
        initial = None
        if former:
            # A second part of the training: other random numbers, and a learning rate that decays
            # again.
            seed = int(make_generator(settings.seed, "poetry", f"after {former}").integers(2**31))
            distillation = self._distillation(ngram, seed)
            initial = self._former_weights()
        synthetic = distillation.generate(residual.get_weights(), left)
        checkpoint = self._checkpoint("plain")
        net, run = distillation.train_plain(synthetic, left, checkpoint, initial)
        self._follow(
            _("training the plain LSTM"),
            run,
            checkpoint,
            left,
            lambda: LstmPredictor(net.get_weights()),
        )
        weights = net.get_weights()
        return net, lambda first, last: lstm.log_probabilities(weights, codes, first, last)

    def _distillation(self, ngram: NGram, seed: int) -> Distillation:
        settings = self.settings
        residual, plain = map(settings.lstm_config, (RESIDUAL_CONFIG, PLAIN_CONFIG))
        codes, layers = self.text.codes[: self.boundary], settings.layers
        return Distillation(codes, ngram, settings.units, 64, seed, residual, plain, layers)

    def _former_weights(self) -> list[np.ndarray]:
        from etabli.saved_models.text import MODEL
        from etabli.training import keras_io

        return keras_io.load(self.out / MODEL).get_weights()

    def _checkpoint(self, name: str, start: bool = False) -> Checkpoint:
        """Return the checkpoint of this training; with ``start`` from that of a finished model."""
        key = self.text.codes, asdict(self.settings), self.epochs_done
        path = checkpoint_path(self.checkpoints, name, *key)
        if start and self.epochs_done:
            start_from_state(self.out, path, self.epochs_done)
        return Checkpoint(path)

    def _follow(
        self,
        label: str,
        run: Iterator[Epoch],
        checkpoint: Checkpoint,
        epochs: int,
        make_predictor: Callable[[], Predictor] | None = None,
    ) -> None:
        """Run the epochs that are left; show the progress and, now and then, a sample."""
        with self.reporter.task(label, epochs) as step:
            step(min(checkpoint.epoch, epochs))
            for epoch in run:
                step(1, loss=epoch.loss)
                if make_predictor and self.sample_every and epoch.number % self.sample_every == 0:
                    self._print_sample(epoch.number, make_predictor())

    def _print_sample(self, epoch: int, predictor: Predictor) -> None:
        """Print a line that the net of this epoch writes."""
        prompt = self.text.codes[: max(self.settings.length, 20)]
        generator = make_generator(self.settings.seed, "poetry", "sample", str(epoch))
        steps = generation.generate(predictor, prompt, SAMPLE_LENGTH, Decoding(0.5), generator)
        sample = texts.decode(np.concatenate(list(steps)), self.text.vocabulary)
        line = " / ".join(sample.split("\n"))
        self.reporter.print_line(_("  epoch {n}: {sample}").format(n=epoch, sample=line))

    def _announce(self, seconds: float) -> None:
        self.reporter.print_line(
            _("  The training takes about {time}, by a measurement of a few steps.").format(
                time=format_duration(seconds)
            )
        )

    def _time_lstm(self, distillation: Distillation, epochs: int) -> float:
        """Return the seconds of both trainings and of the text generated between them."""
        config, size = distillation.residual_config, len(self.text.vocabulary)
        per_step = config.streams * config.steps
        codes = distillation.codes[: 5 * per_step + 1]
        if len(codes) < 5 * per_step:
            return 0.0
        net = lstm.build(size, self.settings.units, 64, 0, True, self.settings.layers)
        step = _time_epoch(lstm.train(net, codes, 3, config, 0)) / 4
        started, few = time.perf_counter(), 8
        teacher = ResidualPredictor(net.get_weights(), distillation.ngram)
        streams = distillation.plain_config.streams
        width = synthetic_text.TEXTS_PER_STREAM * streams
        synthetic_text.generate(teacher, distillation.codes, width, few, 0)
        generating = (time.perf_counter() - started) / (few + synthetic_text.PROMPT_LENGTH)
        # The plain LSTM reads as much generated text as text.
        count = epochs * len(distillation.codes)
        return 3 * count / per_step * step + count / width * generating

    def _check_memory(self) -> None:
        """Raise ``BadSetting`` where the targets of the LSTM do not fit into the memory."""
        needed = 24 * self.boundary * len(self.text.vocabulary)
        available = psutil.virtual_memory().available
        if needed > available:
            raise BadSetting(
                _("the text is too long for the LSTM in the memory of this machine"),
                expected=_("at most {n:.1f} GB").format(n=available / 1e9),
                got=_("about {n:.1f} GB").format(n=needed / 1e9),
                fix=_("Give a part of the text, or use --model simple-rnn."),
            )


def _time_epoch(run: Iterator[Epoch]) -> float:
    """Return the seconds of an epoch, without the first one, which compiles."""
    next(run)
    started = time.perf_counter()
    count = sum(1 for _epoch in run)
    return (time.perf_counter() - started) / count


def format_duration(seconds: float) -> str:
    """Return a duration in words: less than a minute, 5 minutes, 2 h 10 min."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return _("a minute or less")
    if minutes < 60:
        return _("{n} min").format(n=minutes)
    return _("{h} h {m} min").format(h=minutes // 60, m=minutes % 60)


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
