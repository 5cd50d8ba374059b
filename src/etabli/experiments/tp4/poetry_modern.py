"""What a small net can do with this book alone: a weight-dropped LSTM with carried state, which learns from an
n-gram and from a net on top of it; and the mixture of all three.

The two LSTMs of practical 4: the residual net on top of an n-gram, and the plain net that learns from both.

Epochs and mixture weights are chosen once, with seed 0, on the validation part, which neither nets nor counts
have seen; every seed is then trained on the whole training part. The test part is read only afterwards.
"""

from typing import NamedTuple

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec, SettingsModel
from etabli.experiments.tp4 import _shared
from etabli.experiments.tp4._shared import column, listed, measured, named, shown, validation_start
from etabli.metrics import text as measures
from etabli.models.text import lstm
from etabli.models.text.distillation import Lesson
from etabli.models.text.lstm import Recipe
from etabli.models.text.ngram import combine, fit_weights, kneser_ney
from etabli.training import keras_io
from etabli.training.checkpoint import Checkpoint
from etabli.viz.curves import learning_curves


class ModernSettings(SettingsModel):
    """The plain net, the residual net that teaches it, and their training."""

    units: int = Field(384, ge=1, le=4096, description=N_("hidden units of each LSTM"))
    embedding: int = Field(64, ge=1, le=1024, description=N_("numbers to a character"))
    steps: int = Field(32, ge=1, description=N_("characters between two updates"))
    learning_rate: float = Field(
        5e-3, gt=0, le=1, description=N_("rate of Adam, falling along a cosine")
    )
    average: float = Field(
        0.999, ge=0, lt=1, description=N_("decay of the moving average of the weights")
    )
    context: int = Field(6, ge=0, le=20, description=N_("characters that the n-gram reads"))
    streams: int = Field(
        16, ge=1, description=N_("pieces of the book read side by side, and as many synthetic ones")
    )
    weight_drop: float = Field(
        0.3, ge=0, lt=1, description=N_("share of recurrent weights that is dropped")
    )
    input_drop: float = Field(
        0.0, ge=0, lt=1, description=N_("share of the embedding that is dropped")
    )
    output_drop: float = Field(
        0.1, ge=0, lt=1, description=N_("share of the state that is dropped")
    )
    teacher: float = Field(
        0.4, ge=0, lt=1, description=N_("share of the target that a held-out n-gram gives")
    )
    epochs: int = Field(
        0, ge=0, description=N_("passes over the training part; 0: chosen on a validation part")
    )
    most_epochs: int = Field(
        16, ge=1, description=N_("passes among which the validation part chooses")
    )
    residual_streams: int = Field(
        32, ge=1, description=N_("the residual net: pieces read side by side")
    )
    residual_weight_drop: float = Field(
        0.5, ge=0, lt=1, description=N_("the residual net: recurrent weights dropped")
    )
    residual_input_drop: float = Field(
        0.1, ge=0, lt=1, description=N_("the residual net: embedding dropped")
    )
    residual_output_drop: float = Field(
        0.3, ge=0, lt=1, description=N_("the residual net: state dropped")
    )
    residual_epochs: int = Field(
        0, ge=0, description=N_("the residual net: passes; 0: chosen on a validation part")
    )
    most_residual_epochs: int = Field(
        18, ge=1, description=N_("the residual net: passes to choose among")
    )

    @property
    def recipe(self) -> Recipe:
        """Of the plain net."""
        drops = self.weight_drop, self.input_drop, self.output_drop
        return self._recipe(self.streams, *drops, self.teacher)

    @property
    def residual_recipe(self) -> Recipe:
        """Of the residual net, which has the n-gram in itself and needs no teacher."""
        drops = self.residual_weight_drop, self.residual_input_drop, self.residual_output_drop
        return self._recipe(self.residual_streams, *drops, 0.0)

    def _recipe(
        self, streams: int, weight: float, inputs: float, output: float, teacher: float
    ) -> Recipe:
        return Recipe(
            streams,
            self.steps,
            self.learning_rate,
            weight,
            inputs,
            output,
            self.average,
            teacher=teacher,
            teacher_context=self.context,
        )


class Choice(NamedTuple):
    """What the validation part decided: epochs of both nets, and the weights of plain net, residual net and
    n-gram in their mixture; with the curves (epochs, 3) of training loss, validation accuracy and nats.
    """

    epochs: int
    residual_epochs: int
    shares: np.ndarray
    curve: np.ndarray
    residual_curve: np.ndarray


