"""What the experiments of practical 1 share: how a net is trained on the context, and how it is shown."""

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from etabli.core.i18n import N_, _
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.metrics.score import Score
from etabli.models.estimators.base_network import NetworkClassifier
from etabli.viz.classes import confusion
from etabli.viz.curves import learning_curves
from etabli.viz.images import image_grid

VALIDATION = (
    1 / 6
)  # the last part of the training images, 10,000 of MNIST's 60,000: settings are chosen there


class Recipe(SettingsModel):
    """How a net is trained."""

    epochs: int = Field(20, ge=1, le=1000, description=N_("passes over the training images"))
    batch_size: int = Field(
        100, ge=1, description=N_("images per update; smaller: more and noisier updates")
    )
    rate: float = Field(
        0.1, gt=0, le=100, description=N_("step of the gradient; larger: faster, until it diverges")
    )
    momentum: float = Field(0.0, ge=0, lt=1, description=N_("share of the last step that is kept"))
    l2: float = Field(0.0, ge=0, description=N_("weight of the penalty on large weights"))
    schedule: str = Field(
        "constant",
        pattern="^(constant|linear|cosine)$",
        description=N_("how the rate goes to zero: not, or along a slope"),
    )
    averaging: float = Field(
        0.0,
        ge=0,
        le=1,
        description=N_(
            "last share of the epochs over which the weights are averaged; 0: the last ones"
        ),
    )
    center: bool = Field(False, description=N_("take the mean training image off every image"))
    shift: int = Field(
        0, ge=0, le=4, description=N_("pixels by which batches are moved while learning")
    )

    def words(self) -> dict[str, object]:
        """What a signature says of the training: epochs, batch and rate always, the rest where it is switched on."""
        own = self.model_dump(include=set(Recipe.model_fields))
        words = {
            "epochs": own.pop("epochs"),
            "batch": own.pop("batch_size"),
            "rate": own.pop("rate"),
        }
        return words | {
            key: value for key, value in own.items() if value != Recipe.model_fields[key].default
        }

    def arguments(self) -> dict[str, object]:
        """The same as arguments of the estimators."""
        chosen = self.model_dump(include=set(Recipe.model_fields))
        return {"learning_rate": chosen.pop("rate"), **chosen}


def cut(digits: Digits, train_size: int | None, test_size: int | None) -> Digits:
    """The first images of each part; ``None`` takes all."""
    return digits.head(train_size or len(digits.train_labels), test_size or len(digits.test_labels))


def train(
    context: RunContext,
    model: NetworkClassifier,
    digits: Digits,
    *,
    label: str,
    curve: str = "",
) -> NetworkClassifier:
    """Fit with progress; with ``curve``, log loss and accuracy of each epoch, on training and test images."""
    _x_train, x_test = digits.flattened()

    def look(row: dict[str, float]) -> dict[str, float]:
        return {**row, **measured(model, x_test, digits.test_labels)} if curve else row

    followed(context, model, digits, look, label=label, curve=curve)
    return model


def followed(
    context: RunContext,
    model: NetworkClassifier,
    digits: Digits,
    look: Callable[[dict[str, float]], dict[str, float]],
    *,
    label: str,
    curve: str = "",
) -> list[dict[str, float]]:
    """Fit with progress; ``look`` makes of each epoch's row the one that is kept, logged and returned.

    An interrupted training goes on after its last whole epoch.
    """
    memory = context.checkpoint(
        "by hand", type(model).__name__, model.get_params(), digits.digest, label, curve
    )
    with context.progress(label, total=model.epochs) as step:
        context.resume(memory, step, curve)

        def told(row: dict[str, float]) -> None:
            context.log_and_checkpoint(memory, curve, **look(row))
            step(1, loss=row["loss"], accuracy=row["accuracy"])

        model.fit(digits.flattened()[0], digits.train_labels, callback=told, memory=memory)
    return memory.rows


