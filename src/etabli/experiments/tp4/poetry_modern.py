"""Two weight-dropped LSTMs on one book: one on top of an n-gram, a plain one; their mixture.

The residual LSTM adds to the predictions of the n-gram model; the plain LSTM is trained on the book
and on text that the residual one generated. Epochs and mixture weights are chosen once, with seed
0, on the validation set, which neither networks nor counts have seen; every seed is then trained on
the whole training set. The test set is read only afterwards.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from pydantic import Field

from etabli.core.cache import Arrays
from etabli.core.i18n import N_, _
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import _adaptive, _shared
from etabli.metrics import text as measures
from etabli.models.text import lstm
from etabli.models.text.distillation import Distillation
from etabli.models.text.lstm import TrainConfig
from etabli.models.text.ngram import fit_mixture_weights, kneser_ney, mix
from etabli.models.text.simple_rnn import Epoch
from etabli.models.text.synthetic_text import SyntheticText
from etabli.training import keras_io
from etabli.training.checkpoint import Checkpoint
from etabli.viz.curves import plot_learning_curves

Weights = list[np.ndarray]


class Settings(SettingsModel):
    """The plain LSTM, the residual LSTM that it is distilled from, and their training."""

    units: int = Field(384, ge=1, le=4096, description=N_("hidden units of each LSTM"))
    embedding: int = Field(
        64, ge=1, le=1024, description=N_("dimension of the character embeddings")
    )
    sequence_length: int = Field(
        32, ge=1, description=N_("characters per update (truncated backpropagation through time)")
    )
    learning_rate: float = Field(
        5e-3, gt=0, le=1, description=N_("initial learning rate of Adam, with cosine decay")
    )
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description=N_("decay of the moving average of the weights (EMA)")
    )
    context: int = Field(6, ge=0, le=20, description=N_("characters of context of the n-gram"))
    streams: int = Field(
        16, ge=1, description=N_("parallel streams of the book, and as many of generated text")
    )
    weight_dropout: float = Field(
        0.3, ge=0, lt=1, description=N_("dropout rate of the recurrent weights")
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description=N_("dropout rate of the embedding"))
    output_dropout: float = Field(
        0.1, ge=0, lt=1, description=N_("dropout rate of the hidden state")
    )
    distillation_weight: float = Field(
        0.4, ge=0, lt=1, description=N_("weight of the held-out n-gram in the target distribution")
    )
    epochs: int = Field(0, ge=0, description=N_("training epochs; 0: chosen on the validation set"))
    max_epochs: int = Field(
        16, ge=1, description=N_("largest number of epochs the validation set may choose")
    )
    residual_streams: int = Field(
        32, ge=1, description=N_("residual LSTM: parallel streams of the book")
    )
    residual_weight_dropout: float = Field(
        0.5, ge=0, lt=1, description=N_("residual LSTM: dropout rate of the recurrent weights")
    )
    residual_input_dropout: float = Field(
        0.1, ge=0, lt=1, description=N_("residual LSTM: dropout rate of the embedding")
    )
    residual_output_dropout: float = Field(
        0.3, ge=0, lt=1, description=N_("residual LSTM: dropout rate of the hidden state")
    )
    residual_epochs: int = Field(
        0, ge=0, description=N_("residual LSTM: training epochs; 0: chosen on the validation set")
    )
    max_residual_epochs: int = Field(
        18,
        ge=1,
        description=N_("residual LSTM: largest number of epochs the validation set may choose"),
    )

    @property
    def config(self) -> TrainConfig:
        """Training configuration of the plain LSTM."""
        dropouts = self.weight_dropout, self.input_dropout, self.output_dropout
        return self._config(self.streams, dropouts, self.distillation_weight)

    @property
    def residual_config(self) -> TrainConfig:
        """Return the training configuration of the residual LSTM: no distillation."""
        dropouts = (
            self.residual_weight_dropout,
            self.residual_input_dropout,
            self.residual_output_dropout,
        )
        return self._config(self.residual_streams, dropouts, 0.0)

    def _config(
        self, streams: int, dropouts: tuple[float, float, float], distillation_weight: float
    ) -> TrainConfig:
        return TrainConfig(
            streams,
            self.sequence_length,
            self.learning_rate,
            *dropouts,
            self.ema_decay,
            teacher=distillation_weight,
            teacher_context=self.context,
        )


class Choice(NamedTuple):
    """What the validation set chose, and its curves (epochs, 3) of loss, accuracy and nats.

    ``mixture`` holds the weights of the plain LSTM, the residual LSTM and the n-gram.
    """

    epochs: int
    residual_epochs: int
    mixture: np.ndarray
    curve: np.ndarray
    residual_curve: np.ndarray


def run(context: RunContext, settings: Settings) -> None:
    streams = max(settings.streams, settings.residual_streams)
    text = verse.load(context.source).require(streams * settings.sequence_length)

    # All choices are frozen here: first epochs and mixture weights on the validation set,
    # then weights.
    choice = choose(context, text, settings)
    residual = train(context, text, settings, choice.residual_epochs)
    plain = train(context, text, settings, choice.epochs, residual)
    score(context, text, settings, choice, plain, residual)

    size, models = (len(text.vocabulary), settings.units, settings.embedding, context.seed), []
    for weights, is_residual in ((plain, False), (residual, True)):
        model = lstm.build(*size, is_residual)
        model.set_weights(weights)
        models.append(model)
    _shared.save_model(context, text, "lstm", models[0])
    keras_io.save(models[1], context.path("residual.keras"))
    _shared.log_validation(context, choice.curve)
    _shared.log_validation(context, choice.residual_curve, "validation_residual")
    if context.is_first_seed:
        show(context, text)


def choose(context: RunContext, text: Text, settings: Settings) -> Choice:
    """Train both networks with seed 0 without the validation set, and choose on it."""
    start, end = _shared.validation_start(text), text.boundary()
    targets = text.codes[start:end]

    def compute() -> Arrays:
        distillation = _make_distillation(text, start, settings, seed=0)
        ngram_log_p = distillation.ngram.log_probabilities(text.codes, start, end)
        epochs = settings.max_residual_epochs, settings.max_epochs
        weights, residual_curve, residual = _find_best(
            context, text, settings, distillation, epochs[0], ngram_log_p=ngram_log_p
        )
        synthetic = distillation.generate(weights, epochs[1])
        _weights, curve, plain = _find_best(
            context, text, settings, distillation, epochs[1], synthetic=synthetic
        )
        mixture = fit_mixture_weights([plain, residual, ngram_log_p], targets)
        return {"residual_curve": residual_curve, "curve": curve, "mixture": mixture}

    key = {"text": text.codes, **settings.model_dump(), "version": 1}
    cached = context.cached("char-modern-choice", key, compute)
    curve, residual_curve = cached["curve"], cached["residual_curve"]
    return Choice(
        settings.epochs or int(curve[:, 2].argmin()) + 1,
        settings.residual_epochs or int(residual_curve[:, 2].argmin()) + 1,
        cached["mixture"],
        curve,
        residual_curve,
    )


def _find_best(
    context: RunContext,
    text: Text,
    settings: Settings,
    distillation: Distillation,
    epochs: int,
    *,
    ngram_log_p: np.ndarray | None = None,
    synthetic: SyntheticText | None = None,
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Train one of the two networks, and find the epoch with the fewest nats on the validation set.

    Args:
        context: the run.
        text: the text; the validation set begins where ``distillation.codes`` ends.
        settings: the settings of the experiment.
        distillation: both networks, on the text before the validation set.
        epochs: number of epochs.
        ngram_log_p: ln p (N, V) of the n-gram on the validation set, for the residual network.
        synthetic: generated text, for the plain network.

    Returns:
        Weights of the best epoch, curve (epochs, 3), and ln p (N, V) of the best epoch.
    """
    start, end = len(distillation.codes), text.boundary()
    checkpoint, training = _start_training(context, settings, distillation, epochs, synthetic)
    for epoch, weights in training:
        log_p = lstm.log_probabilities(weights, text.codes, start, end, ngram_log_p=ngram_log_p)
        checkpoint.rows.append(_shared.validation_row(epoch, log_p, text.codes[start:end]))
        if _shared.read_columns(checkpoint, "nats").argmin() == len(checkpoint.rows) - 1:
            checkpoint.arrays.update(_shared.pack_weights(weights), log_p=log_p)
    best, curve = checkpoint.arrays, _shared.read_columns(checkpoint, "loss", "accuracy", "nats")
    return _shared.unpack_weights(best), curve, best["log_p"]