def choose(context: RunContext, text: Text, settings: ModernSettings) -> Choice:
    """Train both nets with seed 0 without the validation part, and look at it."""
    start, end = validation_start(text), text.boundary()

    def compute() -> dict[str, np.ndarray]:
        lesson = _lesson(text, start, settings, seed=0)
        counted = lesson.counted.log_probabilities(text.codes, start, end)
        residual, curve, guided = _best(context, text, settings, lesson, counted)
        written = lesson.written(residual, settings.most_epochs)
        _weights, plain_curve, plain = _best(context, text, settings, lesson, written=written)
        shares = fit_weights([plain, guided, counted], text.codes[start:end])
        return {"residual_curve": curve, "curve": plain_curve, "shares": shares}

    kept = context.cached(
        "char-modern-choice", {"text": text.codes, **settings.model_dump(), "version": 1}, compute
    )
    epochs = settings.epochs or int(kept["curve"][:, 2].argmin()) + 1
    residual_epochs = settings.residual_epochs or int(kept["residual_curve"][:, 2].argmin()) + 1
    return Choice(epochs, residual_epochs, kept["shares"], kept["curve"], kept["residual_curve"])


def _best(
    context: RunContext,
    text: Text,
    settings: ModernSettings,
    lesson: Lesson,
    counted=None,
    written=None,
):
    """Weights, whole curve, and ln p (N, V) of the validation targets, of the epoch with the fewest nats there.

    The residual net where ``counted``, the n-gram's ln p of these targets, is given; else the plain one.
    """
    start, end = len(lesson.codes), text.boundary()
    epochs = settings.most_residual_epochs if written is None else settings.most_epochs
    memory = _memory(context, settings, lesson, written)
    for epoch, weights in _passes(context, lesson, epochs, memory, written):
        log_p = lstm.log_probabilities(weights, text.codes, start, end, counted=counted)
        memory.rows.append(measured(epoch, log_p, text.codes[start:end]))
        if column(memory, "nats").argmin() == len(memory.rows) - 1:
            memory.arrays.update(named(weights), log_p=log_p)
    return listed(memory.arrays), column(memory, "loss", "accuracy", "nats"), memory.arrays["log_p"]


def residual_weights(
    context: RunContext, text: Text, settings: ModernSettings, epochs: int
) -> list[np.ndarray]:
    """The weights of the residual net, trained on the whole training part with the context's seed."""

    def run():
        lesson = _lesson(text, text.boundary(), settings, context.seed)
        memory = _memory(context, settings, lesson, None, epochs)
        return memory, _passes(context, lesson, epochs, memory)

    return _kept(
        context, "residual", {"text": text.codes, **settings.model_dump(), "epochs": epochs}, run
    )


def plain_weights(
    context: RunContext,
    text: Text,
    settings: ModernSettings,
    epochs: int,
    residual: list[np.ndarray],
) -> list[np.ndarray]:
    """The weights of the plain net, from the whole training part and what the residual net wrote after it."""

    def run():
        lesson = _lesson(text, text.boundary(), settings, context.seed)
        written = lesson.written(residual, epochs)
        memory = _memory(context, settings, lesson, written, epochs)
        return memory, _passes(context, lesson, epochs, memory, written)

    key = {
        "text": text.codes,
        **settings.model_dump(),
        "epochs": epochs,
        "residual": named(residual),
    }
    return _kept(context, "train", key, run)


def _kept(context: RunContext, curve: str, key: dict, run) -> list[np.ndarray]:
    """The last weights of a training, from the cache if they are there; its losses are logged as ``curve``."""

    def compute() -> dict[str, np.ndarray]:
        memory, training = run()
        for epoch, weights in training:
            memory.rows.append({"loss": epoch.loss})
            memory.arrays.update(named(weights))
        return {"losses": column(memory, "loss"), **memory.arrays}

    kept = context.cached(
        f"char-modern-{curve}", {**key, "seed": context.seed, "version": 1}, compute
    )
    for number, loss in enumerate(kept["losses"], 1):
        context.log(curve, epoch=number, loss=float(loss))
    return listed(kept)


def _lesson(text: Text, end: int, settings: ModernSettings, seed: int) -> Lesson:
    """Of the text before position ``end``."""
    codes = text.codes[:end]
    counts = kneser_ney(codes, len(text.vocabulary), settings.context)
    return Lesson(
        codes,
        counts,
        settings.units,
        settings.embedding,
        seed,
        settings.residual_recipe,
        settings.recipe,
    )


def _memory(
    context: RunContext,
    settings: ModernSettings,
    lesson: Lesson,
    written,
    epochs: int | None = None,
) -> Checkpoint:
    read = None if written is None else written.codes
    return context.checkpoint(
        "char-modern", lesson.codes, settings, written is None, lesson.seed, read, epochs
    )


def _passes(context: RunContext, lesson: Lesson, epochs: int, memory: Checkpoint, written=None):
    """(epoch, averaged weights) after each pass of the residual net, or of the plain one, which reads ``written``."""
    if written is None:
        label, (model, run) = N_("training the residual net"), lesson.residual(epochs, memory)
    else:
        label, (model, run) = N_("training the plain net"), lesson.plain(written, epochs, memory)
    for epoch in shown(context, label, run, epochs, memory):
        yield epoch, model.get_weights()


