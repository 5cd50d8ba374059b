"""tp2.cnn-modern: how far the same data go with what has been learnt since.

    etabli run tp2.cnn-modern --data full --seeds 3

One small net of four convolutions, 136,106 parameters: batch normalisation, dropout, images that are turned, scaled,
moved and bent, a rate that rises and falls, averaged weights, smoothed labels. About 99.6 % by one
model alone. Twelve minutes a seed and more where the cores are shared.
"""

from pydantic import Field

from etabli.core.i18n import N_
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _shared
from etabli.experiments.tp2._shared import Recipe
from etabli.models.vision import digit_classifiers
from etabli.training import keras_io


class Settings(Recipe):
    epochs: int = Field(12, ge=1, le=1000, description=N_("passes over the training images"))
    rate: float = Field(3e-3, gt=0, le=100, description=N_("highest step of the gradient"))
    optimizer: str = Field("adam", pattern="^(sgd|adam)$", description=N_("rule of the updates"))
    schedule: str = Field(
        "cosine",
        pattern="^(constant|cosine)$",
        description=N_("whether the rate falls to zero on a cosine"),
    )
    warmup: float = Field(
        0.1, ge=0, lt=1, description=N_("share of the updates in which the rate first rises")
    )
    averaging: float = Field(
        0.995, ge=0, lt=1, description=N_("factor of the moving average of the weights; 0: none")
    )
    smoothing: float = Field(
        0.05, ge=0, lt=1, description=N_("share of each label spread over all classes")
    )
    augmentation: str = Field(
        "warp",
        pattern="^(none|shift|warp)$",
        description=N_("random changes of the images: a pixel's shift, a warp"),
    )
    width: int = Field(
        32,
        ge=1,
        le=256,
        description=N_("filters of the first convolution; later ones have 2 to 4 times"),
    )
    dropout: float = Field(
        0.3, ge=0, lt=1, description=N_("share of the last activations left out while learning")
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)

    def build(seed: int):
        return digit_classifiers.modern(
            seed, width=settings.width, dropout=settings.dropout, classes=mnist.CLASSES
        )

    model = _shared.trained(
        context, "cnn-modern", build, settings, digits, label=N_("modern net"), watch=False
    )
    probabilities = _shared.score_test(context, model, digits, settings)
    if context.is_first_seed:
        keras_io.save(model, context.path("model.keras"))
        _shared.show_layers(context, model, title=N_("The modern net, layer by layer"))
        _shared.show_curves(
            context,
            title=N_("The modern net, epoch by epoch"),
            caption=N_(
                "On deformed images and with dropout, so that the training images look harder than the test."
            ),
        )
        _shared.show_mistakes(context, probabilities, digits)


EXPERIMENT = ExperimentSpec(
    name="tp2.cnn-modern",
    title=N_("A modern small convolutional net"),
    measures=N_("test accuracy with what has been learnt since"),
    source=N_("beyond the lab report"),
    seeds=3,
    settings=Settings,
    run=run,
    on_sample={"epochs": 5, "width": 8, "batch_size": 50, "averaging": 0.9},
    data=("mnist",),
    minutes=12.0,
    memory_mb=1800,
    is_data_parallel=True,
    expected_ranges={"test_accuracy": (0.9955, 0.9978)},
)
