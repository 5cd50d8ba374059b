"""Training, caching, scores and figures that the experiments of practical 2 share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.metrics.score import Score
from etabli.models.vision import augmentation, digit_classifiers
from etabli.training import data_parallel, keras_io, keras_trainer
from etabli.training.data_loader import Augment
from etabli.viz.curves import plot_learning_curves
from etabli.viz.images import show_images

if TYPE_CHECKING:
    from keras import Model as KerasModel

_COLUMNS = ("epoch", "loss", "accuracy", "seconds", "test_loss", "test_accuracy")

Epochs = Annotated[int, Field(ge=1, le=1000, description=N_("number of epochs"))]
BatchSize = Annotated[
    int,
    Field(ge=1, le=60000, description=N_("images per update; smaller: more and noisier updates")),
]
LearningRate = Annotated[
    float,
    Field(gt=0, le=100, description=N_("learning rate; larger: faster, until training diverges")),
]
Optimizer = Annotated[str, Field(pattern="^(sgd|adam)$", description=N_("optimizer: sgd or adam"))]
Momentum = Annotated[float, Field(ge=0, lt=1, description=N_("momentum (sgd only)"))]
Schedule = Annotated[
    str,
    Field(
        pattern="^(constant|cosine)$",
        description=N_("learning-rate schedule: constant or cosine decay to zero"),
    ),
]
Warmup = Annotated[
    float, Field(ge=0, lt=1, description=N_("share of the updates with a rising learning rate"))
]
EmaDecay = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        description=N_("decay of the exponential moving average of the weights; 0: none"),
    ),
]
LabelSmoothing = Annotated[
    float, Field(ge=0, lt=1, description=N_("share of each label spread over all classes"))
]
Augmentation = Annotated[
    str,
    Field(
        pattern="^(none|shift|warp)$",
        description=N_("data augmentation: none, random shifts of a pixel, or random warps"),
    ),
]

Dropout = Annotated[float, Field(ge=0, lt=1, description=N_("dropout rate of the last layer"))]
WarpStrength = Annotated[
    float,
    Field(ge=0, le=10, description=N_("factor of the angles, shifts and deformations of a warp")),
]
TestShifts = Annotated[
    int,
    Field(
        ge=0,
        le=5,
        description=N_(
            "shift of test images in pixels, in four directions; the predictions are averaged"
        ),
    ),
]


class TrainConfig(SettingsModel):
    """Training configuration of a net; the defaults are plain gradient descent."""

    epochs: Epochs = 20
    batch_size: BatchSize = 100
    learning_rate: LearningRate = 0.1
    optimizer: Optimizer = "sgd"
    momentum: Momentum = 0.0
    schedule: Schedule = "constant"
    warmup: Warmup = 0.0
    ema_decay: EmaDecay = 0.0
    label_smoothing: LabelSmoothing = 0.0
    augmentation: Augmentation = "none"

    def to_recipe(self) -> dict[str, object]:
        """Return the main settings and every other one that differs from gradient descent."""
        keys = ["epochs", "batch_size", "learning_rate", "optimizer"]
        keys += [
            key
            for key in ("momentum", "ema_decay", "label_smoothing", "schedule", "augmentation")
            if getattr(self, key) != TrainConfig.model_fields[key].default
        ]
        return {key: getattr(self, key) for key in keys}

    def choose_augmentation(self) -> "Augment | None":
        """Return the function (images, generator) -> images of an epoch."""
        return {
            "none": None,
            "shift": augmentation.random_shift,
            "warp": augmentation.random_warp,
        }[self.augmentation]

    def compile(self, model: "KerasModel", n_images: int) -> None:
        """Compile a net with the loss, optimizer and schedule of the configuration."""
        steps = self.epochs * -(-n_images // self.batch_size)
        digit_classifiers.compile_model(
            model,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            decay_steps=steps if self.schedule == "cosine" else 0,
            warmup_steps=int(self.warmup * steps),
            ema_decay=self.ema_decay,
            label_smoothing=self.label_smoothing,
        )

    def prepare_labels(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Return class indices, or one-hot rows where the labels are smoothed."""
        indices: np.ndarray = labels.astype(np.int32)
        return np.eye(classes, dtype=np.float32)[indices] if self.label_smoothing else indices


class ModernConfig(TrainConfig):
    """Training configuration with dropout, a warp of any strength, and shifted test images."""

    dropout: Dropout = 0.3
    warp_strength: WarpStrength = 1.0
    test_shifts: TestShifts = 0

    def choose_augmentation(self) -> "Augment | None":
        if self.augmentation == "warp":
            return partial(augmentation.random_warp, strength=self.warp_strength)
        return super().choose_augmentation()

    def to_recipe(self) -> dict[str, object]:
        """Add how test images are shifted, where they are."""
        return super().to_recipe() | ({"test_shifts": self.test_shifts} if self.test_shifts else {})


