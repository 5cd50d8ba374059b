"""tp1.mlp: the multilayer perceptron in NumPy, and initialization to zero.

    etabli run tp1.mlp --data full --seeds 5
    etabli run tp1.mlp --data full --set search=true      search the best configuration

784 pixels, 100 sigmoid units, 10 classes, 79,510 parameters; initialization: Xavier (Glorot),
Gaussian, zeros. The lab report gives no figure for it in NumPy; this uses the training
configuration of the Keras version (20 epochs, batch size 100, learning rate 1). About 97.9 % on
MNIST, 98.5 % in the best configuration. Forty seconds a seed, and two minutes for the first one,
which examines the initialization to zero.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from etabli.core.i18n import N_, _, join_translatable
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp1 import _shared
from etabli.experiments.tp1._shared import TrainConfig
from etabli.models.estimators.diagnostics import compute_unit_spread, perturb_ulp
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.viz.architecture import plot_feedforward_net
from etabli.viz.curves import plot_curves

BEST = TrainConfig(learning_rate=1.0, epochs=40, averaging=0.5, shift=1)
# The search compares, in at most 40 epochs, decay, averaging, a penalty and augmentation.
TRIED = (
    TrainConfig(learning_rate=1.0),
    TrainConfig(learning_rate=0.1, momentum=0.9, schedule="linear"),
    TrainConfig(learning_rate=2.0, epochs=40, schedule="linear", l2=5e-5, center=True),
    TrainConfig(learning_rate=1.0, epochs=40, averaging=0.5),
    TrainConfig(learning_rate=1.0, epochs=40, schedule="linear", shift=1),
    BEST,
    TrainConfig(learning_rate=1.0, epochs=40, averaging=0.5, shift=1, center=True),
    TrainConfig(learning_rate=2.0, epochs=40, averaging=0.5, shift=1),
)

# (dtype, learning rate, whether the weights are perturbed by one ulp) -> a row for each epoch.
Runs = dict[tuple[str, float, bool], list[dict[str, float]]]


class Settings(_shared.NetSettings):
    learning_rate: _shared.LearningRate = 1.0
    units: int = Field(100, ge=1, le=2000, description=N_("number of hidden units"))
    activation: str = Field(
        "sigmoid", pattern="^(sigmoid|relu)$", description=N_("activation of the hidden layer")
    )
    zeros_learning_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.1, 1.0), min_length=1, description=N_("learning rates for the initialization to zero")
    )
    best: TrainConfig = Field(BEST, description=N_("training configuration of test_accuracy_best"))


def run(context: RunContext, settings: Settings) -> None:
    digits = _shared.limit_sizes(context, mnist.load(context.source), settings)

    def build(config: TrainConfig, seed: int, **arguments: Any) -> MLP:
        net = {
            "hidden_units": settings.units,
            "activation": settings.activation,
            "dtype": settings.dtype,
            "random_state": seed,
        }
        return MLP(**(config.to_arguments() | net | arguments))

    units: dict[str, object] = {"units": settings.units}
    recipe = settings.to_recipe() | units
    model = build(settings, context.seed)
    _shared.train_model(context, model, digits, label=N_("perceptron, Xavier"), curve="train")
    _shared.score_test(context, model, digits, recipe | {"initialization": "xavier"})
    for name in ("normal", "zeros"):
        other = build(settings, context.seed, initialization=name)
        label = _("perceptron, {initialization}").format(initialization=name)
        _shared.train_model(context, other, digits, label=label, curve=name)
        _shared.score_test(context, other, digits, recipe | {"initialization": name}, f"_{name}")
    config, _accuracy = _shared.train_best(context, settings, TRIED, build, digits, **units)
    model.save(context.path("mlp.safetensors"))

    if context.is_first_seed:
        _shared.note_configs(context, settings, config, TRIED)
        show_net(context, model)
        _shared.plot_training(context, "train", title=N_("Training of the perceptron (Xavier)"))
        compare_initializations(context)
        _shared.show_weights(
            context,
            model.parameters_[0][:, :40],
            digits,
            key="hidden_units",
            title=N_("Weights of the hidden units"),
            caption=N_("The incoming weights of the first 40 units: red excites, blue inhibits."),
            columns=10,
        )
        _shared.show_mistakes(context, model, digits)
        examine_zeros(context, settings, build, digits)


def show_net(context: RunContext, model: MLP) -> None:
    """Draw the architecture, with the numbers of its parameters."""
    sizes = [array.size for array in model.parameters_]
    hidden, output = sum(sizes[:2]), sum(sizes[2:])
    with context.figure(
        "architecture",
        number="3",
        title=N_("The perceptron with one hidden layer"),
        caption=_(
            "Drawn from the trained model: {hidden} + {output} = {total} parameters with {units} "
            "hidden units."
        ).format(
            hidden=f"{hidden:,}", output=f"{output:,}", total=f"{hidden + output:,}", units=sizes[1]
        ),
        size=(8, 4.4),
    ) as ax:
        names = [_("pixels"), _("hidden units"), _("classes")]
        widths = [model.n_features_in_, sizes[1], sizes[3]]
        plot_feedforward_net(names, widths, [_("linear, sigmoid"), _("linear, softmax")], ax=ax)


def compare_initializations(context: RunContext) -> None:
    """Plot training loss and test accuracy for each initialization."""
    histories = {
        name: context.history(curve)
        for name, curve in (("Xavier", "train"), (_("Gaussian"), "normal"), (_("zeros"), "zeros"))
    }
    with context.figure(
        "starts",
        title=N_("Three initializations"),
        caption=N_(
            "The same net, order of the images and learning rate; only the initial weights differ."
        ),
        panels=(1, 2),
        size=(10, 3.8),
    ) as axes:
        for ax, key, label in (
            (axes[0], "loss", _("training loss")),
            (axes[1], "test_accuracy", _("test accuracy")),
        ):
            curves = {
                name: ([row["epoch"] for row in rows], [row[key] for row in rows])
                for name, rows in histories.items()
            }
            plot_curves(
                curves,
                x_label=_("epoch"),
                y_label=label,
                log_y=key == "loss",
                shares=key != "loss",
                ax=ax,
            )


def examine_zeros(
    context: RunContext, settings: Settings, build: Callable[..., MLP], digits: mnist.Digits
) -> None:
    """Train from zeros: in two dtypes, at several learning rates, with and without one ulp."""
    linear = SoftmaxRegression(
        epochs=settings.epochs, batch_size=settings.batch_size, random_state=context.seed
    )
    _shared.train_model(context, linear, digits, label=N_("the linear model"))
    reference = _shared.evaluate_test(linear, digits)["test_accuracy"]
    runs: Runs = {
        (dtype, rate, perturbed): train_from_zeros(
            context, build, settings, digits, dtype, rate, perturbed
        )
        for rate in settings.zeros_learning_rates
        for dtype in ("float32", "float64")
        for perturbed in (False, True)
    }
    context.table(
        "zeros",
        title=N_("Initialized to zero"),
        columns=[
            N_("dtype"),
            N_("learning rate"),
            N_("perturbation"),
            N_("training loss"),
            N_("test accuracy"),
            N_("spread of the units"),
        ],
        rows=[
            [
                dtype,
                rate,
                _("one ulp after the first epoch") if perturbed else _("none"),
                *(rows[-1][key] for key in ("loss", "test_accuracy", "spread")),
            ]
            for (dtype, rate, perturbed), rows in runs.items()
        ],
        caption=_(
            "After {epochs} epochs. Spread: the largest distance of the weights of a hidden unit "
            "from their mean, relative to the norm of the mean; 0 for identical units. The linear "
            "model reaches {linear:.2%}."
        ).format(epochs=settings.epochs, linear=reference),
    )
    plot_zeros(context, runs, settings.epochs, reference)
    judge(context, runs, reference)


def train_from_zeros(
    context: RunContext,
    build: Callable[..., MLP],
    settings: Settings,
    digits: mnist.Digits,
    dtype: str,
    rate: float,
    perturbed: bool,
) -> list[dict[str, float]]:
    """Train from zeros; ``perturbed`` moves each weight by one ulp after the first epoch."""
    model = build(settings, context.seed, initialization="zeros", dtype=dtype, learning_rate=rate)

    def evaluate(row: dict[str, float]) -> dict[str, float]:
        weights = model.parameters_[0]
        accuracy = model.score(digits.flatten()[1], digits.test_labels)
        found = {**row, "test_accuracy": accuracy, "spread": compute_unit_spread(weights)}
        if perturbed and row["epoch"] == 1:
            weights[:] = perturb_ulp(weights, context.seed)
        return found

    label = f"zeros {dtype} {rate:g}" + (_(", one ulp") if perturbed else "")
    return _shared.train_and_record(context, model, digits, evaluate, label=label)


def plot_zeros(context: RunContext, runs: Runs, epochs: int, linear: float) -> None:
    """Plot the spread of the units after the perturbation, and the accuracy."""
    names = {key: f"{key[0]}, η {key[1]:g}" + (_(", one ulp") if key[2] else "") for key in runs}
    with context.figure(
        "twins",
        title=N_("Identical units, and how one rounding error separates them"),
        caption=N_(
            "Initialized to zero, all hidden units get the same gradient. Left: their spread in "
            "the perturbed runs; a spread of 0 is not drawn. Right: the accuracy in float32."
        ),
        panels=(1, 2),
        size=(11, 4),
    ) as axes:
        spreads = {}
        for key, rows in runs.items():
            if key[2]:
                drawn = [row for row in rows if row["spread"] > 0]
                spreads[names[key]] = (
                    [row["epoch"] for row in drawn],
                    [row["spread"] for row in drawn],
                )
        label = _("spread of the hidden units")
        plot_curves(spreads, x_label=_("epoch"), y_label=label, log_y=True, ax=axes[0])
        accuracies = {
            names[key]: (
                [row["epoch"] for row in rows],
                [row["test_accuracy"] for row in rows],
            )
            for key, rows in runs.items()
            if key[0] == "float32"
        }
        accuracies[_("linear model")] = ([1, epochs], [linear, linear])
        plot_curves(
            accuracies, x_label=_("epoch"), y_label=_("test accuracy"), shares=True, ax=axes[1]
        )


def judge(context: RunContext, runs: Runs, linear: float) -> None:
    """Judge whether the perceptron initialized to zero performs like the linear model."""
    last = {key: rows[-1] for key, rows in runs.items()}
    untouched = [row for key, row in last.items() if not key[2]]
    perturbed = {key: row for key, row in last.items() if key[2]}
    # The Haswell kernels of OpenBLAS (OPENBLAS_CORETYPE=Haswell) sum equal columns of a factor in
    # different orders, so that the units separate; those for AVX-512 keep the units identical.
    if max(row["spread"] for row in untouched) == 0:
        text = _(
            "Initialized to zero, all hidden units get the same gradient and stay identical, bit "
            "for bit, with every dtype and learning rate tried: the net has the capacity of a "
            "single hidden unit and reaches {low:.1%} to {high:.1%}."
        )
    else:
        text = _(
            "Initialized to zero, all hidden units have the same gradient, but the matrix products "
            "of this machine do not sum every column in the same order: rounding errors separate "
            "the units (spread {spread:.0e} at the end), and the net reaches {low:.1%} to "
            "{high:.1%}."
        )
    sentences = [
        _("The linear model reaches {linear:.2%}.").format(linear=linear),
        text.format(**_summarize(untouched)),
        _(
            "Perturbed once by one ulp, as another order of summation would do, the units have a "
            "spread of {spread:.0e} at the end, and the net reaches {low:.1%} to {high:.1%}."
        ).format(**_summarize(list(perturbed.values()))),
    ]
    nearest = min(perturbed, key=lambda key: abs(perturbed[key]["test_accuracy"] - linear))
    crosses = any(
        min(accuracies) < linear < max(accuracies)
        for key, rows in runs.items()
        if key[2] and (accuracies := [row["test_accuracy"] for row in rows])
    )
    if crosses:
        text = _(
            "During training its accuracy passes that of the linear model; the closest at the end "
            "is {accuracy:.2%} ({run}): the same accuracy can be observed, but because the units "
            "separate."
        )
    else:
        text = _(
            "Its accuracy never passes that of the linear model; the closest at the end is "
            "{accuracy:.2%} ({run})."
        )
    accuracy = perturbed[nearest]["test_accuracy"]
    sentences.append(text.format(accuracy=accuracy, run=f"{nearest[0]}, η {nearest[1]:g}"))
    gap = max(abs(row["test_accuracy"] - linear) for row in last.values())
    context.claim(
        "zeros_equal_linear",
        join_translatable(" ", sentences),
        largest_gap=gap,
    )


def _summarize(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the lowest and highest test accuracy, and the largest spread."""
    accuracies = [row["test_accuracy"] for row in rows]
    spread = max(row["spread"] for row in rows)
    return {"low": min(accuracies), "high": max(accuracies), "spread": spread}


