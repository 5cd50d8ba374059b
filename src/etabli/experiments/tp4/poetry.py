"""Poetry by characters: the SimpleRNN of the report and n-gram models on the same targets."""

from typing import TYPE_CHECKING

from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import _shared, published
from etabli.metrics import text as measures
from etabli.models.text import simple_rnn
from etabli.viz.characters import mark_epoch
from etabli.viz.curves import plot_learning_curves

if TYPE_CHECKING:
    import keras

Settings = _shared.SimpleRnnSettings


def run(context: RunContext, settings: Settings) -> None:
    length = settings.sequence_length
    text = verse.load(context.source).require(length)
    codes, boundary = text.codes, text.boundary()
    weights, epochs = _shared.train_simple_rnn(context, text, settings)

    recipe = {"sequence_length": length, "units": settings.units, "epochs": epochs}
    for part, first, last in (("train", 0, boundary), ("test", boundary, len(codes))):
        inputs, targets = texts.make_windows(codes, length, first, last)
        log_p = simple_rnn.log_probabilities(weights, inputs)
        context.score(
            f"{part}_accuracy",
            measures.next_character_accuracy(log_p, targets).with_recipe(**recipe),
        )
    context.score(
        "test_nats", measures.negative_log_likelihood(log_p, targets).with_recipe(**recipe)
    )

    ngrams = _shared.score_ngrams(text)
    for name, score in list(ngrams.values())[-1].items():
        context.score(f"{name}_ngram", score)

    model = simple_rnn.build(length, len(text.vocabulary), settings.units, context.seed)
    model.set_weights(weights)
    _shared.save_model(context, text, "simple-rnn", model, length)
    if context.is_first_seed:
        show(context, text, ngrams, model, epochs)


def show(
    context: RunContext, text: Text, ngrams: _shared.NgramScores, model: "keras.Model", epochs: int
) -> None:
    """Show figures 16 and 17 of the report, and the table with the n-gram models."""
    context.note(
        _(
            "{lines} lines, {n} characters, {v} distinct; {train} training windows, {test} "
            "test windows."
        ).format(
            lines=text.lines,
            n=len(text.characters),
            v=len(text.vocabulary),
            train=text.boundary() - texts.COURSE_LENGTH,
            test=len(text.codes) - text.boundary(),
        )
    )
    columns = [N_("layer"), N_("output"), N_("parameters")]
    layers: list[list[object]] = [
        [layer.name, str(tuple(layer.output.shape)), layer.count_params()] for layer in model.layers
    ]
    if not context.is_sample:
        columns.append(N_("published"))
        for row, (_name, _shape, parameters) in zip(layers, published.ARCHITECTURE, strict=True):
            row.append(parameters)
    context.table(
        "architecture",
        number="16",
        title=N_("The network, layer by layer"),
        columns=columns,
        rows=layers,
    )
    with context.figure(
        "curves",
        number="17",
        title=N_("Training"),
        caption=N_("Left: training loss. Right: accuracy on the validation set."),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        loss, accuracy = {"loss": _("training")}, {"accuracy": _("validation")}
        plot_learning_curves(context.history("train"), loss, y_label=_("nats"), ax=axes[0])
        plot_learning_curves(
            context.history("validation"),
            accuracy,
            y_label=_("accuracy"),
            shares=True,
            ax=axes[1],
        )
        mark_epoch(axes[1], epochs)
    ours = [context.scores[name].value for name in ("test_accuracy", "test_nats")]
    models = [*_shared.baseline_rows(text, ngrams), [_("this network"), *ours]]
    if not context.is_sample:
        models.append([_("the network of the lab report"), published.TEST_ACCURACY.value, ""])
    context.table(
        "models",
        title=N_("Every model on the same test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=models,
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry",
    headline="test_accuracy",
    title=N_("Poetry with the SimpleRNN of the report"),
    measures=N_("next-character accuracy"),
    source=N_("practical 4, exercise 1 a and b"),
    settings=Settings,
    run=run,
    on_sample={"max_epochs": 12, "units": 64},
    data=("fleurs_du_mal",),
    minutes=2,
    memory_mb=900,
    seeds=5,
    published=(published.TRAIN_ACCURACY, published.TEST_ACCURACY),
    expected_ranges={
        "test_accuracy": ExpectedRange(
            0.4476,
            0.4863,
            seeds=5,
            date="2026-11-25",
            commit="b6b2818",
            history=("0.455 to 0.48 until 2026-11-27",),
        ),
        "test_accuracy_ngram": ExpectedRange(
            0.524, 0.528, reason=N_("a counted model, without a seed")
        ),
        "test_nats_ngram": ExpectedRange(
            1.536, 1.556, reason=N_("a counted model, without a seed")
        ),
    },
)