def split_training_set(digits: Digits, train_size: int) -> Digits:
    """Split the training images; the second part, a validation set, replaces the test images."""
    rest = slice(train_size, None)
    return replace(
        digits,
        train_images=digits.train_images[:train_size],
        train_labels=digits.train_labels[:train_size],
        test_images=digits.train_images[rest],
        test_labels=digits.train_labels[rest],
    )


def to_inputs(images: np.ndarray, model: "KerasModel") -> np.ndarray:
    """Convert images to inputs of the model, (N, H W) or (N, H, W, 1), float32 in [0, 1]."""
    return mnist.flatten(images).reshape(-1, *model.input_shape[1:])


def load_or_train(
    context: RunContext,
    name: str,
    build: "Callable[[int], KerasModel]",
    config: TrainConfig,
    digits: Digits,
    *,
    label: str,
    curve: str | None = "train",
    evaluate: bool = True,
) -> "KerasModel":
    """Return the trained net of a configuration and of the seed, from the cache if possible.

    Args:
        context: The context of the seed run.
        name: The name of the net in the key of the cache.
        build: Creates the net with the initial weights of a seed.
        config: The training configuration.
        digits: The data.
        label: The label of the progress.
        curve: The history to which a row per epoch is logged.
        evaluate: Whether the net is evaluated on the test images after every epoch, for the
            curves; nothing is chosen by it.
    """
    model = build(context.seed)
    key: dict[str, Any] = {
        "net": name,
        "layers": [layer.get_config() for layer in model.layers][1:],
        "evaluate": evaluate,
        "config": {
            field: value
            for field, value in config.model_dump().items()
            if field in TrainConfig.model_fields or field == "warp_strength"
        },
        "seed": context.seed,
        "data": digits.digest,
    }
    is_cached = True

    def compute() -> dict[str, np.ndarray]:
        nonlocal is_cached
        is_cached = False
        rows = train_net(
            context,
            model,
            config,
            digits,
            label=label,
            evaluate=evaluate,
            record=lambda row: context.log(curve, **row) if curve else None,
            checkpoint=context.checkpoint_path("tp2-nets", key),
        )
        table = np.array([[row.get(column, np.nan) for column in _COLUMNS] for row in rows])
        weights = enumerate(model.get_weights())
        return {"rows": table} | {f"{index:03d}": array for index, array in weights}

    if data_parallel.count_devices() > 1:
        # The order of summation differs, and so do the bits.
        key["devices"] = data_parallel.count_devices()
    # One of several processes may have the net in its cache and another not: all of them train.
    if data_parallel.count_processes() > 1:
        arrays = compute()
    else:
        arrays = context.cached("tp2-nets", key, compute)
    model.set_weights([arrays[name] for name in sorted(arrays) if name != "rows"])
    if is_cached and curve:
        for values in arrays["rows"].tolist():
            row = dict(zip(_COLUMNS, values, strict=True))
            context.log(curve, **{key: each for key, each in row.items() if not np.isnan(each)})
    return model


def train_net(
    context: RunContext,
    model: "KerasModel",
    config: TrainConfig,
    digits: Digits,
    *,
    label: str,
    evaluate: bool,
    record: Callable[[dict[str, float]], None],
    checkpoint: Path | None = None,
) -> list[dict[str, float]]:
    """Compile and train a net; return a row for each epoch.

    Args:
        context: The context of the seed run.
        model: The net.
        config: The training configuration.
        digits: The data.
        label: The label of the progress.
        evaluate: Whether the rows have the loss and accuracy on the test images.
        record: Called with the row of every epoch, those before an interruption included.
        checkpoint: The file from which an interrupted training resumes.
    """
    images = to_inputs(digits.train_images, model)
    labels = config.prepare_labels(digits.train_labels, len(digits.classes))
    config.compile(model, len(images))
    with context.progress(label, config.epochs, is_epochs=True) as step:

        def finish_epoch(row: dict[str, float]) -> None:
            if evaluate:
                row["test_loss"], row["test_accuracy"] = keras_trainer.evaluate(
                    model, to_inputs(digits.test_images, model), digits.test_labels
                )
            record(row)
            shown = ("loss", "accuracy", "test_accuracy")
            step(1, **{key: row[key] for key in shown if key in row})

        def resume(rows: list[dict[str, float]]) -> None:
            for row in rows:
                record(row)
            step(len(rows))

        return keras_trainer.fit(
            model,
            images,
            labels,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=context.seed,
            augment=config.choose_augmentation(),
            on_epoch=finish_epoch,
            on_resume=resume,
            checkpoint=checkpoint,
        )