def train(
    context: RunContext,
    text: Text,
    settings: Settings,
    epochs: int,
    residual: Weights | None = None,
) -> Weights:
    """Train on the whole training set: the residual LSTM, or from its weights the plain one.

    The weights come from the cache if they are there; the losses are logged either way.
    """
    name = "residual" if residual is None else "train"
    key = {"text": text.codes, **settings.model_dump(), "epochs": epochs, "seed": context.seed}
    if residual is not None:
        key["residual"] = _shared.pack_weights(residual)

    def compute() -> Arrays:
        distillation = _make_distillation(text, text.boundary(), settings, context.seed)
        synthetic = None if residual is None else distillation.generate(residual, epochs)
        checkpoint, training = _start_training(context, settings, distillation, epochs, synthetic)
        for epoch, weights in training:
            checkpoint.rows.append({"loss": epoch.loss})
            checkpoint.arrays.update(_shared.pack_weights(weights))
        return {"losses": _shared.read_columns(checkpoint, "loss"), **checkpoint.arrays}

    cached = context.cached(f"char-modern-{name}", {**key, "version": 1}, compute)
    _shared.log_losses(context, name, cached["losses"])
    return _shared.unpack_weights(cached)


def _make_distillation(text: Text, end: int, settings: Settings, seed: int) -> Distillation:
    """Return both networks and the n-gram, on the text before position ``end``."""
    codes = text.codes[:end]
    counts = kneser_ney(codes, len(text.vocabulary), settings.context)
    size, configs = (
        (settings.units, settings.embedding),
        (settings.residual_config, settings.config),
    )
    return Distillation(codes, counts, *size, seed, *configs)


