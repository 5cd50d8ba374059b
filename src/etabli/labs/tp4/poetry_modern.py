"""What a small net can do with this book alone: a weight-dropped LSTM with carried state, which learns from an
n-gram and from a net on top of it; and the mixture of all three.
"""

from etabli.data import verse
from etabli.data.text import Text
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import Experiment
from etabli.labs.tp4 import baselines, modern_nets, nets
from etabli.metrics import text as measures
from etabli.models import char_modern, keras_file
from etabli.models.mixture import combine
from etabli.models.ngram import kneser_ney
from etabli.viz.curves import learning_curves

Settings = modern_nets.ModernSettings


def story(bench: Bench, settings: Settings) -> None:
    text = verse.load(bench.source).require(max(settings.streams, settings.residual_streams) * settings.steps)
    vocabulary = len(text.vocabulary)

    # Everything is chosen and frozen here: epochs and mixture weights on the validation part, then the
    # weights.
    choice = modern_nets.choose(bench, text, settings)
    residual = modern_nets.residual_weights(bench, text, settings, choice.residual_epochs)
    plain = modern_nets.plain_weights(bench, text, settings, choice.epochs, residual)
    measure(bench, text, settings, choice, plain, residual)

    models = []
    for weights, is_residual in ((plain, False), (residual, True)):
        model = char_modern.build(vocabulary, settings.units, settings.embedding, bench.seed, is_residual)
        model.set_weights(weights)
        models.append(model)
    nets.keep_poet(bench, text, "modern", models[0])
    keras_file.save(models[1], bench.path("residual.keras"))
    nets.log_validation(bench, choice.curve)
    nets.log_validation(bench, choice.residual_curve, "validation_residual")
    if bench.first:
        show(bench, text)


def measure(bench: Bench, text: Text, settings: Settings, choice: modern_nets.Choice, plain, residual) -> None:
    """Accuracy and nats of the plain net, which reads only characters; of the residual net, which has the n-gram
    in itself; and of the mixture of both and the n-gram.
    """
    codes, boundary = text.codes, text.boundary()
    counts = kneser_ney(codes[:boundary], len(text.vocabulary), settings.context)
    common = {"units": settings.units, "state": "carried"}
    shares = " ".join(f"{share:.3f}" for share in choice.shares)
    recipes = {
        "": {**common, "epochs": choice.epochs},
        "_residual": {**common, "epochs": choice.residual_epochs, "on top of": counts.name},
        "_ngram": {**common, "mixture of": f"net, residual net, {counts.name}", "weights": shares},
    }
    for part, first, last in (("train", 1, boundary), ("test", boundary, len(codes))):
        counted = counts.log_probabilities(codes, first, last)
        net = char_modern.log_probabilities(plain, codes, first, last)
        on_top = char_modern.log_probabilities(residual, codes, first, last, counted=counted)
        mixture = combine([net, on_top, counted], choice.shares)
        for (name, recipe), log_p in zip(recipes.items(), (net, on_top, mixture), strict=True):
            accuracy = measures.accuracy(log_p, codes[first:last])
            bench.score(f"{part}_accuracy{name}", accuracy.with_recipe(**recipe))
            if part == "test":
                bench.score(f"test_nats{name}", measures.nats(log_p, codes[first:last]).with_recipe(**recipe))


def show(bench: Bench, text: Text) -> None:
    """The curves, and the table with everything else."""
    with bench.figure(
        "curves",
        title=N_("Training"),
        caption=N_(
            "Left: the loss while learning, under all that is dropped. Right: the averaged weights, held-out text."
        ),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        legend = {"plain": _("plain net"), "residual": _("residual net")}
        for ax, number, curves in (
            (axes[0], "loss", {"plain": "train", "residual": "residual"}),
            (axes[1], "nats", {"plain": "validation", "residual": "validation_residual"}),
        ):
            rows = [
                {"epoch": row["epoch"], net: row[number]}
                for net, curve in curves.items()
                for row in bench.history(curve)
            ]
            learning_curves(rows, legend, y_label=_("nats"), ax=ax)
    values = {name: score.value for name, score in bench.scores.items()}
    rows = {"": _("this LSTM"), "_residual": _("LSTM on top of the n-gram"), "_ngram": _("both, and the n-gram")}
    bench.table(
        "models",
        title=N_("Everything that was scored on these test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=[
            *baselines.rows(text, baselines.measure(text)),
            *[[told, values[f"test_accuracy{key}"], values[f"test_nats{key}"]] for key, told in rows.items()],
        ],
    )


EXPERIMENT = Experiment(
    name="tp4.poetry-modern",
    title=N_("Poetry with two weight-dropped LSTMs"),
    measures=N_("nats per character on text that it never read"),
    source=N_("practical 4, exercise 1 b, taken further"),
    settings=Settings,
    story=story,
    on_sample={
        "units": 48,
        "embedding": 16,
        "streams": 8,
        "residual_streams": 8,
        "most_epochs": 4,
        "most_residual_epochs": 4,
        "average": 0.98,
        "learning_rate": 0.01,
    },
    data=("fleurs_du_mal",),
    minutes=5,
    memory_mb=3000,
    seeds=3,
    expects={"test_accuracy": (0.54, 0.57), "test_nats": (1.41, 1.47), "test_nats_ngram": (1.37, 1.42)},
)
