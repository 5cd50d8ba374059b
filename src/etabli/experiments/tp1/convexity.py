"""tp1.convexity: is there one minimum?

    etabli run tp1.convexity --data full

Figure 2 of the lab report shows a convex and another function; here both are real losses: the cross-entropy of
softmax regression and of the perceptron, along lines and on planes between trained solutions. And the derivation that
the report leaves to be revised, finished: the Hessian of softmax regression, with its spectrum. Half a minute.
"""

import numpy as np
from pydantic import Field

from etabli import nn
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.experiments.tp1 import _shared
from etabli.models.estimators.diagnostics import (
    chord_excess,
    loss_along_line,
    loss_on_plane,
    permuted_units,
    shifted_classes,
)
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.viz.curves import level_lines, lines


class Settings(SettingsModel):
    epochs: int = Field(
        5, ge=1, le=100, description=N_("passes over the training images, for each solution")
    )
    watched: int = Field(
        1000, ge=50, description=N_("training images on which the losses are taken")
    )
    grid: int = Field(25, ge=5, le=201, description=N_("points along each side of the planes"))
    lines: int = Field(
        20,
        ge=1,
        le=1000,
        description=N_("random lines on which the losses are held to their chords"),
    )
    pooled_side: int = Field(
        7, ge=2, le=14, description=N_("side of the shrunken images of the Hessian's problem")
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # no score to take a mean of: told once
    digits = mnist.load(context.source)
    x = digits.flattened()[0][: settings.watched].astype(np.float64)
    target = nn.one_hot(digits.train_labels[: settings.watched], 10)
    stream = make_generator(context.seed, "convexity")

    a, b = (solution(context, SoftmaxRegression, digits, settings, k) for k in (1, 2))
    c = shifted_classes(a, stream.normal(0, 0.3, 784), 0.0)
    p, q = (solution(context, MLP, digits, settings, k) for k in (1, 2))
    r = permuted_units(p, stream.permutation(100))

    excesses = along_lines(
        context, settings, {"softmax regression": (a, b, c), "perceptron": (p, q, r)}, x, target
    )
    random_lines = chords(settings, x, target, stream)
    planes(context, settings, {"softmax regression": (a, b, c), "perceptron": (p, q, r)}, x, target)
    values, zeros, directions = spectrum(context, settings, digits)
    judge(context, excesses, random_lines, values, zeros, directions)


def solution(
    context: RunContext, kind: type, digits: mnist.Digits, settings: Settings, k: int
) -> list[np.ndarray]:
    """The parameters of a net trained from weights that the seed and ``k`` draw."""
    model = kind(
        initialization="normal", epochs=settings.epochs, random_state=1000 * context.seed + k
    )
    label = _("{model}, solution {k}").format(model=kind.__name__, k=k)
    trained = _shared.train(context, model, digits, label=label)
    return [array.astype(np.float64) for array in trained.parameters_]


def along_lines(
    context: RunContext, settings: Settings, corners: dict, x: np.ndarray, target: np.ndarray
) -> dict[str, float]:
    """The losses on the lines A-B and A-C of both models; returns by how much each rises above its chord."""
    steps = np.linspace(-0.5, 1.5, 2 * settings.grid - 1)  # holds 0 and 1
    names = {"softmax regression": _("softmax regression"), "perceptron": _("perceptron")}
    ends = {
        "softmax regression": (_("to another solution"), _("to A + one vector for all classes")),
        "perceptron": (_("to another solution"), _("to A with its units permuted")),
    }
    losses = {
        (model, label): loss_along_line(points[0], end, steps, x, target)
        for model, points in corners.items()
        for label, end in zip(ends[model], points[1:], strict=True)
    }
    with context.figure(
        "lines",
        number="2",
        title=N_("Two losses of practical 1: one convex, one not"),
        caption=N_(
            "Cross-entropy along lines through a trained solution A (at 0). Left, no line rises above its chords; "
            "adding one vector to all classes changes nothing. Right, two equal solutions with a hill between them."
        ),
        panels=(1, 2),
        size=(11, 4),
    ) as axes:
        for ax, model in zip(axes, corners, strict=True):
            curves = {
                label: (steps, values) for (own, label), values in losses.items() if own == model
            }
            label = _("place on the line: 0 is A, 1 the other end")
            lines(
                curves, x_label=label, y_label=_("cross-entropy, nats"), title=names[model], ax=ax
            )
    return {
        f"{model}: {label}": chord_excess(steps, values)
        for (model, label), values in losses.items()
    }


def chords(
    settings: Settings, x: np.ndarray, target: np.ndarray, stream: np.random.Generator
) -> dict[str, float]:
    """The largest rise above a chord, over random lines in the space of the parameters."""
    steps = np.linspace(0, 1, 11)
    worst = {"softmax regression": 0.0, "perceptron": 0.0}
    shapes = {
        "softmax regression": [(784, 10), (10,)],
        "perceptron": [(784, 100), (100,), (100, 10), (10,)],
    }
    for model, own in shapes.items():
        for _line in range(settings.lines):
            ends = [[stream.normal(0, 0.3, shape) for shape in own] for _end in range(2)]
            worst[model] = max(
                worst[model], chord_excess(steps, loss_along_line(*ends, steps, x, target))
            )
    return worst


def planes(
    context: RunContext, settings: Settings, corners: dict, x: np.ndarray, target: np.ndarray
) -> None:
    """The same losses on the planes through A, B and C."""
    names = {"softmax regression": _("softmax regression"), "perceptron": _("perceptron")}
    along = np.linspace(-0.5, 1.5, settings.grid)
    with (
        context.figure(
            "planes",
            title=N_("The same losses on a plane"),
            caption=N_(
                "A and B are two trained solutions; C is A with one vector added to all classes (left), or with its "
                "hidden units in another order (right). Left, the bottom is a valley: from A to C the loss is the same "
                "all the way. Right, there is a hill between equals."
            ),
            panels=(1, 2),
            size=(11, 4.4),
        ) as axes,
        context.progress(N_("planes"), total=2) as step,
    ):
        for ax, (model, points) in zip(axes, corners.items(), strict=True):
            values = loss_on_plane(points, along, along, x, target)
            marks = {"A": (0, 0), "B": (1, 0), "C": (0, 1)}
            level_lines(
                along,
                along,
                values,
                points=marks,
                title=names[model],
                x_label="A → B",
                y_label="A → C",
                ax=ax,
            )
            step(1)


def spectrum(
    context: RunContext, settings: Settings, digits: mnist.Digits
) -> tuple[np.ndarray, int, int]:
    """The eigenvalues of the Hessian on shrunken images; how many are zero, and how many the theory asks for."""
    side = settings.pooled_side
    images = digits.train_images[: settings.watched].astype(np.float64) / 255
    cell = mnist.SIDE // side
    x = (
        images[:, : cell * side, : cell * side]
        .reshape(-1, side, cell, side, cell)
        .mean(axis=(2, 4))
        .reshape(-1, side * side)
    )
    x -= x.mean(axis=0)
    labels = digits.train_labels[: settings.watched]
    model = SoftmaxRegression(
        dtype="float64", epochs=20, learning_rate=1.0, random_state=context.seed
    ).fit(x, labels)
    values = np.linalg.eigvalsh(nn.softmax_hessian(x, model.predict_proba(x)))[::-1]
    directions = side * side + 1
    zeros = int((values < 1e-12 * values[0]).sum())
    derive(context)
    with context.figure(
        "spectrum",
        title=N_("The spectrum of the Hessian of softmax regression"),
        caption=_(
            "On {n} images shrunk to {side} × {side}: {size} eigenvalues, in order. {zeros} are zero to rounding; "
            "adding one vector to all classes explains D + 1 = {directions} of them."
        ).format(n=len(x), side=side, size=len(values), zeros=zeros, directions=directions),
        size=(7, 3.8),
    ) as ax:
        curve = (np.arange(1, len(values) + 1), np.maximum(values, 1e-20))
        lines({"": curve}, x_label=_("rank"), y_label=_("eigenvalue"), log_y=True, ax=ax)
    return values, zeros, directions


def derive(context: RunContext) -> None:
    """The second derivatives that the lab report leaves to be revised, step by step."""
    context.note(
        _(
            "The derivation that the lab report leaves to be revised. With z = xW + b and p = softmax(z), the loss of "
            "one example is L = −z_c* + log Σ e^z. Once derived, ∂L/∂z = p − y*. Twice, ∂²L/∂z² = diag(p) − p pᵀ, "
            "whatever the label."
        )
    )
    context.note(
        _(
            "For any vector v, vᵀ(diag(p) − p pᵀ)v = Σ p v² − (Σ p v)² is the variance of v under p: never negative. "
            "Since z is linear in W and b, the Hessian of the mean loss is H = Xᵀ(diag(p) − p pᵀ)X / N, with X holding "
            "a column of ones for the bias: positive semi-definite. So the loss is convex, and every minimum is a "
            "global one."
        )
    )
    context.note(
        _(
            "But that variance is zero where all entries of v are equal: adding one vector to all classes changes "
            "neither p nor L. So H has at least D + 1 zero eigenvalues, and the minimum is not one point but a flat of "
            "at least D + 1 dimensions; where the classes can be separated it even lies at infinity. An L2 term makes "
            "it one point."
        )
    )


def judge(
    context: RunContext,
    excesses: dict[str, float],
    random_lines: dict[str, float],
    values: np.ndarray,
    zeros: int,
    directions: int,
) -> None:
    """Which of the report's sentences on convexity hold."""
    rounding = 1e-9
    linear = max(value for key, value in excesses.items() if key.startswith("softmax"))
    hill = max(value for key, value in excesses.items() if key.startswith("perceptron"))
    convex = (
        max(linear, random_lines["softmax regression"]) < rounding
        and values[-1] > -1e-9 * values[0]
    )
    context.claim(
        "logistic_loss_is_convex",
        "confirmed" if convex else "refuted",
        _(
            "On every line the loss stays below its chords (worst rise {rise:.0e}, rounding); the eigenvalues of the "
            "Hessian go from {low:.0e}, zero to rounding, to {high:.2g}."
        ).format(
            rise=max(linear, random_lines["softmax regression"]), low=values[-1], high=values[0]
        ),
    )
    context.claim(
        "one_minimum",
        "refuted" if zeros >= directions else "undecided",
        _(
            "Convex, so every minimum is global, yet it is not one point: {zeros} of {all} eigenvalues are zero, among "
            "them the {directions} directions that add one vector to all classes, along which the loss does not change."
        ).format(zeros=zeros, all=len(values), directions=directions),
    )
    context.claim(
        "perceptron_loss_is_not_convex",
        "confirmed" if hill > rounding else "undecided",
        _(
            "Between a trained perceptron and itself with its hidden units in another order, which has the same loss, "
            "the loss rises {hill:.2f} above the chord: no convex function does. That this makes bad local minima is "
            "not shown by it: both ends are equally good."
        ).format(hill=hill),
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.convexity",
    title=N_("Convex, and not: the losses seen from between their solutions"),
    measures=N_("losses along lines and planes between solutions; the spectrum of a Hessian"),
    source=N_("practical 1, exercises 1 and 2"),
    settings=Settings,
    run=run,
    on_sample={"watched": 300, "grid": 11, "lines": 5},
    data=("mnist",),
    minutes=0.7,
    memory_mb=1000,
    claims=(
        Claim(
            "logistic_loss_is_convex",
            N_("The cross-entropy of logistic regression is a convex function of its parameters."),
            where=N_("practical 1, exercise 1"),
        ),
        Claim(
            "one_minimum",
            N_("Being convex, it has one single global minimum."),
            where=N_("practical 1, exercise 1"),
        ),
        Claim(
            "perceptron_loss_is_not_convex",
            N_("The loss of the perceptron need not be convex: there can be local minima."),
            where=N_("practical 1, exercise 2"),
        ),
    ),
)