def _start_training(
    context: RunContext,
    settings: Settings,
    distillation: Distillation,
    epochs: int,
    synthetic: SyntheticText | None,
) -> tuple[Checkpoint, Iterator[tuple[Epoch, Weights]]]:
    """Return the checkpoint of a training, and an iterator over its epochs and averaged weights.

    It trains the plain network on ``synthetic`` text, the residual network if there is none.
    """
    read = None if synthetic is None else synthetic.codes
    checkpoint = context.checkpoint(
        "char-modern", distillation.codes, settings, distillation.seed, read, epochs
    )
    if synthetic is None:
        label = N_("training the residual LSTM")
        model, epoch_run = distillation.train_residual(epochs, checkpoint)
    else:
        label = N_("training the plain LSTM")
        model, epoch_run = distillation.train_plain(synthetic, epochs, checkpoint)
    tracked = _shared.track_epochs(context, label, epoch_run, epochs, checkpoint)
    return checkpoint, ((epoch, model.get_weights()) for epoch in tracked)


def score(
    context: RunContext,
    text: Text,
    settings: Settings,
    choice: Choice,
    plain: Weights,
    residual: Weights,
) -> None:
    """Score the plain LSTM, the residual LSTM, and their mixture with the n-gram; adaptive models.

    Args:
        context: the run that receives the scores.
        text: the text, with its training and test parts.
        settings: the settings of the experiment.
        choice: epochs and mixture weights.
        plain: weights of the plain LSTM, which reads characters only.
        residual: weights of the residual LSTM, which contains the n-gram.
    """
    codes, boundary = text.codes, text.boundary()
    counts = kneser_ney(codes[:boundary], len(text.vocabulary), settings.context)
    common = {"units": settings.units, "state": "carried"}
    weights = " ".join(f"{weight:.3f}" for weight in choice.mixture)
    recipes = {
        "": {**common, "epochs": choice.epochs},
        "_residual": {**common, "epochs": choice.residual_epochs, "on top of": counts.name},
        "_ngram": {**common, "mixture of": f"net, residual net, {counts.name}", "weights": weights},
    }
    for part, first, last in (("train", 1, boundary), ("test", boundary, len(codes))):
        targets, ngram_log_p = codes[first:last], counts.log_probabilities(codes, first, last)
        both = [
            lstm.log_probabilities(plain, codes, first, last),
            lstm.log_probabilities(residual, codes, first, last, ngram_log_p=ngram_log_p),
        ]
        mixture = mix([*both, ngram_log_p], choice.mixture)
        for (name, recipe), log_p in zip(recipes.items(), (*both, mixture), strict=True):
            found = {f"{part}_accuracy{name}": measures.next_character_accuracy(log_p, targets)}
            if part == "test":
                found[f"test_nats{name}"] = measures.negative_log_likelihood(log_p, targets)
            for key, value in found.items():
                context.score(key, value.with_recipe(**recipe))
    _adaptive.score(context, text, both)  # of the test part