def measured(model: NetworkClassifier, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Loss and accuracy on the test images."""
    return {"test_loss": model.loss(x, y), "test_accuracy": model.score(x, y)}


def score_test(
    context: RunContext,
    model: NetworkClassifier,
    digits: Digits,
    words: dict[str, object],
    suffix: str = "",
) -> float:
    """Keep ``test_accuracy`` (with its suffix) of a trained model; returns it."""
    _x_train, x_test = digits.flattened()
    accuracy = model.score(x_test, digits.test_labels)
    recipe = {"train": len(digits.train_labels), "n": len(digits.test_labels), **words}
    context.score(f"test_accuracy{suffix}", Score(accuracy, recipe))
    if not suffix:
        context.score("test_loss", Score(model.loss(x_test, digits.test_labels), recipe))
    return accuracy


def say_settings(context: RunContext, best: Recipe, tried: int) -> None:
    """Where the settings of the scores come from."""
    context.note(
        _(
            "The lab report gives no setting for its nets by hand: test_accuracy and test_loss are in the setting of "
            "their Keras twins. The setting of test_accuracy_best is: {words}."
        ).format(words=", ".join(f"{key} {value}" for key, value in best.words().items()))
    )
    if not context.is_sample:
        context.note(
            _(
                "It was chosen among {n} by --set search=true: learning from the first 50,000 training images and "
                "measuring on the last 10,000. Then all 60,000 were learnt. The test images took no part in the choice."
            ).format(n=tried)
        )


def show_curves(context: RunContext, curve: str, *, title: str) -> None:
    """Loss and accuracy over the epochs, on the training images (while learning) and on the test images."""
    rows = context.history(curve)
    caption = N_(
        "Training values are means over each epoch while the weights move; test values are taken at its end."
    )
    with context.figure(
        f"{curve}_curves", title=title, caption=caption, panels=(1, 2), size=(10, 3.8)
    ) as axes:
        keys = {"loss": _("training"), "test_loss": _("test")}
        learning_curves(rows, keys, y_label=_("cross-entropy, nats"), ax=axes[0])
        keys = {"accuracy": _("training"), "test_accuracy": _("test")}
        learning_curves(rows, keys, y_label=_("accuracy"), ax=axes[1])


def show_mistakes(
    context: RunContext, model: NetworkClassifier, digits: Digits, most: int = 40
) -> None:
    """The test digits that the model takes for another with the most confidence, and who is taken for whom."""
    _x_train, x_test = digits.flattened()
    probabilities = model.predict_proba(x_test)
    predicted, truth = model.classes_[probabilities.argmax(axis=1)], digits.test_labels
    wrong = np.flatnonzero(predicted != truth)
    worst = wrong[np.argsort(-probabilities.max(axis=1)[wrong])][:most]
    if len(worst):
        caption = N_(
            "Of all mistakes on the test images, the most confident; above each: truth → answer, and its probability "
            "in percent."
        )
        with context.figure(
            "mistakes",
            title=N_("Misclassified digits"),
            caption=caption,
            size=(9, 0.3 + 0.95 * -(-len(worst) // 10)),
            image="png",
        ) as ax:
            titles = [
                f"{truth[i]}→{predicted[i]} {100 * probabilities[i].max():.0f}" for i in worst
            ]
            image_grid(digits.test_images[worst], 10, titles=titles, ax=ax)
    counts = confusion_matrix(truth, predicted, labels=model.classes_)
    with context.figure(
        "confusion",
        title=N_("Who is taken for whom"),
        caption=N_("Test images by true and predicted class."),
        size=(5.6, 4.8),
    ) as ax:
        confusion(counts, [str(each) for each in model.classes_], ax=ax)
    show_classes(context, truth, predicted, model.classes_)


def show_classes(
    context: RunContext, truth: np.ndarray, predicted: np.ndarray, classes: Sequence[int]
) -> None:
    """Precision, recall and F1 of each class."""
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=classes, zero_division=0
    )
    context.table(
        "per_class",
        title=N_("Per-class results on the test images"),
        columns=[N_("class"), N_("images"), N_("precision"), N_("recall"), "F1"],
        rows=[
            [str(name), int(support[i]), float(precision[i]), float(recall[i]), float(f1[i])]
            for i, name in enumerate(classes)
        ],
    )


def search(
    context: RunContext,
    recipes: Sequence[Recipe],
    build: object,
    digits: Digits,
    seeds: int = 2,
) -> Recipe:
    """Train each recipe on all but the last sixth of the training images, measure on that; returns the best.

    ``build(recipe, seed)`` makes the model. The test images are not touched.
    """
    x, y = digits.flattened()[0], digits.train_labels
    held = round(len(y) * VALIDATION)
    rows, means = [], []
    with context.progress(N_("search"), total=len(recipes) * seeds) as step:
        for recipe in recipes:
            values = []
            for seed in range(seeds):
                values.append(
                    build(recipe, seed).fit(x[:-held], y[:-held]).score(x[-held:], y[-held:])
                )
                step(1, accuracy=values[-1])
            means.append(float(np.mean(values)))
            shown = ", ".join(f"{key} {value}" for key, value in recipe.words().items())
            rows.append([shown, means[-1], float(np.ptp(values))])
    context.table(
        "search",
        title=N_("Settings tried, on the validation part of the training images"),
        columns=[
            N_("setting"),
            N_("validation accuracy, mean of the seeds"),
            N_("range over the seeds"),
        ],
        rows=sorted(rows, key=lambda row: -row[1]),
    )
    return recipes[int(np.argmax(means))]
