"""Looking into the course's net: where it is sure, what its units follow, and what comes after "mort de"."""

import re
from collections import Counter

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp4 import _shared
from etabli.metrics import units
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.viz import characters as viz

PHRASE = "mort de"


class Settings(_shared.CourseSettings):
    """The course's net, and what is looked at."""

    passage: int = Field(
        480, ge=40, le=5000, description=N_("test characters that are shown in colours")
    )
    shown_units: int = Field(
        3, ge=1, le=8, description=N_("hidden units that are shown on the passage")
    )


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(settings.length)
    course = _shared.CourseSettings(
        **settings.model_dump(include=set(_shared.CourseSettings.model_fields))
    )
    weights, _epochs = _shared.course_weights(context, text, course)
    boundary = text.boundary()
    windows, targets = texts.windows(text.codes, settings.length, boundary, len(text.codes))

    probabilities = np.exp(simple_rnn.log_probabilities(weights, windows))
    given = probabilities[np.arange(len(targets)), targets]
    after_space = text.codes[boundary - 1 : -1] == text.vocabulary.index(" ")
    context.score(
        "sureness_in_a_word",
        Score(float(given[~after_space].mean()), {"p": "of the character that came"}),
    )
    context.score(
        "sureness_after_a_space",
        Score(float(given[after_space].mean()), {"p": "of the character that came"}),
    )

    after_phrase(context, text, weights, settings)
    found = following(text, weights, windows)
    for name, r in found.items():
        context.score(
            f"best_unit_{name.replace(' ', '_')}",
            Score(float(np.abs(r).max()), {"r": "Pearson, absolute"}),
        )
    if context.is_first_seed:
        show(context, text, settings, given, weights, windows, found)


def after_phrase(context: RunContext, text: Text, weights, settings: Settings) -> None:
    """What follows "mort de" in the book, and what the net expects there."""
    places = [match.end() for match in re.finditer(re.escape(PHRASE), text.characters[:-1])]
    places = [place for place in places if place >= settings.length]
    if not places:
        context.note(_("'{phrase}' does not come in this text.").format(phrase=PHRASE))
        return
    windows = np.stack([text.codes[place - settings.length : place] for place in places])
    expected = np.exp(simple_rnn.log_probabilities(weights, windows)).mean(axis=0)
    came = Counter(text.characters[place] for place in places)
    share = came[" "] / len(places)
    space = float(expected[text.vocabulary.index(" ")])
    context.score("space_after_mort_de", Score(space, {"p": "of a space", "windows": len(places)}))
    context.claim(
        "the_space_is_predictable",
        "confirmed" if min(space, share) > 0.8 else "refuted",
        _("in the book a space follows {k} times of {n}; the net gives it {p:.0%}").format(
            k=came[" "], n=len(places), p=space
        ),
    )
    if context.is_first_seed:
        with context.figure(
            "mort_de", title=_("What follows '{phrase}'").format(phrase=PHRASE), size=(7, 3.5)
        ) as ax:
            marked = {character: count / len(places) for character, count in came.items()}
            viz.next_characters(expected, text.vocabulary, ax, marked=marked)


def following(text: Text, weights, windows: np.ndarray) -> dict[str, np.ndarray]:
    """How far every hidden unit goes along with what can be read at the last character of each test
    window.
    """
    states = simple_rnn.states(weights, windows)[-1]
    start = len(text.codes) - len(windows) - 1
    readable = units.readable(text.characters[start:-1])
    return units.correlations(states, readable)


def show(
    context: RunContext, text: Text, settings: Settings, given, weights, windows, found
) -> None:
    """The passage in the colours of the net's sureness, and of the units that follow something readable."""
    boundary, length = text.boundary(), min(settings.passage, len(given))
    with context.figure(
        "sureness",
        title=N_("Where the net was sure, where surprised"),
        caption=N_(
            "The probability that the net gave to each character before it came; a dot is a space."
        ),
        size=(11, 3),
    ) as ax:
        passage = text.characters[boundary : boundary + length]
        viz.coloured_text(passage, given[:length], ax, label=_("probability"))
    best = {name: int(np.abs(r).argmax()) for name, r in found.items()}
    context.table(
        "units",
        title=N_("Hidden units that follow something readable"),
        columns=[N_("what can be read"), N_("unit"), N_("correlation")],
        rows=[[_(name), unit, float(found[name][unit])] for name, unit in best.items()],
    )
    states = simple_rnn.states(weights, windows[:length])[-1]
    ranked = sorted(best, key=lambda name: -abs(found[name][best[name]]))[: settings.shown_units]
    for name in ranked:
        with context.figure(
            f"unit_{name.replace(' ', '_')}",
            title=_("Unit {unit}: {what}").format(unit=best[name], what=_(name)),
            caption=N_("The state of the unit when it has read each character."),
            size=(11, 3),
        ) as ax:
            read = text.characters[boundary - 1 : boundary - 1 + length]
            viz.coloured_text(
                read, states[:, best[name]], ax, low=-1, high=1, colours="RdBu", label=_("state")
            )


EXPERIMENT = ExperimentSpec(
    name="tp4.inside",
    title=N_("Inside the course's recurrent net"),
    measures=N_("where it is sure, and what its hidden units follow"),
    source=N_("practical 4, exercise 1 b"),
    settings=Settings,
    run=run,
    on_sample={"most_epochs": 12, "units": 64, "passage": 240},
    data=("fleurs_du_mal",),
    minutes=1,
    memory_mb=900,
    claims=(
        Claim(
            "the_space_is_predictable",
            N_("the space after 'mort de' is predictable, as it ends the phrase"),
            N_("practical 4, exercise 1 b"),
        ),
    ),
)
