"""tp2.cnn-modern: the same data with current methods.

    etabli run tp2.cnn-modern --data full --seeds 5

A small net of four convolutions, 300,922 parameters: batch normalization, dropout, random rotation,
scaling, shifts and elastic deformation of the images, warmup and cosine decay of the learning rate,
averaged weights, label smoothing; the predictions of a test image are averaged over shifts of a
pixel. About 99.7 % with a single model.
"""

from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _shared
from etabli.models.vision import digit_classifiers


class Settings(_shared.ModernConfig):
    epochs: _shared.Epochs = 15
    learning_rate: _shared.LearningRate = 3e-3
    optimizer: _shared.Optimizer = "adam"
    schedule: _shared.Schedule = "cosine"
    warmup: _shared.Warmup = 0.1
    ema_decay: _shared.EmaDecay = 0.995
    label_smoothing: _shared.LabelSmoothing = 0.05
    augmentation: _shared.Augmentation = "warp"
    warp_strength: _shared.WarpStrength = 0.7
    test_shifts: _shared.TestShifts = 1
    width: int = Field(
        48,
        ge=1,
        le=256,
        description=N_("filters of the first convolution; later ones have 2 to 4 times as many"),
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    digits.require_size(22, _("modern net"))

    def build(seed: int) -> "_shared.KerasModel":
        return digit_classifiers.build_modern_cnn(
            seed,
            shape=(*digits.image_shape, 1),
            width=settings.width,
            dropout=settings.dropout,
            classes=len(digits.classes),
        )

    model = _shared.load_or_train(
        context, "cnn-modern", build, settings, digits, label=N_("modern net"), evaluate=False
    )
    probabilities = _shared.score_test(context, model, digits, settings)
    if context.is_first_seed:
        _shared.show_net(
            context,
            model,
            probabilities,
            digits,
            layers=N_("The layers of the modern net"),
            curves=N_("Training of the modern net"),
            caption=N_("With augmentation and dropout, which make the training images harder."),
        )


EXPERIMENT = ExperimentSpec(
    name="tp2.cnn-modern",
    headline="test_accuracy",
    title=N_("A modern small convolutional net"),
    measures=N_("test accuracy with current methods"),
    source=N_("beyond the lab report"),
    seeds=5,
    settings=Settings,
    run=run,
    on_sample={"epochs": 5, "width": 8, "batch_size": 50, "ema_decay": 0.9},
    data=("mnist",),
    minutes=12.0,
    memory_mb=1800,
    is_data_parallel=True,
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.9965,
            0.9979,
            seeds=5,
            date="2026-11-27",
            commit="c1cb55a",
            history=("0.9955 to 0.9978 until 2026-11-27",),
        ),
    },
)
