"""Training, scores and figures that the experiments of practical 1 share."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from etabli.core.errors import BadSetting
from etabli.core.i18n import N_, _
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.metrics.score import Score
from etabli.models.estimators.base_network import NetworkClassifier
from etabli.viz.classes import plot_confusion_matrix
from etabli.viz.curves import plot_learning_curves
from etabli.viz.images import show_images

MANY_COLUMNS = 10  # images in a row under short class names
VALIDATION_SHARE = 1 / 6  # last part of the training images: 10,000 of the 60,000 of MNIST

LearningRate = Annotated[
    float,
    Field(gt=0, le=100, description=N_("learning rate; larger: faster, until training diverges")),
]


class TrainConfig(SettingsModel):
    """Training configuration of a net."""

    epochs: int = Field(default=20, ge=1, le=1000, description=N_("number of epochs"))
    batch_size: int = Field(
        default=100, ge=1, description=N_("images per update; smaller: more and noisier updates")
    )
    learning_rate: LearningRate = 0.1
    momentum: float = Field(default=0.0, ge=0, lt=1, description=N_("momentum of gradient descent"))
    l2: float = Field(default=0.0, ge=0, description=N_("L2 penalty on the weights"))
    schedule: str = Field(
        default="constant",
        pattern="^(constant|linear|cosine)$",
        description=N_("learning-rate schedule: constant, linear or cosine decay to zero"),
    )
    averaging: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=N_("last share of the epochs over which the weights are averaged; 0: none"),
    )
    center: bool = Field(default=False, description=N_("subtract the mean training image"))
    shift: int = Field(
        default=0,
        ge=0,
        le=4,
        description=N_("augmentation: largest random shift of a batch, in pixels"),
    )

    def to_recipe(self) -> dict[str, object]:
        """Return epochs, batch size, learning rate and every other setting that is not default."""
        always = ("epochs", "batch_size", "learning_rate")
        return {
            key: value
            for key, value in self.to_arguments().items()
            if key in always or value != TrainConfig.model_fields[key].default
        }

    def to_arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of the estimators."""
        return self.model_dump(include=set(TrainConfig.model_fields))

    def __str__(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in self.to_recipe().items())


class NetSettings(TrainConfig):
    """Settings of the experiments that train a net in the setting of its Keras version."""

    dtype: str = Field(
        default="float32", pattern="^float(32|64)$", description=N_("floating-point precision")
    )
    train_size: int | None = Field(
        default=None, ge=100, description=N_("number of training images (default: all)")
    )
    test_size: int | None = Field(
        default=None, ge=10, description=N_("number of test images (default: all)")
    )
    best: TrainConfig = Field(
        default=TrainConfig(), description=N_("training configuration of test_accuracy_best")
    )
    search: bool = Field(
        default=False, description=N_("search the best configuration on a validation set")
    )


Build = Callable[[TrainConfig, int], NetworkClassifier]
"""``build(config, seed)`` creates the model."""


def limit_sizes(context: RunContext, digits: Digits, settings: NetSettings) -> Digits:
    """Return the first ``train_size`` and ``test_size`` images; every class must be among them.

    The claims and published values are about all images: with fewer, they are withheld.
    """
    head = digits.head(
        settings.train_size or len(digits.train_labels),
        settings.test_size or len(digits.test_labels),
    )
    missing = np.setdiff1d(head.test_labels, head.train_labels)
    if len(missing):
        raise BadSetting(
            _("the first {n} training images have no image of the class {name}").format(
                n=len(head.train_labels), name=digits.classes[missing[0]]
            ),
            fix=_("Choose a larger train_size."),
        )
    if any(
        len(ours) < len(all_of_them)
        for ours, all_of_them in (
            (head.train_labels, digits.train_labels),
            (head.test_labels, digits.test_labels),
        )
    ):
        context.data.discard("mnist")
        context.withhold_published()
    return head


def train_model(
    context: RunContext, model: NetworkClassifier, digits: Digits, *, label: str, curve: str = ""
) -> NetworkClassifier:
    """Fit with progress; with ``curve``, log training and test loss and accuracy of each epoch."""

    def evaluate(row: dict[str, float]) -> dict[str, float]:
        return {**row, **evaluate_test(model, digits)} if curve else row

    train_and_record(context, model, digits, evaluate, label=label, curve=curve)
    return model