def score_test(
    context: RunContext, model: "KerasModel", digits: Digits, config: TrainConfig
) -> np.ndarray:
    """Score ``test_accuracy`` and ``test_loss``; return the predicted probabilities (N, K)."""
    images, labels = to_inputs(digits.test_images, model), digits.test_labels
    shifts = config.test_shifts if isinstance(config, ModernConfig) else 0
    probabilities = augmentation.average_over_shifts(
        lambda views: keras_trainer.predict(model, views), images, shifts
    )
    loss, accuracy = keras_trainer.score_probabilities(probabilities, labels)
    recipe = {"data": digits.name, "n": len(images), "net": model.name, **config.to_recipe()}
    context.score("test_accuracy", Score(accuracy, {"accuracy": "top-1", **recipe}))
    context.score("test_loss", Score(loss, {"cross-entropy": "nats", **recipe}))
    return probabilities


def compare_configs(
    context: RunContext,
    name: str,
    build: "Callable[[int], KerasModel]",
    configs: Sequence[TrainConfig],
    digits: Digits,
) -> None:
    """Train configurations on 5/6 of the training images, evaluate them on the rest; tabulate."""
    part = split_training_set(digits, len(digits.train_images) * 5 // 6)
    rows = []
    for index, config in enumerate(configs, 1):
        label = _("configuration {i} of {n}").format(i=index, n=len(configs))
        model = load_or_train(
            context, name, build, config, part, label=label, curve=None, evaluate=False
        )
        _loss, accuracy = keras_trainer.evaluate(
            model, to_inputs(part.test_images, model), part.test_labels
        )
        recipe = ", ".join(f"{key} {value}" for key, value in config.to_recipe().items())
        rows.append([recipe, round(accuracy, 4)])
    context.table(
        "search",
        title=N_("Training configurations compared on the validation set"),
        columns=[N_("configuration"), N_("validation accuracy")],
        rows=rows,
        caption=N_(
            "Trained on five sixths of the training images, evaluated on the rest; the test images "
            "were not used."
        ),
    )


def show_net(
    context: RunContext,
    model: "KerasModel",
    probabilities: np.ndarray,
    digits: Digits,
    *,
    layers: str,
    curves: str,
    number: str = "",
    layers_number: str = "",
    caption: str = "",
) -> None:
    """Save a net; show its layers, its training curves and its mistakes.

    Args:
        context: The context of the seed run.
        model: The trained net.
        probabilities: Its predictions for the test images, (N, K).
        digits: The data.
        layers: The title of the table of layers.
        curves: The title of the training curves.
        number: The figure of the lab report that the curves reproduce.
        layers_number: The one that the table of layers reproduces.
        caption: The caption of the curves.
    """
    keras_io.save(model, context.path("model.keras"))
    context.table(
        "layers",
        number=layers_number,
        title=layers,
        columns=[N_("layer"), N_("kind"), N_("output shape"), N_("parameters")],
        rows=[
            *(list(row) for row in digit_classifiers.list_layers(model)),
            [_("total"), "", "", int(model.count_params())],
        ],
    )
    plot_training(context, number=number, title=curves, caption=caption)
    show_mistakes(context, probabilities, digits)


def plot_training(context: RunContext, *, number: str, title: str, caption: str) -> None:
    """Plot loss and accuracy by epoch, on training and test images."""
    rows = context.history("train")
    labels = {"loss": _("cross-entropy (nats)"), "accuracy": _("accuracy")}
    with context.figure(
        "curves", number=number, title=title, caption=caption, panels=(1, 2), size=(10, 3.8)
    ) as axes:
        for ax, (key, label) in zip(axes, labels.items(), strict=True):
            curves = {key: _("training (mean over the epoch)"), f"test_{key}": _("test")}
            shown = {name: text for name, text in curves.items() if name in rows[-1]}
            plot_learning_curves(rows, shown, y_label=label, shares=key == "accuracy", ax=ax)


def show_mistakes(
    context: RunContext, probabilities: np.ndarray, digits: Digits, limit: int = 30
) -> None:
    """Show the misclassified test images, the most confident mistakes first."""
    names = digits.classes
    columns = 10 if max(map(len, names)) <= 2 else 5  # the names fit above an image
    limit = limit * columns // 10  # as many rows
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != digits.test_labels)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:limit]
    if len(wrong) == 0:
        return
    with context.figure(
        "mistakes",
        title=N_("Misclassified images"),
        caption=N_(
            "Test images with their true and predicted class, the most confident mistakes first."
        ),
        size=(9, 0.5 + 10 / columns * -(-len(wrong) // columns)),
    ) as ax:
        captions = [
            f"{names[digits.test_labels[index]]} → {names[predicted[index]]}" for index in wrong
        ]
        show_images(digits.test_images[wrong], columns, titles=captions, ax=ax)
