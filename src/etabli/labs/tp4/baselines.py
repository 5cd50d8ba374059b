"""The honest baselines of practical 4: interpolated n-grams, scored on the test targets of every net."""

from dataclasses import dataclass

import numpy as np

from etabli.data.text import COURSE_LENGTH, Text
from etabli.i18n import _
from etabli.metrics import text as measures
from etabli.metrics.score import Score
from etabli.models.ngram import NGram, kneser_ney, witten_bell

BEST = 6
"""Characters of context of the n-gram that stands beside every net: modified Kneser-Ney."""


@dataclass(frozen=True)
class Counted:
    """An n-gram of the training part, and its scores on training and test targets."""

    model: NGram
    train_accuracy: Score
    test_accuracy: Score
    test_nats: Score


def measure(text: Text) -> list[Counted]:
    """Witten-Bell with four and five characters of context, modified Kneser-Ney with six."""
    known = text.codes[: text.boundary()]
    size = len(text.vocabulary)
    models = [witten_bell(known, size, 4), witten_bell(known, size, 5), kneser_ney(known, size, BEST)]
    return [_measured(model, text) for model in models]


def scores(counted: Counted) -> dict[str, Score]:
    """The scores of the n-gram that stands beside a net, by their names."""
    return {
        "train_accuracy_ngram": counted.train_accuracy,
        "test_accuracy_ngram": counted.test_accuracy,
        "test_nats_ngram": counted.test_nats,
    }


def rows(text: Text, counted: list[Counted]) -> list[list[object]]:
    """Rows of a table (model, accuracy, nats): the uniform guess, the commonest character, the n-grams."""
    train, test = text.codes[: text.boundary()], text.codes[text.boundary() :]
    counts = np.bincount(train, minlength=len(text.vocabulary))
    shares = (counts + 1) / (counts + 1).sum()
    common = float((test == counts.argmax()).mean())
    return [
        [_("uniform guess"), 1 / len(counts), float(np.log(len(counts)))],
        [_("the commonest character"), common, float(-np.log(shares[test]).mean())],
        *[[each.model.name, each.test_accuracy.value, each.test_nats.value] for each in counted],
    ]


def _measured(model: NGram, text: Text) -> Counted:
    boundary, end = text.boundary(), len(text.codes)
    before, after = text.codes[COURSE_LENGTH:boundary], text.codes[boundary:]
    train = model.log_probabilities(text.codes, COURSE_LENGTH, boundary)
    test = model.log_probabilities(text.codes, boundary, end)
    recipe = {"model": model.name}
    return Counted(
        model,
        measures.accuracy(train, before).with_recipe(**recipe),
        measures.accuracy(test, after).with_recipe(**recipe),
        measures.nats(test, after).with_recipe(**recipe),
    )