def train_and_record(
    context: RunContext,
    model: NetworkClassifier,
    digits: Digits,
    evaluate: Callable[[dict[str, float]], dict[str, float]],
    *,
    label: str,
    curve: str = "",
) -> list[dict[str, float]]:
    """Fit with progress; resume after the last complete epoch if it was interrupted.

    Args:
        context: The context of the seed run.
        model: The estimator.
        digits: The data; the training images are used.
        evaluate: Maps the row of an epoch to the row that is recorded.
        label: The label of the progress.
        curve: The history to which the rows are logged.

    Returns:
        The recorded rows, one for each epoch.
    """
    checkpoint = context.checkpoint(
        "by hand", type(model).__name__, model.get_params(), digits.digest, label, curve
    )
    with context.progress(label, total=model.epochs, is_epochs=True) as step:
        context.resume(checkpoint, step, curve)

        def record(row: dict[str, float]) -> None:
            context.log_and_checkpoint(checkpoint, curve, **evaluate(row))
            step(1, loss=row["loss"], accuracy=row["accuracy"])

        model.fit(digits.flatten()[0], digits.train_labels, callback=record, checkpoint=checkpoint)
    return checkpoint.rows


def evaluate_test(model: NetworkClassifier, digits: Digits) -> dict[str, float]:
    """Compute loss and accuracy on the test images."""
    x, y = digits.flatten()[1], digits.test_labels
    return {"test_loss": model.loss(x, y), "test_accuracy": model.score(x, y)}


def score_test(
    context: RunContext,
    model: NetworkClassifier,
    digits: Digits,
    recipe: dict[str, object],
    suffix: str = "",
) -> float:
    """Score ``test_accuracy<suffix>`` of a model, without a suffix ``test_loss`` too."""
    found = evaluate_test(model, digits)
    recipe = {"train": len(digits.train_labels), "n": len(digits.test_labels), **recipe}
    context.score(f"test_accuracy{suffix}", Score(found["test_accuracy"], recipe))
    if not suffix:
        context.score("test_loss", Score(found["test_loss"], recipe))
    return found["test_accuracy"]


def train_best(
    context: RunContext,
    settings: NetSettings,
    tried: Sequence[TrainConfig],
    build: Build,
    digits: Digits,
    **recipe: object,
) -> tuple[TrainConfig, float]:
    """Train the best configuration and score ``test_accuracy_best``.

    Args:
        context: The context of the seed run.
        settings: Give the best configuration, or ask for a search of it.
        tried: The configurations that a search compares.
        build: Creates the model.
        digits: The data.
        **recipe: Further words of the recipe of the score.

    Returns:
        The best configuration and its test accuracy.
    """
    config = choose_config(context, tried, build, digits) if settings.search else settings.best
    model = build(config, context.seed)
    train_model(context, model, digits, label=N_("best configuration"), curve="best")
    return config, score_test(context, model, digits, config.to_recipe() | recipe, "_best")


def note_configs(
    context: RunContext, settings: NetSettings, best: TrainConfig, tried: Sequence[TrainConfig]
) -> None:
    """Explain where the training configurations of the scores come from."""
    context.note(
        _(
            "The lab report does not give the training configuration of its NumPy nets: "
            "test_accuracy and test_loss are measured in that of their Keras versions. The "
            "configuration of test_accuracy_best is: {config}."
        ).format(config=str(best))
    )
    if best == type(settings).model_fields["best"].default and best in tried:
        context.note(
            _(
                "This configuration was chosen among {n} with --set search=true: each was trained "
                "on the first 50,000 training images of MNIST and evaluated on the last 10,000. "
                "The test images were not used."
            ).format(n=len(tried))
        )


def plot_training(context: RunContext, curve: str, *, title: str) -> None:
    """Plot loss and accuracy of each epoch, on training and test images."""
    rows = context.history(curve)
    caption = N_(
        "Training values are means over each epoch, while the weights change; test values are "
        "measured at its end."
    )
    labels = {"loss": _("cross-entropy, nats"), "accuracy": _("accuracy")}
    with context.figure(
        f"{curve}_curves", title=title, caption=caption, panels=(1, 2), size=(10, 3.8)
    ) as axes:
        for ax, (key, label) in zip(axes, labels.items(), strict=True):
            keys = {key: _("training"), f"test_{key}": _("test")}
            plot_learning_curves(rows, keys, y_label=label, shares=key == "accuracy", ax=ax)


