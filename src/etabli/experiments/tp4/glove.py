"""GloVe trained on the co-occurrences of the captions, compared with the official word vectors."""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import word_vectors
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import words as caption_words
from etabli.metrics.score import Score
from etabli.models.text import glove, word_similarity
from etabli.viz.curves import plot_learning_curves

QUERIES = ("dog", "man", "red", "running", "water", "boat", "tree", "green")


class Settings(SettingsModel):
    """The co-occurrence matrix and its factorization."""

    dimension: int = Field(50, ge=1, le=1000, description=N_("dimension of the word vectors"))
    window: int = Field(
        10, ge=1, le=100, description=N_("context window: largest distance between two words")
    )
    min_count: int = Field(
        5, ge=1, description=N_("occurrences a word needs to be in the vocabulary")
    )
    epochs: int = Field(60, ge=1, description=N_("training epochs"))
    learning_rate: float = Field(0.05, gt=0, le=1, description=N_("learning rate of AdaGrad"))
    x_max: float = Field(
        10.0, gt=0, description=N_("count above which the weight of a pair stays constant")
    )
    blocks: int = Field(32, ge=1, description=N_("updates per epoch"))
    neighbors: int = Field(10, ge=1, le=100, description=N_("nearest neighbors compared per word"))


def run(context: RunContext, settings: Settings) -> None:
    sentences = caption_words.sentences(context.source)
    words = glove.build_vocabulary(sentences, settings.min_count)
    counts = glove.count_cooccurrences(sentences, words, settings.window)

    config = glove.TrainConfig(
        settings.dimension, settings.learning_rate, settings.x_max, settings.blocks
    )
    checkpoint = context.checkpoint("glove", settings, words, counts.data)
    with context.progress(N_("GloVe"), total=settings.epochs, is_epochs=True) as step:
        context.resume(checkpoint, step, "train")
        training = glove.train(counts, settings.epochs, config, context.seed, checkpoint)
        for loss, vectors in training:
            checkpoint.arrays["vectors"] = vectors
            context.log_and_checkpoint(
                checkpoint, "train", epoch=len(checkpoint.rows) + 1, loss=loss
            )
            step(1, loss=loss)
    loss, vectors = checkpoint.rows[-1]["loss"], checkpoint.arrays["vectors"]
    word_vectors.write(context.path("vectors.txt"), words, vectors)

    recipe: dict[str, object] = {"weighted squared error": "per pair", "pairs": counts.nnz}
    context.score("glove_loss", Score(loss, recipe))
    if not context.is_sample:
        compare_with_official(context, words, vectors, settings.neighbors)
    if context.is_first_seed:
        show(context, words, vectors, counts.nnz)


def compare_with_official(
    context: RunContext, words: tuple[str, ...], vectors: np.ndarray, neighbors: int
) -> None:
    """Score how many of a word's nearest neighbors agree with those of the official vectors."""
    official = word_vectors.load(context.source, words)
    shared = [row for row, word in enumerate(words) if word in official.rows]
    overlap = word_similarity.neighbor_overlap(
        vectors[shared], official.lookup([words[row] for row in shared]), neighbors
    )
    recipe: dict[str, object] = {"neighbors": neighbors, "words": len(shared)}
    context.score("neighbors_recovered", Score(float(overlap.mean()), recipe))
    chance = neighbors / (len(shared) - 1)
    context.score("neighbors_by_chance", Score(chance, {**recipe, "by": "chance"}))


def show(context: RunContext, words: tuple[str, ...], vectors: np.ndarray, pairs: int) -> None:
    """Show the size of the matrix, the loss by epoch and some nearest neighbors."""
    context.note(
        _("{n} words, {pairs} pairs of words within the context window.").format(
            n=len(words), pairs=pairs
        )
    )
    with context.figure("loss", title=N_("GloVe loss per pair")) as ax:
        loss = {"loss": _("weighted squared error")}
        plot_learning_curves(context.history("train"), loss, y_label=_("loss"), ax=ax)
    rows = []
    for word in QUERIES:
        if word in words:
            near = word_similarity.nearest_neighbors(words, vectors, word, 8)
            rows.append([word, ", ".join(neighbor for neighbor, _cosine in near)])
    context.table(
        "neighbors",
        title=N_("Nearest neighbors by the trained vectors"),
        columns=[N_("word"), N_("nearest")],
        rows=rows,
    )


EXPERIMENT = ExperimentSpec(
    name="tp4.glove",
    headline="neighbors_recovered",
    title=N_("GloVe trained on the captions"),
    measures=N_("share of the nearest neighbors shared with the official vectors"),
    source=N_("practical 4, exercise 2 (GloVe itself)"),
    settings=Settings,
    run=run,
    on_sample={"dimension": 20, "min_count": 1, "epochs": 100, "blocks": 8},
    data=("flickr8k", "glove"),
    minutes=0.08,
    memory_mb=600,
    seeds=5,
    expected_ranges={
        "neighbors_recovered": ExpectedRange(
            0.1027,
            0.1174,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.06 to 0.2 until 2026-11-27",),
        ),
    },
)
