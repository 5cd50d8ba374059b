"""tp1.gradients: a gradient check of every layer, loss and model.

    etabli run tp1.gradients

Each layer, each loss and both models of practical 1 against finite differences, in double
precision. The relative error ‖a - n‖ / (‖a‖ + ‖n‖) should be below 1e-7; here it is about 1e-10.
A second. For your own file: etabli check FILE.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from etabli import nn
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.metrics.score import Score
from etabli.models.estimators.base_network import NetworkClassifier
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression


class Settings(SettingsModel):
    examples: int = Field(6, ge=1, le=100, description=N_("number of examples in the batch"))
    features: int = Field(8, ge=1, le=100, description=N_("number of features of each example"))
    units: int = Field(5, ge=1, le=100, description=N_("number of hidden units"))
    step: float = Field(
        1e-3,
        gt=0,
        lt=0.1,
        description=N_("step of the finite differences; if too small, rounding dominates"),
    )


def run(context: RunContext, settings: Settings) -> None:
    generator = make_generator(context.seed, "gradients")
    n, d, classes = settings.examples, settings.features, 10
    x = generator.normal(size=(n, d))
    labels = generator.permutation(np.arange(n) % classes)
    target = nn.one_hot(labels, classes)
    logits = generator.normal(size=(n, classes))
    w, b = generator.normal(size=(d, classes)), generator.normal(size=classes)
    probabilities = nn.softmax(logits)[0]

    rows: list[tuple[str, str, int, float]] = []
    layers: tuple[tuple[str, Callable[..., Any], dict[str, np.ndarray]], ...] = (
        ("linear", nn.linear, {"x": x, "w": w, "b": b}),
        ("sigmoid", nn.sigmoid, {"x": x}),
        ("relu", nn.relu, {"x": np.sign(x) * (np.abs(x) + 0.1)}),  # away from the kink at 0
        ("softmax", nn.softmax, {"x": logits}),
        ("cross_entropy", lambda p: nn.cross_entropy(p, target), {"ŷ": probabilities}),
        ("softmax_cross_entropy", lambda z: nn.softmax_cross_entropy(z, target), {"z": logits}),
    )
    for name, function, arrays in layers:
        # log is steep near 0: there, a step must be small relative to the probability.
        step = settings.step * min(1.0, *arrays.get("ŷ", np.ones(1)).flat)
        errors = nn.gradient_check(function, list(arrays.values()), generator=generator, step=step)
        rows += [
            (name, key, arrays[key].size, error) for key, error in zip(arrays, errors, strict=True)
        ]

    def loss_of(model: NetworkClassifier) -> Callable[[], float]:
        return lambda: model.gradients(x, labels)[0]

    models = (SoftmaxRegression(l2=0.01), MLP(hidden_units=settings.units, l2=0.01))
    for model in models:
        model.set_params(
            epochs=1, dtype="float64", initialization="normal", random_state=context.seed
        )
        model.partial_fit(x, labels, classes=np.arange(classes))
        _loss, gradients = model.gradients(x, labels)
        names = [f"{layer} {part}" for layer in model.layer_names for part in ("W", "b")]
        for name, parameter, gradient in zip(names, model.parameters_, gradients, strict=True):
            differences = nn.numerical_gradient(loss_of(model), parameter, settings.step)
            error = nn.relative_error(gradient, differences)
            rows.append((type(model).__name__, name, parameter.size, error))

    context.table(
        "gradients",
        title=N_("Backpropagation compared with finite differences"),
        columns=[N_("layer or model"), N_("gradient of"), N_("size"), N_("relative error")],
        rows=rows,
        caption=N_(
            "Fourth-order differences in double precision; the losses of the models have an L2 "
            "term."
        ),
    )
    recipe: dict[str, object] = {
        "differences": "fourth order",
        "step": settings.step,
        "dtype": "float64",
    }
    worst = max(row[-1] for row in rows)
    context.score("max_relative_error", Score(worst, recipe))
    context.note(
        _(
            "The largest relative error is {worst:.1e}: a wrong sign gives 1, a missing factor "
            "of 2 gives 0.33."
        ).format(worst=worst)
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.gradients",
    headline="max_relative_error",
    title=N_("Gradient check"),
    measures=N_("largest relative error of backpropagation to finite differences"),
    source=N_("practical 1, equations 3 and 4, and exercise 2"),
    settings=Settings,
    run=run,
    minutes=0.005,
    memory_mb=300,
    expected_ranges={
        "max_relative_error": ExpectedRange(
            0, 1e-07, reason=N_("fourth-order differences in float64 have a smaller error")
        ),
    },
)