def show_weights(
    context: RunContext,
    weights: np.ndarray,
    digits: Digits,
    *,
    key: str,
    title: str,
    caption: str,
    columns: int,
    names: Sequence[str] = (),
) -> None:
    """Show the columns of a weight matrix (pixels, units) as images.

    Args:
        context: The context of the seed run.
        weights: (H W, units).
        digits: The data, whose images have this shape.
        key: The name of the figure.
        title: Its title.
        caption: Its caption.
        columns: Images in a row.
        names: A line above each image.
    """
    with context.figure(key, title=title, caption=caption, size=(9, 3.8), image="png") as ax:
        images = weights.T.reshape(-1, *digits.image_shape)
        show_images(images, columns, titles=names, signed=True, ax=ax)


def show_mistakes(
    context: RunContext, model: NetworkClassifier, digits: Digits, limit: int = 40
) -> None:
    """Show the most confident mistakes on the test images, the confusion matrix and the classes."""
    probabilities = model.predict_proba(digits.flatten()[1])
    predicted, truth = model.classes_[probabilities.argmax(axis=1)], digits.test_labels
    wrong = np.flatnonzero(predicted != truth)
    names, columns = digits.classes, choose_columns(digits)
    limit = limit * columns // MANY_COLUMNS  # as many rows
    worst = wrong[np.argsort(-probabilities.max(axis=1)[wrong])][:limit]
    if len(worst):
        with context.figure(
            "mistakes",
            title=N_("Misclassified images"),
            caption=N_(
                "The most confident mistakes on the test images; above each: true class → "
                "prediction, and its probability in percent."
            ),
            size=(9, 0.3 + 9.5 / columns * -(-len(worst) // columns)),
            image="png",
        ) as ax:
            titles = [
                f"{names[truth[i]]}→{names[predicted[i]]} {100 * probabilities[i].max():.0f}"
                for i in worst
            ]
            show_images(digits.test_images[worst], columns, titles=titles, ax=ax)
    counts = confusion_matrix(truth, predicted, labels=model.classes_)
    with context.figure(
        "confusion",
        title=N_("Confusion matrix"),
        caption=N_("Test images by true and predicted class."),
        size=choose_matrix_size(digits),
    ) as ax:
        plot_confusion_matrix(counts, [names[each] for each in model.classes_], ax=ax)
        if choose_columns(digits) < MANY_COLUMNS:
            ax.tick_params(axis="x", rotation=90)
    columns_of_scores = precision_recall_fscore_support(
        truth, predicted, labels=model.classes_, zero_division=0
    )
    context.table(
        "per_class",
        title=N_("Per-class results on the test images"),
        columns=[N_("class"), N_("images"), N_("precision"), N_("recall"), "F1"],
        rows=[
            [names[each], int(support), float(precision), float(recall), float(f1)]
            for each, precision, recall, f1, support in zip(
                model.classes_, *columns_of_scores, strict=True
            )
        ],
    )


def choose_columns(digits: Digits) -> int:
    """Return how many images fit in a row under the names of a class and of a prediction."""
    longest = max(map(len, digits.classes))
    return MANY_COLUMNS if longest <= 2 else 5 if longest <= 8 else 4


def choose_matrix_size(digits: Digits) -> tuple[float, float]:
    """Return width and height of a confusion matrix in inches; many classes need more."""
    scale = max(1.0, len(digits.classes) / 14)
    return 5.6 * scale, 4.8 * scale


def choose_config(
    context: RunContext,
    configs: Sequence[TrainConfig],
    build: Build,
    digits: Digits,
    seeds: int = 2,
) -> TrainConfig:
    """Compare configurations on the last sixth of the training images; return the best.

    Args:
        context: The context of the seed run.
        configs: The configurations.
        build: Creates the model.
        digits: The data; the test images are not used.
        seeds: The number of models of each configuration.
    """
    x, y = digits.flatten()[0], digits.train_labels
    train_size = len(y) - round(len(y) * VALIDATION_SHARE)
    means: list[float] = []
    rows: list[tuple[str, float, float]] = []
    with context.progress(N_("search"), total=len(configs) * seeds) as step:
        for config in configs:
            values = []
            for seed in range(seeds):
                model = build(config, seed).fit(x[:train_size], y[:train_size])
                values.append(model.score(x[train_size:], y[train_size:]))
                step(1, accuracy=values[-1])
            means.append(float(np.mean(values)))
            rows.append((str(config), means[-1], float(np.ptp(values))))
    rows.sort(key=lambda row: row[1], reverse=True)
    context.table(
        "search",
        title=N_("Training configurations compared on the validation set"),
        columns=[
            N_("configuration"),
            N_("validation accuracy, mean of the seeds"),
            N_("range over the seeds"),
        ],
        rows=rows,
    )
    return configs[int(np.argmax(means))]
