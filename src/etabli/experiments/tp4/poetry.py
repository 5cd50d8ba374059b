"""Poetry, character by character: the course's recurrent net, and what simple counting does on the same
targets.
"""

from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.experiments.tp4 import _shared, published
from etabli.metrics import text as measures
from etabli.models.text import simple_rnn
from etabli.viz.characters import mark_epoch
from etabli.viz.curves import learning_curves

Settings = _shared.CourseSettings


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(settings.length)
    codes, boundary, vocabulary = text.codes, text.boundary(), len(text.vocabulary)
    weights, epochs = _shared.course_weights(context, text, settings)

    recipe = {"length": settings.length, "units": settings.units, "epochs": epochs}
    for part, first, last in (("train", 0, boundary), ("test", boundary, len(codes))):
        inputs, targets = texts.windows(codes, settings.length, first, last)
        log_p = simple_rnn.log_probabilities(weights, inputs)
        context.score(f"{part}_accuracy", measures.accuracy(log_p, targets).with_recipe(**recipe))
        if part == "test":
            context.score("test_nats", measures.nats(log_p, targets).with_recipe(**recipe))

    counted = _shared.measure(text)
    for name, score in _shared.scores(counted[-1]).items():
        context.score(name, score)

    model = simple_rnn.build(settings.length, vocabulary, settings.units, context.seed)
    model.set_weights(weights)
    _shared.keep_poet(context, text, "course", model, settings.length)

    if context.is_first_seed:
        show(context, text, counted, model, epochs)


def show(context: RunContext, text, counted, model, epochs: int) -> None:
    """Report figures 16 and 17, and the table with the counting models."""
    context.note(
        _(
            "{lines} lines, {n} characters, {v} distinct; {train} windows to train, {test} to test."
        ).format(
            lines=text.lines,
            n=len(text.characters),
            v=len(text.vocabulary),
            train=text.boundary() - texts.COURSE_LENGTH,
            test=len(text.codes) - text.boundary(),
        )
    )
    rows = [
        [layer.name, str(tuple(layer.output.shape)), layer.count_params()] for layer in model.layers
    ]
    columns = [N_("layer"), N_("output"), N_("parameters")]
    if not context.is_sample:
        columns.append(N_("published"))
        rows = [[*row, known[2]] for row, known in zip(rows, published.ARCHITECTURE, strict=True)]
    context.table(
        "architecture",
        title=N_("The net, layer by layer (report figure 16)"),
        columns=columns,
        rows=rows,
    )
    with context.figure(
        "curves",
        number="17",
        title=N_("Training"),
        caption=N_("Left: the loss. Right: the validation part, which chose the number of epochs."),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        learning_curves(
            context.history("train"), {"loss": _("training")}, y_label=_("nats"), ax=axes[0]
        )
        curve = {"accuracy": _("validation")}
        learning_curves(context.history("validation"), curve, y_label=_("accuracy"), ax=axes[1])
        mark_epoch(axes[1], epochs)
    rows = _shared.rows(text, counted)
    rows.append(
        [_("this net"), context.scores["test_accuracy"].value, context.scores["test_nats"].value]
    )
    if not context.is_sample:
        rows.append([_("the lab report's net"), published.TEST_ACCURACY, ""])
    context.table(
        "models",
        title=N_("Everything that was scored on these test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=rows,
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.poetry",
    title=N_("Poetry with the course's recurrent net"),
    measures=N_("share of next characters that are predicted"),
    source=N_("practical 4, exercise 1 a and b"),
    settings=Settings,
    run=run,
    on_sample={"most_epochs": 12, "units": 64},
    data=("fleurs_du_mal",),
    minutes=1.5,
    memory_mb=900,
    seeds=5,
    published=(
        PublishedScore(
            "train_accuracy",
            published.TRAIN_ACCURACY,
            N_("accuracy, training"),
            N_("practical 4, figure 17"),
        ),
        PublishedScore(
            "test_accuracy",
            published.TEST_ACCURACY,
            N_("accuracy, test"),
            N_("practical 4, figure 17"),
        ),
    ),
    expected_ranges={
        "test_accuracy": (0.455, 0.480),
        "test_accuracy_ngram": (0.524, 0.528),
        "test_nats_ngram": (1.536, 1.556),
    },
)
