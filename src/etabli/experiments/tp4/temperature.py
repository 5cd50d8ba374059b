"""Writing verse with the course's net: what the temperature does to it."""

import numpy as np
from pydantic import Field

from etabli.core import seeding
from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp4 import _shared, published
from etabli.metrics import text as measures
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.models.text.generation import WindowReader, write
from etabli.models.text.sampling import Decoding, entropy, temper
from etabli.viz.curves import lines

TEMPERATURES = (0.02, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0, 10.0)
LOW, PLAIN, HIGH = 0.02, 1.0, 10.0


class Settings(_shared.CourseSettings):
    """The course's net, and how much it writes."""

    characters: int = Field(400, ge=30, le=100_000, description=N_("characters to a text"))
    texts: int = Field(8, ge=1, le=1000, description=N_("texts at each temperature"))


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(settings.length)
    course = _shared.CourseSettings(
        **settings.model_dump(include=set(_shared.CourseSettings.model_fields))
    )
    weights, _epochs = _shared.course_weights(context, text, course)
    reader = WindowReader(weights, settings.length)

    written = {t: poems(context, text, reader, settings, t) for t in TEMPERATURES}
    lexicon = frozenset(measures.words_of(text.characters))
    rows = {t: quality(several, lexicon) for t, several in written.items()}
    for t, row in rows.items():
        context.log("temperature", temperature=t, **row)
    for name, t in (("low", LOW), ("plain", PLAIN), ("high", HIGH)):
        for measure, value in rows[t].items():
            context.score(
                f"{measure}_{name}",
                Score(value, {"T": t, "texts": settings.texts, "n": settings.characters}),
            )
    judge(context, rows)
    if context.is_first_seed:
        show(context, text, weights, settings, written, rows)


def poems(
    context: RunContext, text: Text, reader: WindowReader, settings: Settings, temperature: float
) -> list[str]:
    """Texts that begin as the report's do, and go on at one temperature."""
    prompt = texts.encode(published.PROMPT, text.vocabulary)
    random = seeding.make_generator(context.seed, "poems", str(temperature))
    steps = write(
        reader, prompt, settings.characters, Decoding(temperature), random, settings.texts
    )
    return [texts.decode(codes, text.vocabulary) for codes in np.stack(list(steps), axis=1)]


def quality(several: list[str], lexicon: frozenset[str]) -> dict[str, float]:
    """Known words, distinct 4-grams and repeated runs of 20, averaged over the texts."""
    return {
        "known_words": float(
            np.mean([measures.known_words(each, lexicon).value for each in several])
        ),
        "distinct_4grams": float(np.mean([measures.distinct(each, 4).value for each in several])),
        "repetition": float(np.mean([measures.repetition(each, 20).value for each in several])),
    }


def judge(context: RunContext, rows: dict[float, dict[str, float]]) -> None:
    """Whether a low temperature writes better, which the report means of the words; and what the words cost.

    How much repeats depends on how long one writes, so no share of it is a verdict: a net that reads ten characters
    and takes the likeliest each time comes back, sooner or later, to ten that it has read before.
    """
    low, plain, high = (rows[t] for t in (LOW, PLAIN, HIGH))
    told = _(
        "The words: at T = 0.02 {a:.0%} of them stand in the book, at T = 1 {c:.0%}. The text: at T = 0.02 {b:.0%} of "
        "it repeats what it wrote before (the lab report's own sample: {e:.0%}), at T = 1 {d:.0%}."
    )
    values = {
        "a": low["known_words"],
        "b": low["repetition"],
        "c": plain["known_words"],
        "d": plain["repetition"],
    }
    published_repeats = measures.repetition(published.SAMPLES[LOW], 20).value
    context.claim(
        "low_temperature_writes_better",
        "confirmed" if low["known_words"] > plain["known_words"] else "refuted",
        told.format(**values, e=published_repeats),
    )
    context.claim(
        "high_temperature_makes_no_sense",
        "confirmed" if high["known_words"] < plain["known_words"] / 2 else "refuted",
        _("T = 10: {a:.0%} of the words stand in the book, at T = 1 {b:.0%}").format(
            a=high["known_words"], b=plain["known_words"]
        ),
    )


def show(context: RunContext, text: Text, weights, settings: Settings, written, rows) -> None:
    """The samples beside the report's, and the measures over the temperature."""
    for t in (LOW, HIGH):
        known = "" if context.is_sample else published.SAMPLES[t]
        context.table(
            f"sample_{t}",
            title=_("Written at T = {t}").format(t=t),
            columns=[N_("by whom"), N_("text")],
            rows=[
                *([[_("the lab report's net"), known]] if known else []),
                [_("this net"), published.PROMPT + written[t][0]],
            ],
        )
    context.table(
        "samples",
        title=N_("The same beginning at other temperatures"),
        columns=["T", N_("text")],
        rows=[[t, published.PROMPT + written[t][0][:200]] for t in TEMPERATURES],
    )
    show_measures(context, text, weights, settings, rows)


def show_measures(context: RunContext, text: Text, weights, settings: Settings, rows) -> None:
    """How unsure the net is, and what its texts are like, over the temperature."""
    windows, _targets = texts.windows(text.codes, settings.length, text.boundary(), len(text.codes))
    log_p = simple_rnn.log_probabilities(weights, windows[:2000])
    entropies = [float(entropy(temper(log_p, t)).mean()) for t in TEMPERATURES]
    with context.figure(
        "temperature",
        title=N_("What the temperature does"),
        caption=N_(
            "Left: mean entropy of the next character on test windows (ln V at most). Right: of the written texts."
        ),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        label = _("temperature T")
        entropy_curve = {_("entropy"): (TEMPERATURES, entropies)}
        lines(entropy_curve, x_label=label, y_label=_("nats"), log_x=True, ax=axes[0])
        axes[0].axhline(np.log(len(text.vocabulary)), color="#8c959f", linewidth=1, linestyle=":")
        names = {
            "known_words": _("words of the book"),
            "distinct_4grams": _("distinct 4-grams"),
            "repetition": _("repeated runs of 20"),
        }
        curves = {
            name: (TEMPERATURES, [rows[t][key] for t in TEMPERATURES])
            for key, name in names.items()
        }
        lines(curves, x_label=label, y_label=_("share"), log_x=True, ax=axes[1])


EXPERIMENT = ExperimentSpec(
    name="tp4.temperature",
    title=N_("Verse at eleven temperatures"),
    measures=N_("words of the book, repetition and variety of what is written"),
    source=N_("practical 4, exercise 1 c"),
    settings=Settings,
    run=run,
    on_sample={"most_epochs": 12, "units": 64, "texts": 2, "characters": 200},
    data=("fleurs_du_mal",),
    minutes=1,
    memory_mb=900,
    claims=(
        Claim(
            "low_temperature_writes_better",
            N_("near T = 0 what is written is better: words that make sense"),
            N_("practical 4, exercise 1 c"),
        ),
        Claim(
            "high_temperature_makes_no_sense",
            N_("as T grows the text loses all sense"),
            N_("practical 4, exercise 1 c"),
        ),
    ),
)
