"""Practical 5, exercise 1: word frequencies of the captions, and coverage of a smaller vocabulary.

    etabli run tp5.vocabulary

On Flickr8k the 1,000 most frequent words, <start> and <end> included, cover 94.2 % of all words.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import flickr8k
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.metrics.score import Score
from etabli.models.captioning.vocabulary import (
    END,
    START,
    Vocabulary,
    count_words,
    cumulative_coverage,
    sort_by_frequency,
)
from etabli.viz import captions as viz


class Settings(SettingsModel):
    """The size of the vocabulary."""

    vocabulary_size: int = Field(
        1000,
        ge=10,
        le=100_000,
        description=N_("size of the vocabulary, with <start> and <end>"),
    )


def run(context: RunContext, settings: Settings) -> None:
    captions = flickr8k.load(context.source).train.rows()[1]

    # Every caption begins with <start> and ends with <end>, as in the lists of the course.
    counts = count_words(captions)
    words = sort_by_frequency(counts)
    frequencies = np.array([counts[word] for word in words])
    shares = cumulative_coverage(counts)
    kept = min(settings.vocabulary_size, len(words))

    vocabulary = Vocabulary.most_frequent(captions, settings.vocabulary_size)
    rows, _cut = vocabulary.encode(captions)
    whole = sum(len(vocabulary.encode_caption(c)) == len(c.split()) + 2 for c in captions) / len(
        captions
    )
    recipe = {"words": kept, "of": len(words), "captions": len(captions), "case": "lower"}
    context.score("coverage", Score(float(shares[kept - 1]), recipe))
    context.score("captions_kept_whole", Score(whole, recipe))
    context.score(
        "longest_caption", Score(rows.shape[1], {"unit": "words with both marks", **recipe})
    )

    if context.is_first_seed:
        show(context, words, frequencies, shares, kept)
    top_tenth = float(shares[max(1, len(words) // 10) - 1])
    context.claim(
        "few_words_are_frequent",
        _(
            "the most frequent tenth of the words covers {share:.1%} of the text; "
            "{once:.1%} of the words occur once"
        ).format(share=top_tenth, once=float((frequencies == 1).mean())),
        share_of_top_tenth=top_tenth,
    )


def show(
    context: RunContext, words: list[str], frequencies: np.ndarray, shares: np.ndarray, kept: int
) -> None:
    """Show figure 21 of the report: frequencies of the words, coverage of the ``kept`` first ones.

    Args:
        context: the run.
        words: the words, the most frequent first.
        frequencies: (V,) occurrences of each word.
        shares: (V,) share of the text that each word and those before it cover.
        kept: number of words in the vocabulary.
    """
    with context.figure(
        "frequencies",
        number="21",
        title=N_("Word frequencies"),
        caption=N_("Left: frequency by rank. Right: share of the text by size of the vocabulary."),
        panels=(1, 2),
        size=(11, 4.2),
    ) as axes:
        viz.plot_word_frequencies(frequencies, words, kept, ax=axes[0])
        viz.plot_vocabulary_coverage(shares, kept, ax=axes[1])
    context.table(
        "lost",
        title=N_("Coverage by size of the vocabulary"),
        columns=[
            N_("words"),
            N_("share of the text"),
            N_("rarest word kept"),
            N_("its occurrences"),
        ],
        rows=[
            [size, round(float(shares[size - 1]), 4), words[size - 1], int(frequencies[size - 1])]
            for size in (10, 100, 500, 1000, 2000, 5000, len(words))
            if size <= len(words)
        ],
    )
    plain = [word for word in words if word not in (START, END)]
    context.note(
        _("Last words kept: {kept}. First words left out: {lost}.").format(
            kept=", ".join(words[max(0, kept - 8) : kept]),
            lost=", ".join(words[kept : kept + 8]) or _("none"),
        )
    )
    context.note(_("Most frequent words: {words}.").format(words=", ".join(plain[:15])))


EXPERIMENT = ExperimentSpec(
    name="tp5.vocabulary",
    headline="coverage",
    title=N_("Vocabulary of the captions"),
    measures=N_("share of the text that a smaller vocabulary covers"),
    source=N_("practical 5, exercise 1"),
    settings=Settings,
    run=run,
    on_sample={"vocabulary_size": 50},
    data=("flickr8k",),
    minutes=0.018,
    memory_mb=300,
    claims=(
        Claim(
            "few_words_are_frequent",
            N_("few words are very frequent, most are rare, and the curve between them is smooth"),
            where=N_("practical 5, figure 21"),
            data=("flickr8k",),
            confirmed_if=(Condition("share_of_top_tenth", ">", 0.5),),
        ),
    ),
    expected_ranges={
        "coverage": ExpectedRange(0.9423, 0.9424, reason=N_("a count, without a seed")),
        "longest_caption": ExpectedRange(35.5, 36.5, reason=N_("a count, without a seed")),
    },
)
