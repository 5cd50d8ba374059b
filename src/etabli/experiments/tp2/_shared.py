"""What the nets of practical 2 share: a recipe of training, a net trained once and kept, its scores and pictures."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.metrics.score import Score
from etabli.models.vision import augmentation, digit_classifiers
from etabli.training import data_parallel, keras_trainer
from etabli.viz.curves import learning_curves
from etabli.viz.images import image_grid

COLUMNS = ("epoch", "loss", "accuracy", "seconds", "test_loss", "test_accuracy")


class Recipe(SettingsModel):
    """How a net is trained."""

    epochs: int = Field(20, ge=1, le=1000, description=N_("passes over the training images"))
    batch_size: int = Field(
        100, ge=1, le=60000, description=N_("images of one update; more: fewer, surer updates")
    )
    rate: float = Field(
        0.1, gt=0, le=100, description=N_("step of the gradient; larger: faster, until it diverges")
    )
    optimizer: str = Field("sgd", pattern="^(sgd|adam)$", description=N_("rule of the updates"))
    momentum: float = Field(
        0.0, ge=0, lt=1, description=N_("how far former gradients still push (sgd)")
    )
    schedule: str = Field(
        "constant",
        pattern="^(constant|cosine)$",
        description=N_("whether the rate falls to zero on a cosine"),
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description=N_("share of the updates in which the rate first rises")
    )
    averaging: float = Field(
        0.0, ge=0, lt=1, description=N_("factor of the moving average of the weights; 0: none")
    )
    smoothing: float = Field(
        0.0, ge=0, lt=1, description=N_("share of each label spread over all classes")
    )
    augmentation: str = Field(
        "none",
        pattern="^(none|shift|warp)$",
        description=N_("random changes of the images: a pixel's shift, a warp"),
    )

    def words(self) -> dict[str, object]:
        """The recipe in a score's signature: what differs from plain gradient descent."""
        words = {
            "epochs": self.epochs,
            "batch": self.batch_size,
            "rate": self.rate,
            "optimizer": self.optimizer,
        }
        more = {"momentum": self.momentum, "averaging": self.averaging, "smoothing": self.smoothing}
        words |= {name: value for name, value in more.items() if value}
        plain = {
            "schedule": (self.schedule, "constant"),
            "augmentation": (self.augmentation, "none"),
        }
        return words | {name: value for name, (value, usual) in plain.items() if value != usual}


def of_part(digits: Digits, train_size: int) -> Digits:
    """The training images cut in two: the first to learn from, the last, in the test images' place, to choose by."""
    rest = slice(train_size, None)
    return Digits(
        digits.train_images[:train_size], digits.train_labels[:train_size],
        digits.train_images[rest], digits.train_labels[rest], digits.name,
    )  # fmt: skip


def inputs(images: np.ndarray, model: object) -> np.ndarray:
    """Images as the model takes them, (N, 784) or (N, 28, 28, 1), float32 in [0, 1]."""
    return mnist.flatten(images).reshape(-1, *model.input_shape[1:])


def trained(
    context: RunContext, name: str, build: Callable[[int], object], recipe: Recipe, digits: Digits, *,
    label: str, curve: str | None = "train", watch: bool = True,
) -> object:  # fmt: skip
    """The net of a recipe and of the context's seed: trained, or as it was when it was trained before.

    ``watch`` looks at the test images after every epoch, for the curves; nothing is chosen by them.
    """
    model = build(context.seed)
    key = {
        "net": name,
        "layers": [layer.get_config() for layer in model.layers][1:],
        "watch": watch,
    }
    key |= {"recipe": {field: getattr(recipe, field) for field in Recipe.model_fields}}
    key |= {"seed": context.seed, "data": digits.digest}
    lived = []

    def row_kept(row: dict[str, float]) -> None:
        lived.append(row)
        if curve:
            context.log(curve, **row)

    def compute() -> dict[str, np.ndarray]:
        rows = train(
            context, model, recipe, digits, label=label, watch=watch, tell=row_kept,
            checkpoint=context.checkpoint_path("tp2-nets", key),
        )  # fmt: skip
        table = np.array([[row.get(column, np.nan) for column in COLUMNS] for row in rows])
        return {"rows": table} | {
            f"{index:03d}": array for index, array in enumerate(model.get_weights())
        }

    if data_parallel.count_devices() > 1:
        key["devices"] = data_parallel.count_devices()  # sums in another order: not the same bits
    # one of several processes may have the net in its cache and another not: they train, or none does
    kept = (
        compute()
        if data_parallel.count_processes() > 1
        else context.cached("tp2-nets", key, compute)
    )
    model.set_weights([kept[word] for word in sorted(kept) if word != "rows"])
    if not lived and curve:
        for values in kept["rows"]:
            context.log(
                curve,
                **{c: v for c, v in zip(COLUMNS, values.tolist(), strict=True) if not np.isnan(v)},
            )
    return model


