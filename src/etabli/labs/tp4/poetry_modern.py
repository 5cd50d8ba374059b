"""What a small net can do with this book alone: a weight-dropped LSTM with carried state, and its
mixture with counting.
"""

import numpy as np

from etabli.data import verse
from etabli.data.text import Text
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import Experiment
from etabli.labs.tp4 import baselines, nets
from etabli.metrics import text as measures
from etabli.models import char_modern, keras_file
from etabli.models.mixture import combine, fit_weights
from etabli.models.ngram import kneser_ney
from etabli.viz.characters import mark_epoch
from etabli.viz.curves import learning_curves

Settings = nets.ModernSettings


def story(bench: Bench, settings: Settings) -> None:
    text = verse.load(bench.source).require(settings.streams * settings.steps)
    codes, boundary = text.codes, text.boundary()

    # Everything is chosen and frozen here: epochs and mixture weights on the validation part, then the
    # weights.
    curve, validation = nets.modern_choice(bench, text, settings)
    epochs = settings.epochs or int(curve[:, 2].argmin()) + 1
    shares = mixture_weights(text, settings, validation)
    weights = nets.modern_weights(bench, text, settings, epochs)
    counted = kneser_ney(codes[:boundary], len(text.vocabulary), settings.context)

    recipe = {"units": settings.units, "epochs": epochs, "state": "carried"}
    mixed = {**recipe, "mixed with": counted.name, "weights": " ".join(f"{share:.3f}" for share in shares)}
    for part, first, last in (("train", 1, boundary), ("test", boundary, len(codes))):
        net = char_modern.log_probabilities(weights, codes, first, last)
        both = combine([net, counted.log_probabilities(codes, first, last)], shares)
        targets = codes[first:last]
        bench.score(f"{part}_accuracy", measures.accuracy(net, targets).with_recipe(**recipe))
        bench.score(f"{part}_accuracy_ngram", measures.accuracy(both, targets).with_recipe(**mixed))
        if part == "test":
            bench.score("test_nats", measures.nats(net, targets).with_recipe(**recipe))
            bench.score("test_nats_ngram", measures.nats(both, targets).with_recipe(**mixed))

    model = char_modern.build(len(text.vocabulary), settings.units, settings.embedding, bench.seed)
    model.set_weights(weights)
    keras_file.save(model, bench.path("model.keras"))
    if bench.first:
        show(bench, text, epochs)


def mixture_weights(text: Text, settings: Settings, validation: np.ndarray) -> np.ndarray:
    """The weights of net and n-gram on the validation part, both without having seen it."""
    start, end = nets.validation_start(text), text.boundary()
    model = kneser_ney(text.codes[:start], len(text.vocabulary), settings.context)
    counted = model.log_probabilities(text.codes, start, end)
    return fit_weights([validation, counted], text.codes[start:end])


def show(bench: Bench, text: Text, epochs: int) -> None:
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
        learning_curves(bench.history("train"), {"loss": _("training")}, y_label=_("nats"), ax=axes[0])
        learning_curves(bench.history("validation"), {"nats": _("validation")}, y_label=_("nats"), ax=axes[1])
        mark_epoch(axes[1], epochs)
    scores = {name: score.value for name, score in bench.scores.items()}
    bench.table(
        "models",
        title=N_("Everything that was scored on these test characters"),
        columns=[N_("model"), N_("accuracy"), N_("nats")],
        rows=[
            *baselines.rows(text, baselines.measure(text)),
            [_("this LSTM"), scores["test_accuracy"], scores["test_nats"]],
            [_("mixed with the n-gram"), scores["test_accuracy_ngram"], scores["test_nats_ngram"]],
        ],
    )


EXPERIMENT = Experiment(
    name="tp4.poetry-modern",
    title=N_("Poetry with a weight-dropped LSTM"),
    measures=N_("nats per character on text that it never read"),
    source=N_("practical 4, exercise 1 b, taken further"),
    settings=Settings,
    story=story,
    on_sample={"units": 48, "embedding": 16, "most_epochs": 6, "streams": 8, "average": 0.98, "learning_rate": 0.01},
    data=("fleurs_du_mal",),
    minutes=15,
    memory_mb=1500,
    seeds=3,
    expects={"test_accuracy": (0.52, 0.58), "test_nats": (1.40, 1.53), "test_nats_ngram": (1.36, 1.48)},
)
