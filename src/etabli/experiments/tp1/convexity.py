"""tp1.convexity: convexity of the losses, and uniqueness of the minimum.

    etabli run tp1.convexity --data full

Figure 2 of the lab report shows a convex and a non-convex function; here both are real losses: the
cross-entropy of softmax regression and of the perceptron, along lines and on planes between trained
solutions. The derivation that the report leaves unfinished is completed: the Hessian of softmax
regression, with its spectrum. Half a minute.
"""

import numpy as np
from pydantic import Field

from etabli import nn
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp1 import _shared
from etabli.models.estimators.base_network import NetworkClassifier
from etabli.models.estimators.diagnostics import (
    compute_chord_excess,
    compute_loss_along_line,
    compute_loss_on_plane,
    permute_units,
    shift_classes,
)
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.viz.curves import plot_contours, plot_curves

Point = list[np.ndarray]
Corners = dict[str, tuple[Point, Point, Point]]
"""Model -> two trained solutions A and B, and C, which has the same loss as A."""

MODELS = {"softmax regression": N_("softmax regression"), "perceptron": N_("perceptron")}
ROUNDING = 1e-9


class Settings(SettingsModel):
    epochs: int = Field(5, ge=1, le=100, description=N_("number of epochs, for each solution"))
    n_eval_images: int = Field(
        1000, ge=50, description=N_("number of training images on which the losses are measured")
    )
    grid: int = Field(25, ge=5, le=201, description=N_("points along each side of the planes"))
    lines: int = Field(
        20, ge=1, le=1000, description=N_("number of random lines that are compared with chords")
    )
    image_size: int = Field(
        7, ge=2, le=14, description=N_("side of the downsampled images for the Hessian, in pixels")
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # there is no score to average over seeds
    digits = mnist.load(context.source)
    x = digits.flatten()[0][: settings.n_eval_images].astype(np.float64)
    n_pixels, n_classes = x.shape[1], len(digits.classes)
    target = nn.one_hot(digits.train_labels[: settings.n_eval_images], n_classes)
    generator = make_generator(context.seed, "convexity")

    a, b = (train_solution(context, SoftmaxRegression, digits, settings, k) for k in (1, 2))
    c = shift_classes(a, generator.normal(0, 0.3, (n_pixels,)), 0.0)
    p, q = (train_solution(context, MLP, digits, settings, k) for k in (1, 2))
    r = permute_units(p, generator.permutation(100))
    corners = {"softmax regression": (a, b, c), "perceptron": (p, q, r)}

    excesses = plot_lines(context, settings, corners, x, target)
    excess_linear = max(
        excesses["softmax regression"], measure_random_lines(settings, x, target, generator)
    )
    plot_planes(context, settings, corners, x, target)
    eigenvalues, directions = plot_spectrum(context, settings, digits)
    note_derivation(context)
    judge(context, excess_linear, excesses["perceptron"], eigenvalues, directions)


def train_solution(
    context: RunContext,
    kind: type[NetworkClassifier],
    digits: mnist.Digits,
    settings: Settings,
    k: int,
) -> Point:
    """Train a net whose initial weights depend on the seed and ``k``; return its parameters."""
    model = kind(
        initialization="normal", epochs=settings.epochs, random_state=1000 * context.seed + k
    )
    label = _("{model}, solution {k}").format(model=kind.__name__, k=k)
    _shared.train_model(context, model, digits, label=label)
    return [array.astype(np.float64) for array in model.parameters_]


def plot_lines(
    context: RunContext, settings: Settings, corners: Corners, x: np.ndarray, target: np.ndarray
) -> dict[str, float]:
    """Plot the losses on the lines A-B and A-C; return their largest excess over the chords."""
    steps = np.linspace(-0.5, 1.5, 2 * settings.grid - 1)  # contains 0 and 1
    ends = {
        "softmax regression": (_("to another solution"), _("to A + one vector for all classes")),
        "perceptron": (_("to another solution"), _("to A with its units permuted")),
    }
    losses = {
        model: {
            label: compute_loss_along_line(points[0], end, steps, x, target)
            for label, end in zip(ends[model], points[1:], strict=True)
        }
        for model, points in corners.items()
    }
    excesses = {
        model: max(compute_chord_excess(steps, values) for values in lines.values())
        for model, lines in losses.items()
    }
    with context.figure(
        "lines",
        number="2",
        title=N_("The two losses of practical 1 along lines"),
        caption=_(
            "Cross-entropy along lines through a trained solution A (at 0). A convex function is "
            "below each of its chords; the largest excess over the chord from 0 to 1 is "
            "{linear:.0e} for softmax regression and {perceptron:.2g} for the perceptron."
        ).format(linear=excesses["softmax regression"], perceptron=excesses["perceptron"]),
        panels=(1, 2),
        size=(11, 4),
    ) as axes:
        for ax, (model, lines) in zip(axes, losses.items(), strict=True):
            plot_curves(
                {label: (steps, values) for label, values in lines.items()},
                x_label=_("position on the line: 0 is A, 1 the other end"),
                y_label=_("cross-entropy, nats"),
                title=_(MODELS[model]),
                ax=ax,
            )
    return excesses


def measure_random_lines(
    settings: Settings, x: np.ndarray, target: np.ndarray, generator: np.random.Generator
) -> float:
    """Return the largest excess over a chord of softmax regression, on random lines."""
    steps = np.linspace(0, 1, 11)
    n_classes = target.shape[1]
    shapes = ((x.shape[1], n_classes), (n_classes,))
    excess = 0.0
    for _line in range(settings.lines):
        start, end = ([generator.normal(0, 0.3, shape) for shape in shapes] for _end in range(2))
        losses = compute_loss_along_line(start, end, steps, x, target)
        excess = max(excess, compute_chord_excess(steps, losses))
    return excess


def plot_planes(
    context: RunContext, settings: Settings, corners: Corners, x: np.ndarray, target: np.ndarray
) -> None:
    """Plot the losses on the planes through A, B and C."""
    along = np.linspace(-0.5, 1.5, settings.grid)
    with (
        context.figure(
            "planes",
            title=N_("The same losses on a plane"),
            caption=N_(
                "A and B are two trained solutions; C has the same loss as A: it is A with one "
                "vector added to all classes (softmax regression), or with its hidden units in "
                "another order (perceptron)."
            ),
            panels=(1, 2),
            size=(11, 4.4),
        ) as axes,
        context.progress(N_("planes"), total=2) as step,
    ):
        for ax, (model, points) in zip(axes, corners.items(), strict=True):
            plot_contours(
                along,
                along,
                compute_loss_on_plane(points, along, along, x, target),
                points={"A": (0, 0), "B": (1, 0), "C": (0, 1)},
                title=_(MODELS[model]),
                x_label="A → B",
                y_label="A → C",
                ax=ax,
            )
            step(1)


def plot_spectrum(
    context: RunContext, settings: Settings, digits: mnist.Digits
) -> tuple[np.ndarray, int]:
    """Plot the spectrum of the Hessian on downsampled images.

    Returns:
        The eigenvalues in decreasing order, and D + 1: as many are zero in theory.
    """
    size = settings.image_size
    images = digits.train_images[: settings.n_eval_images].astype(np.float64) / 255
    digits.require_size(size, _("Hessian, whose side is set by image_size"))
    down, right = (side // size for side in digits.image_shape)
    # Average pooling over cells of equal size; pixels that do not fill a cell are cropped.
    x = (
        images[:, : down * size, : right * size]
        .reshape(-1, size, down, size, right)
        .mean(axis=(2, 4))
        .reshape(-1, size * size)
    )
    x -= x.mean(axis=0)
    model = SoftmaxRegression(
        dtype="float64", epochs=20, learning_rate=1.0, random_state=context.seed
    ).fit(x, digits.train_labels[: settings.n_eval_images])
    eigenvalues = np.linalg.eigvalsh(nn.softmax_hessian(x, model.predict_proba(x)))[::-1]
    directions = size * size + 1
    with context.figure(
        "spectrum",
        title=N_("The spectrum of the Hessian of softmax regression"),
        caption=_(
            "On {n} images downsampled to {side} × {side}: {size} eigenvalues in decreasing order. "
            "{zeros} are zero to rounding; in theory adding one vector to all classes makes at "
            "least D + 1 = {directions} zero."
        ).format(
            n=len(x),
            side=size,
            size=len(eigenvalues),
            zeros=count_zeros(eigenvalues),
            directions=directions,
        ),
        size=(7, 3.8),
    ) as ax:
        curve = (np.arange(1, len(eigenvalues) + 1), np.maximum(eigenvalues, 1e-20))
        plot_curves({"": curve}, x_label=_("rank"), y_label=_("eigenvalue"), log_y=True, ax=ax)
    return eigenvalues, directions


def count_zeros(eigenvalues: np.ndarray) -> int:
    """Count the eigenvalues (in decreasing order) that are zero to rounding."""
    return int((eigenvalues < 1e-12 * eigenvalues[0]).sum())


def note_derivation(context: RunContext) -> None:
    """Add the derivation of the Hessian, which the lab report leaves unfinished."""
    context.note(
        _(
            "The derivation that the lab report leaves unfinished. With z = xW + b and "
            "p = softmax(z), the loss of one example is L = −z_c* + log Σ e^z. Its gradient with "
            "respect to z is ∂L/∂z = p − y*, and its Hessian ∂²L/∂z² = diag(p) − p pᵀ, whatever "
            "the label."
        )
    )
    context.note(
        _(
            "For any vector v, vᵀ(diag(p) − p pᵀ)v = Σ p v² − (Σ p v)² is the variance of v under "
            "p: never negative. Since z is linear in W and b, the Hessian of the mean loss is "
            "H = Xᵀ(diag(p) − p pᵀ)X / N, where X has a column of ones for the bias: it is "
            "positive semi-definite. So the loss is convex, and every minimum is a global one."
        )
    )
    context.note(
        _(
            "But that variance is zero if all entries of v are equal: adding one vector to all "
            "classes changes neither p nor L. So H has at least D + 1 zero eigenvalues, and the "
            "minimum is not a point but a flat of at least D + 1 dimensions; if the classes are "
            "separable, it is at infinity. An L2 term makes it unique."
        )
    )


def judge(
    context: RunContext,
    excess_linear: float,
    excess_perceptron: float,
    eigenvalues: np.ndarray,
    directions: int,
) -> None:
    """Judge the claims of the report on convexity."""
    low, high, zeros = eigenvalues[-1], eigenvalues[0], count_zeros(eigenvalues)
    context.claim(
        "logistic_loss_is_convex",
        _(
            "The largest excess of the loss over a chord is {excess:.0e}; the eigenvalues of the "
            "Hessian range from {low:.0e} to {high:.2g}."
        ).format(excess=excess_linear, low=low, high=high),
        excess=excess_linear,
        lowest_by_highest_eigenvalue=low / high,
    )
    context.claim(
        "one_minimum",
        _(
            "{zeros} of {all} eigenvalues of the Hessian are zero to rounding; adding one vector "
            "to all classes, which does not change the loss, accounts for {directions} directions."
        ).format(zeros=zeros, all=len(eigenvalues), directions=directions),
        zero_eigenvalues=zeros,
        free_directions=directions,
    )
    context.claim(
        "perceptron_loss_is_not_convex",
        _(
            "On the lines from a trained perceptron to another one, and to itself with its hidden "
            "units in another order, the loss exceeds the chord by up to {excess:.2g}; for a "
            "convex function that is 0. This does not show that there are bad local minima."
        ).format(excess=excess_perceptron),
        excess=excess_perceptron,
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.convexity",
    title=N_("Convexity of the losses"),
    measures=N_("losses along lines and on planes between solutions; the spectrum of a Hessian"),
    source=N_("practical 1, exercises 1 and 2"),
    settings=Settings,
    run=run,
    on_sample={"n_eval_images": 300, "grid": 11, "lines": 5},
    data=("mnist",),
    minutes=0.12,
    memory_mb=1000,
    claims=(
        Claim(
            "logistic_loss_is_convex",
            N_("The cross-entropy of logistic regression is a convex function of its parameters."),
            where=N_("practical 1, exercise 1"),
            confirmed_if=(
                Condition("excess", "<", ROUNDING),
                Condition("lowest_by_highest_eigenvalue", ">", -ROUNDING),
            ),
        ),
        Claim(
            "one_minimum",
            N_("Being convex, it has one single global minimum."),
            where=N_("practical 1, exercise 1"),
            confirmed_if=(Condition("zero_eigenvalues", "=", 0),),
            refuted_if=(Condition("zero_eigenvalues", ">=", "free_directions"),),
        ),
        Claim(
            "perceptron_loss_is_not_convex",
            N_("The loss of the perceptron need not be convex: there can be local minima."),
            where=N_("practical 1, exercise 2"),
            confirmed_if=(Condition("excess", ">", ROUNDING),),
            refuted_if=(),  # lines on which it is convex do not show that it is convex
        ),
    ),
)
