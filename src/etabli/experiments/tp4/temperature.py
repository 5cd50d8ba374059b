"""Verse sampled from the SimpleRNN at eleven temperatures."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from etabli.core import seeding
from etabli.core.i18n import N_, _
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import _shared, published
from etabli.metrics import text as measures
from etabli.metrics.score import Score
from etabli.models.text import simple_rnn
from etabli.models.text.generation import WindowPredictor, generate
from etabli.models.text.sampling import Decoding, apply_temperature, entropy
from etabli.viz.curves import plot_curves

TEMPERATURES = (0.02, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0, 10.0)
LOW, PLAIN, HIGH = 0.02, 1.0, 10.0

Quality = dict[float, dict[str, float]]
"""Temperature -> ``known_words``, ``distinct_4grams`` and ``repetition`` of what was generated."""


class Settings(_shared.SimpleRnnSettings):
    """The SimpleRNN and how much text it generates."""

    characters: int = Field(400, ge=30, le=100_000, description=N_("characters per text"))
    texts: int = Field(8, ge=1, le=1000, description=N_("texts per temperature"))


def run(context: RunContext, settings: Settings) -> None:
    text = verse.load(context.source).require(settings.sequence_length)
    weights, _epochs = _shared.train_simple_rnn(context, text, settings)
    reader = WindowPredictor(weights, settings.sequence_length)

    generated = {t: generate_texts(context, text, reader, settings, t) for t in TEMPERATURES}
    lexicon = frozenset(measures.find_words(text.characters))
    quality = {t: measure_quality(several, lexicon) for t, several in generated.items()}
    for t, row in quality.items():
        context.log("temperature", temperature=t, **row)
    for name, t in (("low", LOW), ("plain", PLAIN), ("high", HIGH)):
        recipe: dict[str, object] = {"T": t, "texts": settings.texts, "n": settings.characters}
        for measure, value in quality[t].items():
            context.score(f"{measure}_{name}", Score(value, recipe))
    judge_claims(context, quality)
    if context.is_first_seed:
        show_samples(
            context, {t: published.PROMPT + several[0] for t, several in generated.items()}
        )
        length = settings.sequence_length
        windows = texts.make_windows(text.codes, length, text.boundary(), len(text.codes))[0]
        log_p = simple_rnn.log_probabilities(weights, windows[:2000])
        show_quality(context, log_p, quality)


def generate_texts(
    context: RunContext, text: Text, reader: WindowPredictor, settings: Settings, temperature: float
) -> list[str]:
    """Return texts that continue the prompt of the report at one temperature."""
    prompt = texts.encode(published.PROMPT, text.vocabulary)
    random = seeding.make_generator(context.seed, "poems", str(temperature))
    decoding = Decoding(temperature)
    steps = generate(reader, prompt, settings.characters, decoding, random, settings.texts)
    return [texts.decode(codes, text.vocabulary) for codes in np.stack(list(steps), axis=1)]


def measure_quality(several: list[str], lexicon: frozenset[str]) -> dict[str, float]:
    """Return known words, distinct 4-grams and repeated runs of 20, averaged over the texts."""
    return {
        "known_words": float(
            np.mean([measures.known_words(each, lexicon).value for each in several])
        ),
        "distinct_4grams": float(np.mean([measures.distinct(each, 4).value for each in several])),
        "repetition": float(np.mean([measures.repetition(each, 20).value for each in several])),
    }


def judge_claims(context: RunContext, quality: Quality) -> None:
    """Judge whether a low temperature writes better words and a high one writes nonsense.

    Repetition is reported, not evaluated, as it depends on the length of the text: greedy sampling
    from ten characters sooner or later reaches ten characters that it has read before.
    """
    low, plain, high = (quality[t] for t in (LOW, PLAIN, HIGH))
    context.claim(
        "low_temperature_writes_better",
        _(
            "words found in the book: {a:.0%} at T = 0.02, {c:.0%} at T = 1; repeated text: "
            "{b:.0%} at T = 0.02 (the sample of the lab report: {e:.0%}), {d:.0%} at T = 1"
        ).format(
            a=low["known_words"],
            b=low["repetition"],
            c=plain["known_words"],
            d=plain["repetition"],
            e=measures.repetition(published.SAMPLES[LOW], 20).value,
        ),
        known_words_low=low["known_words"],
        known_words_plain=plain["known_words"],
    )
    context.claim(
        "high_temperature_makes_no_sense",
        _("words found in the book: {a:.0%} at T = 10, {b:.0%} at T = 1").format(
            a=high["known_words"], b=plain["known_words"]
        ),
        known_words_high=high["known_words"],
        half_of_known_words_plain=plain["known_words"] / 2,
    )


def show_samples(context: RunContext, samples: dict[float, str]) -> None:
    """Show one text per temperature, at two of them next to the text of the report."""
    for t in (LOW, HIGH):
        rows = [[_("this network"), samples[t]]]
        if not context.is_sample:
            rows.insert(0, [_("the network of the lab report"), published.SAMPLES[t]])
        context.table(
            f"sample_{t}",
            title=_("Text generated at T = {t}").format(t=t),
            columns=[N_("model"), N_("text")],
            rows=rows,
        )
    context.table(
        "samples",
        title=N_("The same prompt at every temperature"),
        columns=["T", N_("text")],
        rows=[[t, text[: len(published.PROMPT) + 200]] for t, text in samples.items()],
    )


def show_quality(context: RunContext, log_p: np.ndarray, quality: Quality) -> None:
    """Show the entropy of test predictions ln p (N, V), and the quality, by temperature."""
    entropies = [float(entropy(apply_temperature(log_p, t)).mean()) for t in TEMPERATURES]
    with context.figure(
        "temperature",
        title=N_("Effect of the temperature"),
        caption=N_(
            "Left: mean entropy of the next character on test windows; the dotted line is ln V. "
            "Right: the generated texts."
        ),
        panels=(1, 2),
        size=(10, 4),
    ) as axes:
        label = _("temperature T")
        plot_curves(
            {_("entropy"): (TEMPERATURES, entropies)},
            x_label=label,
            y_label=_("nats"),
            log_x=True,
            ax=axes[0],
        )
        axes[0].axhline(np.log(log_p.shape[1]), color="#8c959f", linewidth=1, linestyle=":")
        names = {
            "known_words": _("words found in the book"),
            "distinct_4grams": _("distinct 4-grams"),
            "repetition": _("repeated runs of 20"),
        }
        curves: dict[str, tuple[Sequence[float], Sequence[float]]] = {
            name: (TEMPERATURES, [quality[t][key] for t in TEMPERATURES])
            for key, name in names.items()
        }
        plot_curves(curves, x_label=label, y_label=_("share"), log_x=True, shares=True, ax=axes[1])


EXPERIMENT = ExperimentSpec(
    name="tp4.temperature",
    headline="known_words_plain",
    title=N_("Verse at eleven temperatures"),
    measures=N_("known words, repetition and diversity of generated text"),
    source=N_("practical 4, exercise 1 c"),
    settings=Settings,
    run=run,
    on_sample={"max_epochs": 12, "units": 64, "texts": 2, "characters": 200},
    data=("fleurs_du_mal",),
    minutes=0.024,
    memory_mb=900,
    seeds=5,
    claims=(
        Claim(
            "low_temperature_writes_better",
            N_("near T = 0 what is written is better: words that make sense"),
            N_("practical 4, exercise 1 c"),
            data=("fleurs_du_mal",),
            confirmed_if=(Condition("known_words_low", ">", "known_words_plain"),),
        ),
        Claim(
            "high_temperature_makes_no_sense",
            N_("as T grows the text loses all sense"),
            N_("practical 4, exercise 1 c"),
            data=("fleurs_du_mal",),
            confirmed_if=(Condition("known_words_high", "<", "half_of_known_words_plain"),),
        ),
    ),
)
