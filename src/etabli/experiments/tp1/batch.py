"""tp1.batch: the effect of the batch size.

    etabli run tp1.batch --data full

Softmax regression with batches of 1, 10, 100, 1,000 images and the whole set, everything else
equal: the loss against epochs, updates and seconds, and the error of the gradient of a batch
relative to that of the whole set. About a minute.
"""

import itertools
import math
import time
from typing import Annotated

from pydantic import Field

from etabli.core.errors import BadSetting
from etabli.core.i18n import N_, _, join_translatable
from etabli.core.seeding import make_generator
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp1 import _shared
from etabli.models.estimators.diagnostics import compute_gradient_noise
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.viz.curves import plot_curves


class Settings(SettingsModel):
    sizes: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (1, 10, 100, 1000, 0),
        min_length=2,
        description=N_("batch sizes; 0: the whole training set"),
    )
    epochs: int = Field(8, ge=1, le=200, description=N_("number of epochs"))
    learning_rate: _shared.LearningRate = 0.1
    n_eval_images: int = Field(
        10_000, ge=100, description=N_("number of training images on which the loss is measured")
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # there is no score to average over seeds
    digits = mnist.load(context.source)
    n = len(digits.train_labels)
    sizes = {
        (_("whole set") if size == 0 else f"{size:,}"): (n if size == 0 else min(size, n))
        for size in settings.sizes
    }
    if len(sizes) < 2:
        raise BadSetting(
            _("{setting} has one batch size only").format(setting="sizes"),
            got=list(settings.sizes),
            fix=_("Give two or more different ones, such as --set sizes=[10,100,0]."),
        )
    rows = {
        name: train_with_batch_size(context, digits, name, size, settings)
        for name, size in sizes.items()
    }
    noise = measure_noise(context, digits, sizes, settings)
    context.table(
        "batches",
        title=N_("The same number of epochs with each batch size"),
        columns=[
            N_("batch size"),
            N_("updates per epoch"),
            N_("loss after one epoch"),
            N_("loss at the end"),
            N_("test accuracy at the end"),
            N_("total seconds"),
            N_("error of the gradient"),
        ],
        rows=[
            [
                name,
                int(history[1]["updates"]),
                history[1]["loss"],
                *(history[-1][key] for key in ("loss", "accuracy", "seconds")),
                noise[name],
            ]
            for name, history in rows.items()
        ],
        caption=N_(
            "Loss: cross-entropy on training images. Error: root mean square of ‖batch gradient − "
            "full gradient‖, relative to ‖full gradient‖, after one epoch."
        ),
    )
    plot_convergence(context, rows)
    judge(context, sizes, rows, noise)


def train_with_batch_size(
    context: RunContext, digits: mnist.Digits, name: str, size: int, settings: Settings
) -> list[dict[str, float]]:
    """Train; return a row for the start and one per epoch. Evaluation time is not counted."""
    x_train, x_test = digits.flatten()
    n_eval = settings.n_eval_images
    model = SoftmaxRegression(
        batch_size=size,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        random_state=context.seed,
    )
    updates = -(-len(x_train) // size)
    clock = time.perf_counter()

    def evaluate(row: dict[str, float]) -> dict[str, float]:
        nonlocal clock
        seconds = time.perf_counter() - clock
        loss = model.loss(x_train[:n_eval], digits.train_labels[:n_eval])
        accuracy = model.score(x_test, digits.test_labels)
        clock = time.perf_counter()
        progress = {"epoch": row["epoch"], "updates": row["epoch"] * updates, "seconds": seconds}
        return progress | {"loss": loss, "accuracy": accuracy}

    label = _("batch size {name}").format(name=name)
    rows = _shared.train_and_record(
        context, model, digits, evaluate, label=label, curve=f"batch_{size}"
    )
    # With weights of zero each of the K classes has probability 1/K: the initial loss is ln K.
    initial = math.log(len(digits.classes))
    start = {"epoch": 0, "updates": 0, "seconds": 0.0, "loss": initial}
    totals = itertools.accumulate(row["seconds"] for row in rows)
    return [start, *({**row, "seconds": total} for row, total in zip(rows, totals, strict=True))]


def measure_noise(
    context: RunContext, digits: mnist.Digits, sizes: dict[str, int], settings: Settings
) -> dict[str, float]:
    """Measure the relative error of batch gradients after one epoch."""
    x, y = (
        digits.flatten()[0][: settings.n_eval_images],
        digits.train_labels[: settings.n_eval_images],
    )
    model = SoftmaxRegression(
        epochs=1, learning_rate=settings.learning_rate, random_state=context.seed
    ).fit(x, y)
    generator = make_generator(context.seed, "batches")
    return {
        name: 0.0
        if size >= len(digits.train_labels)
        else compute_gradient_noise(model, x, y, size, generator)
        for name, size in sizes.items()
    }


def plot_convergence(context: RunContext, rows: dict[str, list[dict[str, float]]]) -> None:
    """Plot the loss against epochs, updates and seconds."""
    axes_labels = {"epoch": _("epochs"), "updates": _("updates"), "seconds": _("seconds")}
    with context.figure(
        "convergence",
        title=N_("Convergence against epochs, updates and seconds"),
        caption=N_(
            "Cross-entropy on training images, the same learning rate for all. The smaller the "
            "batch, the more updates in an epoch."
        ),
        panels=(1, 3),
        size=(12, 4),
    ) as axes:
        for ax, (key, label) in zip(axes, axes_labels.items(), strict=True):
            shown = {
                name: [row for row in own if key == "epoch" or row[key] > 0]
                for name, own in rows.items()
            }
            curves = {
                name: ([row[key] for row in own], [row["loss"] for row in own])
                for name, own in shown.items()
            }
            plot_curves(
                curves, x_label=label, y_label=_("cross-entropy, nats"), log_x=key != "epoch", ax=ax
            )


def judge(
    context: RunContext,
    sizes: dict[str, int],
    rows: dict[str, list[dict[str, float]]],
    noise: dict[str, float],
) -> None:
    """Judge whether small batches converge faster, and whether their gradient is noisier."""
    names = sorted(sizes, key=lambda name: sizes[name])
    first = {name: rows[name][1]["loss"] for name in names}
    whole = names[-1]
    reached = {
        name: next((row["seconds"] for row in rows[name] if row["loss"] < 0.5), None)
        for name in names
    }
    in_seconds = [(seconds, name) for name, seconds in reached.items() if seconds is not None]
    quickest = min(in_seconds)[1] if in_seconds else "—"
    context.claim(
        "small_batches_converge_faster",
        _(
            "Loss after one epoch: {first}. After {epochs}: {last}. The first batch size below "
            "0.5, in seconds: {quickest}."
        ).format(
            first=format_values(first),
            epochs=len(rows[whole]) - 1,
            last=format_values({name: rows[name][-1]["loss"] for name in names}),
            quickest=quickest,
        ),
        worst_loss_of_small_batches=max(first[name] for name in names[:-1]),
        loss_of_whole_set=first[whole],
    )
    smallest, middle = names[0], names[len(names) // 2]
    context.claim(
        "their_gradient_is_approximate",
        _(
            "Relative error of the gradient of a batch: {errors}. Between {smallest} and {middle} "
            "the factor is {times:.1f}; the square root of the ratio of the sizes is {root:.1f}."
        ).format(
            errors=format_values({name: noise[name] for name in names}),
            smallest=smallest,
            middle=middle,
            times=noise[smallest] / noise[middle] if noise[middle] else 0.0,
            root=(sizes[middle] / sizes[smallest]) ** 0.5,
        ),
        smallest_decrease_of_error=min(noise[a] - noise[b] for a, b in itertools.pairwise(names)),
    )


def format_values(values: dict[str, float]) -> str:
    """Format values as ``1: 0.31, 10: 0.28, ...``."""
    return join_translatable(
        ", ",
        (_("{name}: {value:.3g}").format(name=name, value=value) for name, value in values.items()),
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.batch",
    title=N_("The batch size"),
    measures=N_("loss against epochs, updates and seconds for several batch sizes"),
    source=N_("practical 1, exercise 1"),
    settings=Settings,
    run=run,
    on_sample={"epochs": 5},
    data=("mnist",),
    minutes=0.35,
    memory_mb=1200,
    claims=(
        Claim(
            "small_batches_converge_faster",
            N_("Updates from small batches converge faster than from the whole set."),
            where=N_("practical 1, exercise 1"),
            data=("mnist",),
            confirmed_if=(Condition("worst_loss_of_small_batches", "<", "loss_of_whole_set"),),
        ),
        Claim(
            "their_gradient_is_approximate",
            N_("The drawback is a gradient that is only approximate."),
            where=N_("practical 1, exercise 1"),
            data=("mnist",),
            confirmed_if=(Condition("smallest_decrease_of_error", ">", 0),),
        ),
    ),
)
