"""tp1.logistic: softmax regression in NumPy.

    etabli run tp1.logistic --data full --seeds 5
    etabli run tp1.logistic --data full --set search=true      search the best configuration
    etabli run tp1.logistic --data full --set train_size=6000 --set test_size=1000

One layer, ŷ = softmax(x W + b), 7,850 parameters, trained by gradient descent on the cross-entropy.
The lab report gives 91.59 % and no training configuration; this uses that of the Keras version
(20 epochs, batch size 100, learning rate 0.1). About 92.4 % on MNIST, 92.6 % in the best
configuration. Some ten seconds.
"""

from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.experiments.tp1 import _shared
from etabli.experiments.tp1._shared import TrainConfig
from etabli.models.estimators.softmax_regression import SoftmaxRegression

PUBLISHED = 0.9159
BEST = TrainConfig(learning_rate=0.3, epochs=40, averaging=0.5)
# The search compares larger steps with decay or averaging, with and without a penalty.
TRIED = (
    TrainConfig(),
    TrainConfig(epochs=40),
    TrainConfig(learning_rate=0.3, epochs=40, schedule="linear"),
    BEST,
    TrainConfig(learning_rate=0.3, epochs=40, averaging=0.5, center=True),
    TrainConfig(learning_rate=0.3, epochs=40, schedule="linear", center=True),
    TrainConfig(learning_rate=0.3, epochs=60, schedule="linear", center=True, l2=1e-5),
    TrainConfig(learning_rate=0.3, epochs=60, schedule="linear", center=True, l2=1e-4),
    TrainConfig(learning_rate=0.5, epochs=40, schedule="cosine", center=True),
    TrainConfig(learning_rate=0.02, momentum=0.9, epochs=40, schedule="linear", center=True),
)


class Settings(_shared.NetSettings):
    initialization: str = Field(
        "zeros",
        pattern="^(zeros|normal|xavier)$",
        description=N_("initialization: zeros, normal (Gaussian) or xavier (Glorot)"),
    )
    best: TrainConfig = Field(BEST, description=N_("training configuration of test_accuracy_best"))


def run(context: RunContext, settings: Settings) -> None:
    digits = _shared.limit_sizes(context, mnist.load(context.source), settings)

    def build(config: TrainConfig, seed: int) -> SoftmaxRegression:
        return SoftmaxRegression(
            **config.to_arguments(),
            initialization=settings.initialization,
            dtype=settings.dtype,
            random_state=seed,
        )

    model = build(settings, context.seed)
    _shared.train_model(context, model, digits, label=N_("softmax regression"), curve="train")
    accuracy = _shared.score_test(context, model, digits, settings.to_recipe())
    config, better = _shared.train_best(context, settings, TRIED, build, digits)
    model.save(context.path("softmax_regression.safetensors"))

    parameters = sum(array.size for array in model.parameters_)
    context.claim(
        "parameters",
        _("The trained model has {n} parameters.").format(n=parameters),
        parameters=parameters,
    )
    reached = next(
        (row["epoch"] for row in context.history("train") if row["test_accuracy"] >= PUBLISHED),
        None,
    )
    context.claim(
        "accuracy_by_hand",
        _(
            "{accuracy:.2%} in the training configuration of the Keras version, {better:.2%} in "
            "the best one; 91.59 % is {reached}."
        ).format(
            accuracy=accuracy,
            better=better,
            reached=_("reached after epoch {epoch}").format(epoch=reached)
            if reached
            else _("not reached"),
        ),
        test_accuracy=accuracy,
    )
    if context.is_first_seed:
        _shared.note_configs(context, settings, config, TRIED)
        _shared.plot_training(context, "train", title=N_("Training of softmax regression"))
        _shared.show_weights(
            context,
            model.parameters_[0],
            digits,
            key="weights",
            title=N_("Weights of each class"),
            caption=N_(
                "The weight of each pixel for each class: red is evidence for the class, blue "
                "against it."
            ),
            columns=5,
            names=[digits.classes[each] for each in model.classes_],
        )
        _shared.show_mistakes(context, model, digits)
        if len(digits.train_labels) > 6_000:
            compare_sizes(context, model, digits)


def compare_sizes(context: RunContext, model: SoftmaxRegression, digits: mnist.Digits) -> None:
    """Compare all images with the smaller subset that the lab report mentions."""
    subset = digits.head(6_000, 1_000)
    smaller = SoftmaxRegression(**model.get_params())
    _shared.train_model(context, smaller, subset, label=N_("6,000 images"))
    rows = []
    for name, data, each in ((_("all"), digits, model), (_("subset"), subset, smaller)):
        found = _shared.evaluate_test(each, data)
        sizes = [len(data.train_labels), len(data.test_labels)]
        rows.append([name, *sizes, found["test_accuracy"], found["test_loss"]])
    context.table(
        "sizes",
        title=N_("All images, and the 6,000 / 1,000 that the lab report mentions once"),
        columns=[N_("images"), N_("training"), N_("test"), N_("test accuracy"), N_("test loss")],
        rows=rows,
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.logistic",
    title=N_("Softmax regression in NumPy"),
    measures=N_("test accuracy of a linear classifier, written in NumPy"),
    source=N_("practical 1, exercise 1"),
    settings=Settings,
    run=run,
    headline="test_accuracy",
    on_sample={"best": TrainConfig(learning_rate=0.3, epochs=20, averaging=0.5)},
    data=("mnist",),
    minutes=0.16,
    seeds=5,
    memory_mb=900,
    published=(
        PublishedScore(
            "test_accuracy",
            PUBLISHED,
            what=N_("accuracy of softmax regression in NumPy"),
            where=N_("practical 1, exercise 1"),
            note=N_(
                "no training configuration given; measured in that of the Keras version: "
                "20 epochs, batch size 100, learning rate 0.1"
            ),
        ),
    ),
    claims=(
        Claim(
            "parameters",
            N_("The model has 784 × 10 + 10 = 7,850 parameters."),
            where=N_("practical 1, exercise 1"),
            data=("mnist",),
            confirmed_if=(Condition("parameters", "=", 7_850),),
        ),
        Claim(
            "accuracy_by_hand",
            N_("Written without a library, it reaches 91.59 %."),
            where=N_("practical 1, exercise 1"),
            data=("mnist",),
            confirmed_if=(Condition("test_accuracy", ">=", PUBLISHED),),
        ),
    ),
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.9212,
            0.9247,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.92 to 0.928 until 2026-11-27",),
        ),
        "test_accuracy_best": ExpectedRange(
            0.9254,
            0.927,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.924 to 0.93 until 2026-11-27",),
        ),
        "test_loss": ExpectedRange(
            0.2654,
            0.2771,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.262 to 0.285 until 2026-11-27",),
        ),
    },
)
