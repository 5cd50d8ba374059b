"""tp1.batch: what the size of a batch buys and costs.

    etabli run tp1.batch --data full

Softmax regression with batches of 1, 10, 100, 1,000 and the whole set, everything else alike: the loss against
epochs, updates and seconds, and how far the gradient of a batch lies from that of the whole set. About a minute.
"""

import itertools
import math
import time
from typing import Annotated

from pydantic import Field

from etabli.core.i18n import N_, _, join_translatable
from etabli.core.seeding import make_generator
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.experiments.tp1 import _shared
from etabli.models.estimators.diagnostics import gradient_roughness
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.viz.curves import lines


class Settings(SettingsModel):
    sizes: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (1, 10, 100, 1000, 0),
        min_length=2,
        description=N_("batch sizes; 0 stands for the whole training set"),
    )
    epochs: int = Field(
        8, ge=1, le=200, description=N_("passes over the training images, for every size")
    )
    rate: float = Field(
        0.1, gt=0, le=100, description=N_("step of the gradient, the same for every size")
    )
    watched: int = Field(
        10_000, ge=100, description=N_("training images on which the loss is followed")
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # no score to take a mean of: told once
    digits = mnist.load(context.source)
    n = len(digits.train_labels)
    sizes = {
        (_("whole set") if size == 0 else f"{size:,}"): (n if size == 0 else min(size, n))
        for size in settings.sizes
    }
    rows = {name: follow(context, digits, name, size, settings) for name, size in sizes.items()}

    roughness = gradients(context, digits, sizes, settings)
    table = []
    for name in sizes:
        last = rows[name][-1]
        first = rows[name][1]
        table.append(
            [
                name,
                int(first["updates"]),
                first["loss"],
                last["loss"],
                last["accuracy"],
                last["seconds"],
                roughness[name],
            ]
        )
    context.table(
        "batches",
        title=N_("The same number of epochs with each batch size"),
        columns=[
            N_("batch"),
            N_("updates per epoch"),
            N_("loss after one epoch"),
            N_("loss at the end"),
            N_("test accuracy at the end"),
            N_("seconds in all"),
            N_("error of the gradient"),
        ],
        rows=table,
        caption=N_(
            "Loss: cross-entropy on training images. Error: root mean square of ‖batch gradient − whole gradient‖, "
            "over ‖whole gradient‖, after one epoch."
        ),
    )
    show(context, rows)
    judge(context, sizes, rows, roughness)


def follow(
    context: RunContext, digits: mnist.Digits, name: str, size: int, settings: Settings
) -> list[dict[str, float]]:
    """Train with one batch size; a row for the start and one for every epoch, the time of looking left out."""
    x_train, x_test = digits.flattened()
    watched = x_train[: settings.watched], digits.train_labels[: settings.watched]
    model = SoftmaxRegression(
        batch_size=size,
        epochs=settings.epochs,
        learning_rate=settings.rate,
        random_state=context.seed,
    )
    updates = -(-len(x_train) // size)
    clock = time.perf_counter()

    def look(row: dict[str, float]) -> dict[str, float]:
        nonlocal clock
        seconds = time.perf_counter() - clock
        loss, accuracy = model.loss(*watched), model.score(x_test, digits.test_labels)
        clock = time.perf_counter()
        learnt = {"epoch": row["epoch"], "updates": row["epoch"] * updates}
        return {**learnt, "seconds": seconds, "loss": loss, "accuracy": accuracy}

    label = _("batch of {name}").format(name=name)
    rows = _shared.followed(context, model, digits, look, label=label, curve=f"batch_{size}")
    # weights of zero give every class the same probability: the loss starts at ln 10
    start = {"epoch": 0, "updates": 0, "seconds": 0.0, "loss": math.log(10)}
    totals = itertools.accumulate(row["seconds"] for row in rows)
    return [start, *({**row, "seconds": total} for row, total in zip(rows, totals, strict=True))]


def gradients(
    context: RunContext, digits: mnist.Digits, sizes: dict[str, int], settings: Settings
) -> dict[str, float]:
    """How far batch gradients lie from the gradient on all watched images, after one epoch of learning."""
    x, y = digits.flattened()[0][: settings.watched], digits.train_labels[: settings.watched]
    model = SoftmaxRegression(epochs=1, learning_rate=settings.rate, random_state=context.seed).fit(
        x, y
    )
    stream = make_generator(context.seed, "batches")
    return {
        name: 0.0
        if size >= len(digits.train_labels)
        else gradient_roughness(model, x, y, size, stream)
        for name, size in sizes.items()
    }


def show(context: RunContext, rows: dict[str, list[dict[str, float]]]) -> None:
    """The loss against epochs, updates and seconds."""
    axes_labels = {"epoch": _("epochs"), "updates": _("updates"), "seconds": _("seconds")}
    with context.figure(
        "convergence",
        title=N_("The same learning, counted in epochs, in updates and in seconds"),
        caption=N_(
            "Cross-entropy on training images, the same rate for all. A smaller batch makes more updates in an epoch "
            "and so goes faster, until its gradient is too rough for the rate: then the loss hovers instead of falling."
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
            lines(
                curves, x_label=label, y_label=_("cross-entropy, nats"), log_x=key != "epoch", ax=ax
            )


def judge(
    context: RunContext,
    sizes: dict[str, int],
    rows: dict[str, list[dict[str, float]]],
    roughness: dict[str, float],
) -> None:
    """Do small batches converge faster, and is their gradient the rougher one?"""
    names = sorted(sizes, key=sizes.get)
    first = {name: rows[name][1]["loss"] for name in names}
    whole = names[-1]
    faster = all(first[name] < first[whole] for name in names[:-1])
    reached = {
        name: next((row["seconds"] for row in rows[name] if row["loss"] < 0.5), None)
        for name in names
    }
    in_seconds = [(seconds, name) for name, seconds in reached.items() if seconds is not None]
    quickest = min(in_seconds)[1] if in_seconds else "—"
    context.claim(
        "small_batches_converge_faster",
        "confirmed" if faster else "refuted",
        _(
            "Loss after one epoch: {first}. After {epochs}: {last}. In seconds, {quickest} is the first below 0.5."
        ).format(
            first=listed(first),
            epochs=len(rows[whole]) - 1,
            last=listed({name: rows[name][-1]["loss"] for name in names}),
            quickest=quickest,
        ),
    )
    order = [roughness[name] for name in names]
    smallest, middle = names[0], names[len(names) // 2]
    context.claim(
        "their_gradient_is_approximate",
        "confirmed" if order == sorted(order, reverse=True) else "refuted",
        _(
            "Relative error of one batch's gradient: {errors}. From {smallest} to {middle} it falls {times:.1f} times; "
            "the square root of the sizes says {root:.1f}."
        ).format(
            errors=listed({name: roughness[name] for name in names}),
            smallest=smallest,
            middle=middle,
            times=roughness[smallest] / roughness[middle] if roughness[middle] else 0.0,
            root=(sizes[middle] / sizes[smallest]) ** 0.5,
        ),
    )


def listed(values: dict[str, float]) -> str:
    """``1: 0.31, 10: 0.28, ...``"""
    return join_translatable(
        ", ",
        (_("{name}: {value:.3g}").format(name=name, value=value) for name, value in values.items()),
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.batch",
    title=N_("The size of a batch"),
    measures=N_("loss against epochs, updates and seconds for five batch sizes"),
    source=N_("practical 1, exercise 1"),
    settings=Settings,
    run=run,
    on_sample={"epochs": 5},
    data=("mnist",),
    minutes=1.2,
    memory_mb=1200,
    claims=(
        Claim(
            "small_batches_converge_faster",
            N_("Updating from a small batch converges faster than from the whole set."),
            where=N_("practical 1, exercise 1"),
        ),
        Claim(
            "their_gradient_is_approximate",
            N_("The price is a gradient that is only approximate."),
            where=N_("practical 1, exercise 1"),
        ),
    ),
)
