"""tp2.logistic: softmax regression in Keras.

    etabli run tp2.logistic --data full --seeds 5

784 pixels, 10 classes, 7,850 parameters; batch size 100, learning rate 0.1, 20 epochs, as in the
lab report, which gives 92.43 %. A few seconds a seed.
"""

import math

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.experiments.tp2 import _shared
from etabli.models.vision import digit_classifiers
from etabli.training.backend import backend_name

NUMPY = 0.9159  # the softmax regression of the lab report in NumPy, practical 1, exercise 1


def run(context: RunContext, settings: _shared.TrainConfig) -> None:
    digits = mnist.load(context.source)
    label = N_("softmax regression in Keras")

    def build(seed: int) -> "_shared.KerasModel":
        pixels, classes = math.prod(digits.image_shape), len(digits.classes)
        return digit_classifiers.build_softmax_regression(seed, inputs=pixels, classes=classes)

    model = _shared.load_or_train(context, "logistic", build, settings, digits, label=label)
    probabilities = _shared.score_test(context, model, digits, settings)
    accuracy = context.scores["test_accuracy"].value
    context.claim(
        "about_the_same_as_by_hand",
        _("test accuracy {accuracy:.2%} ({backend}), {published:.2%} in NumPy").format(
            accuracy=accuracy, backend=backend_name(), published=NUMPY
        ),
        test_accuracy=accuracy,
    )
    if context.is_first_seed:
        _shared.show_net(
            context,
            model,
            probabilities,
            digits,
            layers=N_("The layers of the net"),
            curves=N_("Training of softmax regression"),
        )


EXPERIMENT = ExperimentSpec(
    name="tp2.logistic",
    headline="test_accuracy",
    title=N_("Softmax regression in Keras"),
    measures=N_("test accuracy of a linear classifier"),
    source=N_("practical 2, exercise 1"),
    seeds=5,
    settings=_shared.TrainConfig,
    run=run,
    on_sample={"epochs": 10},
    data=("mnist",),
    minutes=0.11,
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
                "In Keras the linear classifier performs about as in NumPy: it is the same single "
                "layer."
            ),
            where=N_("practical 2, exercise 1"),
            data=("mnist",),
            confirmed_if=(Condition("test_accuracy", "=", NUMPY, 0.015),),
        ),
    ),
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.9196,
            0.9268,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.922 to 0.928 until 2026-11-27",),
        ),
    },
)