EXPERIMENT = ExperimentSpec(
    name="tp1.mlp",
    headline="test_accuracy",
    title=N_("The multilayer perceptron in NumPy"),
    measures=N_("test accuracy of one hidden layer of 100 sigmoid units, written in NumPy"),
    source=N_("practical 1, exercise 2"),
    settings=Settings,
    run=run,
    on_sample={
        "epochs": 10,
        "zeros_learning_rates": (1.0,),
        "best": TrainConfig(epochs=15, learning_rate=1.0, averaging=0.5, l2=1e-5),
    },
    data=("mnist",),
    minutes=1.75,
    seeds=5,
    memory_mb=1400,
    claims=(
        Claim(
            "zeros_equal_linear",
            N_(
                "Initialized to zero, the perceptron performs like the linear model: the "
                "non-linearity plays no part."
            ),
            where=N_("practical 1, exercise 2"),
            data=("mnist",),
            confirmed_if=(Condition("largest_gap", "<=", 0.01),),
        ),
    ),
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.9763,
            0.9819,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.975 to 0.982 until 2026-11-27",),
        ),
        "test_accuracy_best": ExpectedRange(
            0.9818,
            0.9901,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.982 to 0.988 until 2026-11-27",),
        ),
        "test_accuracy_normal": ExpectedRange(
            0.972,
            0.9848,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.972 to 0.983 until 2026-11-27",),
        ),
        "test_accuracy_zeros": ExpectedRange(
            0.2,
            0.98,
            reason=N_("whether equal units separate depends on the rounding of the matrix product"),
        ),
    },
)
