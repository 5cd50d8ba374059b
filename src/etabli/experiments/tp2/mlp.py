"""tp2.mlp: the perceptron with one hidden layer in Keras.

    etabli run tp2.mlp --data full --seeds 5

784-100 sigmoid-10 softmax, 79,510 parameters; batches of 100, rate 1, 20 epochs, as in the lab report, which gives
a loss of 0.0831 and 97.88 %. A few seconds a seed.
"""

from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, PublishedScore
from etabli.experiments.tp2 import _shared
from etabli.experiments.tp2._shared import Recipe
from etabli.models.vision import digit_classifiers
from etabli.training import keras_io

LINEAR = 0.9243  # the lab report's softmax regression in Keras, practical 2, exercise 1


class Settings(Recipe):
    rate: float = Field(
        1.0, gt=0, le=100, description=N_("step of the gradient; larger: faster, until it diverges")
    )
    hidden_units: int = Field(100, ge=1, le=4096, description=N_("units of the hidden layer"))
    activation: str = Field(
        "sigmoid", pattern="^(sigmoid|tanh|relu)$", description=N_("their non-linearity")
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    model = net(context, settings, digits)
    probabilities = _shared.score_test(context, model, digits, settings)
    accuracy = context.scores["test_accuracy"].value
    context.claim(
        "a_hidden_layer_helps",
        "undecided" if context.is_sample else "confirmed" if accuracy > LINEAR else "refuted",
        _("{accuracy:.4f} with a hidden layer").format(accuracy=accuracy),
    )
    if context.is_first_seed:
        keras_io.save(model, context.path("model.keras"))
        _shared.show_layers(
            context, model, title=N_("The perceptron, layer by layer (report figure 4)")
        )
        _shared.show_curves(context, number="5", title=N_("The perceptron, epoch by epoch"))
        _shared.show_mistakes(context, probabilities, digits)


def net(context: RunContext, settings: Settings, digits: mnist.Digits):
    """The trained perceptron of the context's seed; ``tp2.hidden`` looks into the same one."""

    def build(seed: int):
        return digit_classifiers.perceptron(
            seed,
            hidden=settings.hidden_units,
            activation=settings.activation,
            classes=mnist.CLASSES,
        )

    return _shared.trained(context, "mlp", build, settings, digits, label=N_("perceptron in Keras"))


EXPERIMENT = ExperimentSpec(
    name="tp2.mlp",
    title=N_("The perceptron in Keras"),
    measures=N_("test accuracy with one hidden layer"),
    source=N_("practical 2, exercise 2"),
    seeds=5,
    settings=Settings,
    run=run,
    on_sample={"epochs": 10},
    data=("mnist",),
    minutes=0.4,
    memory_mb=1300,
    is_data_parallel=True,
    published=(
        PublishedScore(
            "test_accuracy",
            0.9788,
            what=N_("share of the test images"),
            where=N_("practical 2, figure 5"),
        ),
        PublishedScore(
            "test_loss",
            0.0831,
            what=N_("cross-entropy"),
            where=N_("practical 2, figure 5"),
            note=N_("The report prints it as a percentage, 8.31 %."),
        ),
    ),
    claims=(
        Claim(
            "a_hidden_layer_helps",
            N_("A hidden layer makes the classifier better."),
            where=N_("practical 2, exercise 2"),
        ),
    ),
    expected_ranges={"test_accuracy": (0.977, 0.981), "test_loss": (0.06, 0.09)},
)
