"""Inside the SimpleRNN: its confidence, what its hidden units encode, what follows "mort de"."""

import re
from collections import Counter

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import _shared
from etabli.metrics import units
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.viz import characters as viz

PHRASE = "mort de"


class Settings(_shared.SimpleRnnSettings):
    """The SimpleRNN and what is shown of it."""

    passage: int = Field(
        480, ge=40, le=5000, description=N_("test characters shown with their probabilities")
    )
    n_shown_units: int = Field(3, ge=1, le=8, description=N_("hidden units shown on the passage"))


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(settings.sequence_length)
    weights, _epochs = _shared.train_simple_rnn(context, text, settings)
    boundary = text.boundary()
    windows, targets = texts.make_windows(
        text.codes, settings.sequence_length, boundary, len(text.codes)
    )

    probabilities = np.exp(simple_rnn.log_probabilities(weights, windows))
    of_target = probabilities[np.arange(len(targets)), targets]
    is_after_space = text.codes[boundary - 1 : -1] == text.vocabulary.index(" ")
    for name, part in (
        ("confidence_within_word", of_target[~is_after_space]),
        ("confidence_after_space", of_target[is_after_space]),
    ):
        context.score(name, Score(float(part.mean()), {"p": "of the next character"}))
    score_phrase(context, text, weights, settings.sequence_length)

    # How far each hidden unit correlates with what can be read off the last character of its
    # window.
    states = simple_rnn.compute_states(weights, windows)[-1]
    correlations = units.correlate(
        states, units.compute_text_features(text.characters[boundary - 1 : -1])
    )
    for name, r in correlations.items():
        context.score(
            f"best_unit_{name.replace(' ', '_')}",
            Score(float(np.abs(r).max()), {"r": "Pearson, absolute"}),
        )
    if context.is_first_seed:
        show(context, text, settings, of_target, states, correlations)


def score_phrase(
    context: RunContext, text: Text, weights: list[np.ndarray], sequence_length: int
) -> None:
    """Compare what follows "mort de" in the book with what the network predicts there."""
    ends = [match.end() for match in re.finditer(re.escape(PHRASE), text.characters[:-1])]
    ends = [end for end in ends if end >= sequence_length]
    if not ends:
        context.note(_("'{phrase}' does not occur in this text.").format(phrase=PHRASE))
        return
    windows = np.stack([text.codes[end - sequence_length : end] for end in ends])
    predicted = np.exp(simple_rnn.log_probabilities(weights, windows)).mean(axis=0)
    counts = Counter(text.characters[end] for end in ends)
    space = float(predicted[text.vocabulary.index(" ")])
    context.score("space_after_mort_de", Score(space, {"p": "of a space", "windows": len(ends)}))
    context.claim(
        "the_space_is_predictable",
        _("in the book a space follows {k} times out of {n}; the network gives it {p:.0%}").format(
            k=counts[" "], n=len(ends), p=space
        ),
        share_in_the_book=counts[" "] / len(ends),
        probability=space,
    )
    if context.is_first_seed:
        title = _("What follows '{phrase}'").format(phrase=PHRASE)
        observed = {character: count / len(ends) for character, count in counts.items()}
        with context.figure("mort_de", title=title, size=(7, 3.5)) as ax:
            viz.plot_next_characters(predicted, text.vocabulary, ax, observed=observed)


def show(
    context: RunContext,
    text: Text,
    settings: Settings,
    of_target: np.ndarray,
    states: np.ndarray,
    correlations: dict[str, np.ndarray],
) -> None:
    """Show a test passage with the network's confidence and with the states of hidden units.

    Args:
        context: the run.
        text: the text, whose test part the windows come from.
        settings: length of the passage, number of units.
        of_target: (N,) probability of each test character.
        states: (N, H) last hidden state of each test window.
        correlations: name of a feature -> its correlation (H,) with every unit.
    """
    boundary, length = text.boundary(), min(settings.passage, len(of_target))
    with context.figure(
        "confidence",
        title=N_("Confidence of the network in each character"),
        caption=N_("Predicted probability of each character that follows; a dot is a space."),
        size=(11, 3),
    ) as ax:
        passage = text.characters[boundary : boundary + length]
        viz.plot_colored_text(passage, of_target[:length], ax, label=_("probability"))
    best = {name: int(np.abs(r).argmax()) for name, r in correlations.items()}
    context.table(
        "units",
        title=N_("Hidden units that correlate with a readable feature"),
        columns=[N_("feature"), N_("unit"), N_("correlation")],
        rows=[[_(name), unit, float(correlations[name][unit])] for name, unit in best.items()],
    )
    ranked = sorted(best, key=lambda name: -abs(correlations[name][best[name]]))
    for name in ranked[: settings.n_shown_units]:
        with context.figure(
            f"unit_{name.replace(' ', '_')}",
            title=_("Unit {unit}: {what}").format(unit=best[name], what=_(name)),
            caption=N_("State of the unit after it has read each character."),
            size=(11, 3),
        ) as ax:
            read = text.characters[boundary - 1 : boundary - 1 + length]
            values = states[:length, best[name]]
            viz.plot_colored_text(read, values, ax, low=-1, high=1, cmap="RdBu", label=_("state"))


EXPERIMENT = ExperimentSpec(
    name="tp4.inside",
    headline="confidence_within_word",
    title=N_("Inside the SimpleRNN of the report"),
    measures=N_("confidence of the predictions, and what hidden units encode"),
    source=N_("practical 4, exercise 1 b"),
    settings=Settings,
    run=run,
    on_sample={"max_epochs": 12, "units": 64, "passage": 240},
    data=("fleurs_du_mal",),
    minutes=0.043,
    memory_mb=900,
    seeds=5,
    claims=(
        Claim(
            "the_space_is_predictable",
            N_("the space after 'mort de' is predictable, as it ends the phrase"),
            N_("practical 4, exercise 1 b"),
            data=("fleurs_du_mal",),
            confirmed_if=(
                Condition("share_in_the_book", ">", 0.8),
                Condition("probability", ">", 0.8),
            ),
        ),
    ),
)