Settings = ModernSettings


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(
        max(settings.streams, settings.residual_streams) * settings.steps
    )
    vocabulary = len(text.vocabulary)

    # Everything is chosen and frozen here: epochs and mixture weights on the validation part, then the
    # weights.
    choice = choose(context, text, settings)
    residual = residual_weights(context, text, settings, choice.residual_epochs)
    plain = plain_weights(context, text, settings, choice.epochs, residual)
    measure(context, text, settings, choice, plain, residual)

    models = []
    for weights, is_residual in ((plain, False), (residual, True)):
        model = lstm.build(
            vocabulary, settings.units, settings.embedding, context.seed, is_residual
        )
        model.set_weights(weights)
        models.append(model)
    _shared.keep_poet(context, text, "modern", models[0])
    keras_io.save(models[1], context.path("residual.keras"))
    _shared.log_validation(context, choice.curve)
    _shared.log_validation(context, choice.residual_curve, "validation_residual")
    if context.is_first_seed:
        show(context, text)


def measure(
    context: RunContext, text: Text, settings: Settings, choice: Choice, plain, residual
) -> None:
    """Accuracy and nats of the plain net, which reads only characters; of the residual net, which has the n-gram
    in itself; and of the mixture of both and the n-gram.
    """
    codes, boundary = text.codes, text.boundary()
    counts = kneser_ney(codes[:boundary], len(text.vocabulary), settings.context)
    common = {"units": settings.units, "state": "carried"}
    shares = " ".join(f"{share:.3f}" for share in choice.shares)
    recipes = {
        "": {**common, "epochs": choice.epochs},
        "_residual": {**common, "epochs": choice.residual_epochs, "on top of": counts.name},
        "_ngram": {**common, "mixture of": f"net, residual net, {counts.name}", "weights": shares},
    }
    for part, first, last in (("train", 1, boundary), ("test", boundary, len(codes))):
        counted = counts.log_probabilities(codes, first, last)
        net = lstm.log_probabilities(plain, codes, first, last)
        on_top = lstm.log_probabilities(residual, codes, first, last, counted=counted)
        mixture = combine([net, on_top, counted], choice.shares)
        for (name, recipe), log_p in zip(recipes.items(), (net, on_top, mixture), strict=True):
            accuracy = measures.accuracy(log_p, codes[first:last])
            context.score(f"{part}_accuracy{name}", accuracy.with_recipe(**recipe))
            if part == "test":
                context.score(
                    f"test_nats{name}",
                    measures.nats(log_p, codes[first:last]).with_recipe(**recipe),
                )


def show(context: RunContext, text: Text) -> None:
    """The curves, and the table with everything else."""
    with context.figure(
        "curves",
        title=N_("Training"),
        caption=N_(
            "Left: the loss while learning, under all that is dropped. Right: the averaged weights, held-out text."
        ),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        legend = {"plain": _("plain net"), "residual": _("residual net")}
        for ax, number, curves in (
            (axes[0], "loss", {"plain": "train", "residual": "residual"}),
            (axes[1], "nats", {"plain": "validation", "residual": "validation_residual"}),
        ):
            rows = [
                {"epoch": row["epoch"], net: row[number]}
                for net, curve in curves.items()
                for row in context.history(curve)
            ]
            learning_curves(rows, legend, y_label=_("nats"), ax=ax)
    values = {name: score.value for name, score in context.scores.items()}
    rows = {
        "": _("this LSTM"),
        "_residual": _("LSTM on top of the n-gram"),
        "_ngram": _("both, and the n-gram"),
    }
    context.table(
        "models",
        title=N_("Everything that was scored on these test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=[
            *_shared.rows(text, _shared.measure(text)),
            *[
                [told, values[f"test_accuracy{key}"], values[f"test_nats{key}"]]
                for key, told in rows.items()
            ],
        ],
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry-modern",
    title=N_("Poetry with two weight-dropped LSTMs"),
    measures=N_("nats per character on text that it never read"),
    source=N_("practical 4, exercise 1 b, taken further"),
    settings=Settings,
    run=run,
    on_sample={
        "units": 48,
        "embedding": 16,
        "streams": 8,
        "residual_streams": 8,
        "most_epochs": 4,
        "most_residual_epochs": 4,
        "average": 0.98,
        "learning_rate": 0.01,
    },
    data=("fleurs_du_mal",),
    minutes=5,
    memory_mb=3000,
    seeds=3,
    expected_ranges={
        "test_accuracy": (0.54, 0.57),
        "test_nats": (1.41, 1.47),
        "test_nats_ngram": (1.37, 1.42),
    },
)
