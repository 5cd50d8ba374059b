"""GloVe by ourselves: from the captions' co-occurrences to word vectors, and how much of the official
ones that is.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import word_vectors as files
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec, SettingsModel
from etabli.experiments.tp4 import words as caption_words
from etabli.metrics.score import Score
from etabli.models.text import glove, word_similarity
from etabli.viz.curves import learning_curves

ASKED = ("dog", "man", "red", "running", "water", "boat", "tree", "green")


class Settings(SettingsModel):
    """The matrix and its factorisation."""

    dimension: int = Field(50, ge=1, le=1000, description=N_("numbers to a word"))
    window: int = Field(10, ge=1, le=100, description=N_("words apart that still count as near"))
    least: int = Field(5, ge=1, description=N_("how often a word must come"))
    epochs: int = Field(60, ge=1, description=N_("passes over the matrix"))
    rate: float = Field(0.05, gt=0, le=1, description=N_("rate of AdaGrad"))
    x_max: float = Field(10.0, gt=0, description=N_("count from which on a pair weighs no more"))
    blocks: int = Field(32, ge=1, description=N_("updates to a pass"))
    neighbours: int = Field(10, ge=1, le=100, description=N_("nearest words that are compared"))


def run(context: RunContext, settings: Settings) -> None:
    sentences = caption_words.sentences(context.source)
    words = glove.vocabulary(sentences, settings.least)
    counts = glove.cooccurrence(sentences, words, settings.window)

    recipe = glove.Recipe(settings.dimension, settings.rate, settings.x_max, settings.blocks)
    memory = context.checkpoint("glove", settings, words, counts.data)
    with context.progress(N_("GloVe"), total=settings.epochs) as step:
        context.resume(memory, step, "train")
        for error, vectors in glove.train(counts, settings.epochs, recipe, context.seed, memory):
            memory.arrays["vectors"] = vectors
            context.log_and_checkpoint(memory, "train", epoch=len(memory.rows) + 1, error=error)
            step(1, error=error)
    error, vectors = memory.rows[-1]["error"], memory.arrays["vectors"]
    files.write(context.path("vectors.txt"), words, vectors)

    context.score(
        "error", Score(error, {"weighted squared error": "per pair", "pairs": counts.nnz})
    )
    if not context.is_sample:
        compare(context, words, vectors, settings)
    if context.is_first_seed:
        show(context, words, vectors, counts.nnz)


def compare(
    context: RunContext, words: tuple[str, ...], vectors: np.ndarray, settings: Settings
) -> None:
    """How many of a word's nearest words in the official vectors are nearest in ours."""
    official = files.load(context.source, words)
    shared = [row for row, word in enumerate(words) if word in official.rows]
    overlap = word_similarity.neighbour_overlap(
        vectors[shared], official.of([words[row] for row in shared]), settings.neighbours
    )
    recipe = {"neighbours": settings.neighbours, "words": len(shared)}
    context.score("neighbours_recovered", Score(float(overlap.mean()), recipe))
    chance = settings.neighbours / (len(shared) - 1)
    context.score("neighbours_by_chance", Score(chance, {**recipe, "by": "chance"}))


def show(context: RunContext, words: tuple[str, ...], vectors: np.ndarray, pairs: int) -> None:
    """The matrix in numbers, the error by pass, and some neighbours."""
    context.note(
        _("{n} words, {pairs} pairs of words that stand near each other.").format(
            n=len(words), pairs=pairs
        )
    )
    with context.figure("error", title=N_("GloVe's error per pair")) as ax:
        learning_curves(
            context.history("train"),
            {"error": _("weighted squared error")},
            y_label=_("error"),
            ax=ax,
        )
    asked = [word for word in ASKED if word in words]
    context.table(
        "neighbours",
        title=N_("Nearest words, by our own vectors"),
        columns=[N_("word"), N_("nearest")],
        rows=[
            [
                word,
                ", ".join(
                    near for near, _cosine in word_similarity.neighbours(words, vectors, word, 8)
                ),
            ]
            for word in asked
        ],
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.glove",
    title=N_("GloVe trained on the captions"),
    measures=N_("share of the official vectors' nearest words that are found again"),
    source=N_("practical 4, exercise 2 (GloVe itself)"),
    settings=Settings,
    run=run,
    on_sample={"dimension": 20, "least": 1, "epochs": 100, "blocks": 8},
    data=("flickr8k", "glove"),
    minutes=0.5,
    memory_mb=600,
    expected_ranges={"neighbours_recovered": (0.06, 0.20)},
)