def train(
    context: RunContext, model: object, recipe: Recipe, digits: Digits, *, label: str, watch: bool,
    tell: Callable[[dict[str, float]], None], checkpoint: Path | None = None,
) -> list[dict[str, float]]:  # fmt: skip
    """Compile a net after a recipe and train it; ``tell`` gets the row of every epoch."""
    images, labels = inputs(digits.train_images, model), digits.train_labels.astype(np.int32)
    steps = recipe.epochs * -(-len(images) // recipe.batch_size)
    digit_classifiers.compiled(
        model, optimizer=recipe.optimizer, rate=recipe.rate, momentum=recipe.momentum,
        decay_steps=steps if recipe.schedule == "cosine" else 0, warmup_steps=int(recipe.warmup * steps),
        averaging=recipe.averaging, smoothing=recipe.smoothing,
    )  # fmt: skip
    if recipe.smoothing:
        labels = np.eye(mnist.CLASSES, dtype=np.float32)[labels]
    with context.progress(label, recipe.epochs) as step:

        def told(row: dict[str, float]) -> None:
            if watch:
                row["test_loss"], row["test_accuracy"] = keras_trainer.evaluate(
                    model, inputs(digits.test_images, model), digits.test_labels
                )
            tell(row)
            step(
                1,
                **{
                    key: value
                    for key, value in row.items()
                    if key in ("loss", "accuracy", "test_accuracy")
                },
            )

        def told_before(rows: list[dict[str, float]]) -> None:
            for row in rows:
                tell(row)
            step(len(rows))

        return keras_trainer.fit(
            model, images, labels, epochs=recipe.epochs, batch_size=recipe.batch_size, seed=context.seed,
            augment=AUGMENTATIONS[recipe.augmentation], on_epoch=told, on_resume=told_before, checkpoint=checkpoint,
        )  # fmt: skip


AUGMENTATIONS = {
    "none": None,
    "shift": partial(augmentation.shifted, most=1),
    "warp": augmentation.warped,
}


def score_test(
    context: RunContext, model: object, digits: Digits, recipe: Recipe, *, suffix: str = ""
) -> np.ndarray:
    """Keep test accuracy and loss; gives the probabilities (N, K)."""
    images = inputs(digits.test_images, model)
    loss, accuracy = keras_trainer.evaluate(model, images, digits.test_labels)
    words = {"data": digits.name, "n": len(images), "net": model.name, **recipe.words()}
    context.score(f"test_accuracy{suffix}", Score(accuracy, {"accuracy": "top-1", **words}))
    context.score(f"test_loss{suffix}", Score(loss, {"cross-entropy": "nats", **words}))
    return keras_trainer.predict(model, images)


def search(
    context: RunContext,
    name: str,
    build: Callable[[int], object],
    tried: Sequence[Recipe],
    digits: Digits,
) -> None:
    """Try recipes on five sixths of the training images and measure them on the rest; show what came out."""
    part = of_part(digits, len(digits.train_images) * 5 // 6)
    rows = []
    for index, recipe in enumerate(tried, 1):
        label = _("setting {i} of {n}").format(i=index, n=len(tried))
        model = trained(context, name, build, recipe, part, label=label, curve=None, watch=False)
        _loss, accuracy = keras_trainer.evaluate(
            model, inputs(part.test_images, model), part.test_labels
        )
        rows.append(
            [
                ", ".join(f"{key} {value}" for key, value in recipe.words().items()),
                round(accuracy, 4),
            ]
        )
    context.table(
        "search",
        title=N_("How the setting was chosen"),
        columns=[N_("setting"), N_("validation accuracy")],
        rows=rows,
        caption=N_(
            "Trained on five sixths of the training images, measured on the rest; test images took no part."
        ),
    )


def show_layers(context: RunContext, model: object, *, title: str, caption: str = "") -> None:
    """The net as Keras lists it: report figure 4."""
    rows = [list(row) for row in digit_classifiers.layer_table(model)]
    rows.append([_("total"), "", "", int(model.count_params())])
    context.table(
        "layers", title=title, caption=caption, rows=rows,
        columns=[N_("layer"), N_("kind"), N_("output shape"), N_("parameters")],
    )  # fmt: skip


def show_curves(context: RunContext, *, number: str = "", title: str, caption: str = "") -> None:
    """Loss and accuracy by epoch, on training and test images."""
    rows = context.history("train")
    with context.figure(
        "curves", number=number, title=title, caption=caption, panels=(1, 2), size=(10, 3.8)
    ) as axes:
        for ax, key, label in (
            (axes[0], "loss", _("cross-entropy (nats)")),
            (axes[1], "accuracy", _("accuracy")),
        ):
            named = {key: _("training, while learning"), f"test_{key}": _("test")}
            shown = {name: text for name, text in named.items() if name in rows[-1]}
            learning_curves(rows, shown, y_label=label, ax=ax)


def show_mistakes(
    context: RunContext, probabilities: np.ndarray, digits: Digits, most: int = 30
) -> None:
    """The test images that the net gets wrong, the surest mistakes first."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != digits.test_labels)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:most]
    if len(wrong) == 0:
        return
    with context.figure(
        "mistakes",
        title=N_("What it gets wrong"),
        caption=N_("Test images with the true and the predicted class, the surest mistakes first."),
        size=(9, 0.5 + 1.0 * -(-len(wrong) // 10)),
    ) as ax:
        captions = [f"{digits.test_labels[index]} → {predicted[index]}" for index in wrong]
        image_grid(digits.test_images[wrong], 10, titles=captions, ax=ax)