def show(context: RunContext, text: Text) -> None:
    """Show the learning curves, and the table of every model."""
    with context.figure(
        "curves",
        title=N_("Training"),
        caption=N_("Left: training loss, with dropout. Right: validation set, averaged weights."),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        legend = {"plain": _("plain LSTM"), "residual": _("residual LSTM")}
        for ax, column, curves in (
            (axes[0], "loss", {"plain": "train", "residual": "residual"}),
            (axes[1], "nats", {"plain": "validation", "residual": "validation_residual"}),
        ):
            rows = [
                {"epoch": row["epoch"], network: row[column]}
                for network, curve in curves.items()
                for row in context.history(curve)
            ]
            plot_learning_curves(rows, legend, y_label=_("nats"), ax=ax)
    values = {name: score.value for name, score in context.scores.items()}
    names = {
        "": _("plain LSTM"),
        "_residual": _("residual LSTM on top of the n-gram"),
        "_ngram": _("mixture of both and the n-gram"),
    }
    ours = [
        [n, values[f"test_accuracy{key}"], values[f"test_nats{key}"]] for key, n in names.items()
    ]
    adaptive_names = {
        "_ppm": _("PPM, adaptive"),
        "_counts": _("characters and words, adaptive"),
        "_contexts": _("context mixing, adaptive"),
        "": _("mixture of all, adaptive"),
    }
    ours += [[n, "", values[f"test_nats_adaptive{key}"]] for key, n in adaptive_names.items()]
    context.table(
        "models",
        title=N_("Every model on the same test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=[*_shared.baseline_rows(text, _shared.score_ngrams(text)), *ours],
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry-modern",
    headline="test_accuracy",
    title=N_("Poetry with two weight-dropped LSTMs"),
    measures=N_("mean negative log-likelihood of unseen text (nats per character)"),
    source=N_("practical 4, exercise 1 b, taken further"),
    settings=Settings,
    run=run,
    on_sample={
        "units": 48,
        "embedding": 16,
        "streams": 8,
        "residual_streams": 8,
        "max_epochs": 4,
        "max_residual_epochs": 4,
        "ema_decay": 0.98,
        "learning_rate": 0.01,
    },
    data=("fleurs_du_mal",),
    minutes=10.5,
    memory_mb=3000,
    seeds=3,
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.5503,
            0.5573,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("0.54 to 0.57 until 2026-11-28",),
        ),
        "test_nats": ExpectedRange(
            1.4305,
            1.4482,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("1.41 to 1.47 until 2026-11-28",),
        ),
        "test_nats_ngram": ExpectedRange(
            1.4133,
            1.4215,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("1.37 to 1.42 until 2026-11-28",),
        ),
        "test_nats_adaptive": ExpectedRange(
            1.3229,
            1.3277,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("1.315 to 1.335 until 2026-11-28",),
        ),
        "test_nats_adaptive_contexts": ExpectedRange(
            1.365, 1.385, reason=N_("a counted model, without a seed")
        ),
    },
)
