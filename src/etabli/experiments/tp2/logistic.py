"""tp2.logistic: softmax regression in Keras.

    etabli run tp2.logistic --data full --seeds 5

784 pixels, 10 classes, 7,850 parameters; batches of 100, rate 0.1, 20 epochs, as in the lab report, which gives
92.43 %. A few seconds a seed.
"""

from pydantic import Field

from etabli.core.i18n import N_
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, PublishedScore
from etabli.experiments.tp2 import _shared
from etabli.experiments.tp2._shared import Recipe
from etabli.models.vision import digit_classifiers
from etabli.training import keras_io
from etabli.training.backend import backend_name

BY_HAND = (
    0.9159  # the lab report's own softmax regression without a library, practical 1, exercise 1
)


class Settings(Recipe):
    rate: float = Field(
        0.1, gt=0, le=100, description=N_("step of the gradient; larger: faster, until it diverges")
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    model = _shared.trained(
        context, "logistic", build, settings, digits, label=N_("softmax regression in Keras")
    )
    probabilities = _shared.score_test(context, model, digits, settings)
    context.claim("about_the_same_as_by_hand", *verdict(context))
    if context.is_first_seed:
        keras_io.save(model, context.path("model.keras"))
        _shared.show_layers(context, model, title=N_("The net, layer by layer"))
        _shared.show_curves(context, title=N_("Softmax regression, epoch by epoch"))
        _shared.show_mistakes(context, probabilities, digits)


def build(seed: int):
    return digit_classifiers.softmax_regression(seed, classes=mnist.CLASSES)


def verdict(context: RunContext) -> tuple[str, str]:
    accuracy = context.scores["test_accuracy"].value
    if context.is_sample:
        return "undecided", f"{accuracy:.4f}"
    near = abs(accuracy - BY_HAND) < 0.015
    return "confirmed" if near else "refuted", f"{accuracy:.4f} ({backend_name()}) / {BY_HAND:.4f}"


EXPERIMENT = ExperimentSpec(
    name="tp2.logistic",
    title=N_("Softmax regression in Keras"),
    measures=N_("test accuracy of a linear classifier"),
    source=N_("practical 2, exercise 1"),
    seeds=5,
    settings=Settings,
    run=run,
    on_sample={"epochs": 10},
    data=("mnist",),
    minutes=0.3,
    memory_mb=1200,
    is_data_parallel=True,
    published=(
        PublishedScore(
            "test_accuracy",
            0.9243,
            what=N_("share of the test images"),
            where=N_("practical 2, exercise 1"),
        ),
    ),
    claims=(
        Claim(
            "about_the_same_as_by_hand",
            N_(
                "In Keras the linear classifier comes out about as it did by hand, for it is the same single layer."
            ),
            where=N_("practical 2, exercise 1"),
        ),
    ),
    expected_ranges={"test_accuracy": (0.922, 0.928)},
)
