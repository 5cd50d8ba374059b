"""Practical 5, exercise 1: which words captions use, and what is lost with the rare ones.

    etabli run tp5.vocabulary

On Flickr8k the 1,000 most frequent words, the marks of start and end among them, are 94.2 % of all words read.
"""

from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import flickr8k
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.metrics.score import Score
from etabli.models.captioning.vocabulary import (
    END,
    START,
    Vocabulary,
    by_frequency,
    count_words,
    coverage,
)
from etabli.viz import captions as viz


class Settings(SettingsModel):
    words: int = Field(
        1000, ge=10, le=100_000, description=N_("most frequent words kept, marks among them")
    )


def run(context: RunContext, settings: Settings) -> None:
    train = flickr8k.load(context.source).train
    captions = train.rows()[1]

    # Count: every caption opens with <start> and ends with <end>, as the course's lists have it.
    counts = count_words(captions)
    words = by_frequency(counts)
    numbers = [counts[word] for word in words]
    shares = coverage(counts)
    kept = min(settings.words, len(words))

    # Reduce: what is kept of the words and of the captions.
    vocabulary = Vocabulary.most_frequent(captions, settings.words)
    rows, _cut = vocabulary.encode(captions)
    whole = sum(len(vocabulary.numbers(c)) == len(c.split()) + 2 for c in captions) / len(captions)
    recipe = {"words": kept, "of": len(words), "captions": len(captions), "case": "lower"}
    context.score("coverage", Score(float(shares[kept - 1]), recipe))
    context.score("captions_kept_whole", Score(whole, recipe))
    context.score(
        "longest_caption", Score(rows.shape[1], {"unit": "words with both marks", **recipe})
    )

    if context.is_first_seed:
        show(context, words, numbers, shares, kept)
    once = sum(number == 1 for number in numbers) / len(numbers)
    context.claim(
        "few_words_are_frequent",
        "confirmed" if shares[max(1, len(words) // 10) - 1] > 0.5 else "refuted",
        _(
            "a tenth of the words is {share:.1%} of what is read; {once:.1%} of the words occur once"
        ).format(share=shares[max(1, len(words) // 10) - 1], once=once),
    )


def show(context: RunContext, words: list[str], numbers: list[int], shares, kept: int) -> None:
    """Figure 21 of the report, ours: the ``words`` by how often they occur, ``numbers``; ``kept`` of them stay."""
    with context.figure(
        "frequencies",
        number="21",
        title=N_("How often each word occurs"),
        caption=N_(
            "Few words are used all the time, most words once or twice: on two logarithmic axes nearly a line."
        ),
        panels=(1, 2),
        size=(11, 4.2),
    ) as axes:
        viz.word_frequencies(numbers, words, kept, ax=axes[0])
        viz.coverage(shares, kept, ax=axes[1])
    context.table(
        "lost",
        title=N_("What a smaller vocabulary keeps"),
        columns=[
            N_("words"),
            N_("share of words read"),
            N_("rarest word kept"),
            N_("its occurrences"),
        ],
        rows=[
            [size, round(float(shares[size - 1]), 4), words[size - 1], numbers[size - 1]]
            for size in (10, 100, 500, 1000, 2000, 5000, len(words))
            if size <= len(words)
        ],
    )
    plain = [word for word in words if word not in (START, END)]
    context.note(
        _("Kept last: {kept}. Left out first: {lost}.").format(
            kept=", ".join(words[max(0, kept - 8) : kept]),
            lost=", ".join(words[kept : kept + 8]) or _("nothing"),
        )
    )
    context.note(_("The most frequent: {words}.").format(words=", ".join(plain[:15])))


EXPERIMENT = ExperimentSpec(
    name="tp5.vocabulary",
    title=N_("The words of captions"),
    measures=N_("share of the words read that a reduced vocabulary covers"),
    source=N_("practical 5, exercise 1"),
    settings=Settings,
    run=run,
    on_sample={"words": 50},
    data=("flickr8k",),
    minutes=0.1,
    memory_mb=300,
    claims=(
        Claim(
            "few_words_are_frequent",
            N_("few words are very frequent, most are rare, and the curve between them is smooth"),
            where=N_("practical 5, figure 21"),
        ),
    ),
    expected_ranges={"coverage": (0.9423, 0.9424), "longest_caption": (35.5, 36.5)},
)
