"""Word vectors of the captions: clusters, their names, their neighbours, their map.

The words of the captions that practical 4 takes its vectors for.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k, word_vectors
from etabli.data.formats.word_vectors import WordVectors
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.experiments.tp4 import published
from etabli.metrics.clusters import adjusted_rand, unambiguous
from etabli.metrics.score import Score
from etabli.models.text import word_similarity
from etabli.models.text.glove import vocabulary
from etabli.models.text.word_similarity import Clusters
from etabli.projection.tsne import METHOD, tsne
from etabli.viz.embedding import word_images, word_map
from etabli.viz.explorer import Plane, explorer

ASKED = ("dog", "car", "snow", "red", "running", "boat")
ANALOGIES = (
    ("man", "woman", "boy"),
    ("dog", "dogs", "cat"),
    ("walk", "walking", "run"),
    ("red", "blue", "black"),
)


class Settings(SettingsModel):
    """The clustering of practical 4, exercise 2 b."""

    clusters: int = Field(10, ge=1, le=1000, description=N_("clusters of k-means"))
    listed: int = Field(
        20, ge=1, le=200, description=N_("words listed beside the name of a cluster")
    )
    perplexity: float = Field(30.0, gt=0, description=N_("perplexity of t-SNE"))
    iterations: int = Field(500, ge=0, description=N_("iterations of t-SNE after the exaggeration"))


def run(context: RunContext, settings: Settings) -> None:
    wanted = words(context.source)
    found = word_vectors.load(context.source, wanted)
    context.score(
        "words_with_vector", Score(len(found.words) / len(wanted), {"words": len(wanted)})
    )

    made = word_similarity.cluster(
        found.words, found.vectors, settings.clusters, context.seed, settings.listed
    )
    points = project(context, found, made, settings)
    if not context.is_sample:
        compare(context, found, made)
    context.save_arrays(
        "clusters", {"labels": made.labels, "centres": made.centres, "points": points}
    )
    if context.is_first_seed:
        show(context, found, made, points)


def project(
    context: RunContext, found: WordVectors, made: Clusters, settings: Settings
) -> np.ndarray:
    """t-SNE of the words and, with them, of the centres: (N + K, 2)."""
    together = np.concatenate([word_similarity.normalise(found.vectors), made.centres])
    key = {
        "points": together,
        "perplexity": settings.perplexity,
        "iterations": settings.iterations,
        "seed": context.seed,
    }
    key["method"] = METHOD
    iterations, perplexity = settings.iterations, settings.perplexity

    def compute() -> dict[str, np.ndarray]:
        return {
            "points": tsne(
                together, perplexity=perplexity, iterations=iterations, seed=context.seed
            )
        }

    return context.cached("words-tsne", key, compute)["points"]


def compare(context: RunContext, found: WordVectors, made: Clusters) -> None:
    """Our clusters against the lists of the report's figure 18, on the words that stand in one list and
    here.
    """
    theirs = {
        word: group for word, group in unambiguous(published.CLUSTERS).items() if word in found.rows
    }
    ours = [int(made.labels[found.rows[word]]) for word in theirs]
    score = adjusted_rand(list(theirs.values()), ours)
    context.score("adjusted_rand", score.with_recipe(against="report figure 18"))
    verdict = "confirmed" if score.value > 0.3 else "refuted" if score.value < 0.1 else "undecided"
    measured = _(
        "adjusted Rand index {value:.2f} with the report's lists, over {n} words (0: chance, 1: the same)"
    )
    context.claim(
        "clusters_have_a_meaning", verdict, measured.format(value=score.value, n=len(theirs))
    )


def show(context: RunContext, found: WordVectors, made: Clusters, points: np.ndarray) -> None:
    """Report figures 18 and 19, neighbours, analogies."""
    show_clusters(context, made)
    show_map(context, found, made, points[: len(found.words)], points[len(found.words) :])
    show_directions(context, found)


def show_clusters(context: RunContext, made: Clusters) -> None:
    context.table(
        "clusters",
        title=N_("The word nearest to each centre, and the next ones (report figure 18)"),
        columns=[N_("cluster"), N_("words in it"), N_("nearest to the centre")],
        rows=[
            [name, int((made.labels == number).sum()), ", ".join(near)]
            for number, (name, near) in enumerate(zip(made.names, made.nearest, strict=True))
        ],
    )
    if not context.is_sample:
        context.table(
            "published",
            title=N_("The lists of the lab report (figure 18)"),
            columns=[N_("cluster"), N_("nearest to the centre")],
            rows=[[name, ", ".join(near)] for name, near in published.CLUSTERS.items()],
        )


def show_map(
    context: RunContext, found: WordVectors, made: Clusters, words: np.ndarray, centres: np.ndarray
) -> None:
    with context.figure(
        "map",
        number="19",
        title=N_("The words of the captions by t-SNE"),
        caption=N_("A colour to each cluster; the crosses are the centres."),
        size=(9, 7),
        image="png",
    ) as ax:
        word_map(words, made.labels, centres, made.names, ax)
    plane = Plane(_("word vectors"), "t-SNE", words)
    page = explorer(
        [plane], made.labels, made.names, thumbnails=word_images(found.words), title=_("Words")
    )
    context.page("explorer", page, title=N_("The words to move among"))


def show_directions(context: RunContext, found: WordVectors) -> None:
    """What lies near a word, and what lies from a word as another lies from a third."""
    context.table(
        "neighbours",
        title=N_("Nearest words"),
        columns=[N_("word"), N_("nearest, with the cosine")],
        rows=[
            [word, told(word_similarity.neighbours(found.words, found.vectors, word, 6))]
            for word in ASKED
            if word in found.rows
        ],
    )
    analogies = [three for three in ANALOGIES if all(word in found.rows for word in three)]
    if analogies:
        context.table(
            "analogies",
            title=N_("Analogies"),
            columns=[N_("question"), N_("answers, with the cosine")],
            rows=[
                [
                    _("{a} is to {b} as {c} is to").format(a=a, b=b, c=c),
                    told(word_similarity.analogy(found.words, found.vectors, a, b, c, 4)),
                ]
                for a, b, c in analogies
            ],
        )


def told(pairs: list[tuple[str, float]]) -> str:
    """Words with their cosines in one line."""
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in pairs)


EXPERIMENT = ExperimentSpec(
    name="tp4.words",
    title=N_("The captions' words, clustered by their GloVe vectors"),
    measures=N_("agreement of the clusters with the lab report's"),
    source=N_("practical 4, exercise 2"),
    settings=Settings,
    run=run,
    on_sample={"clusters": 6, "listed": 5, "iterations": 100, "perplexity": 10},
    data=("flickr8k", "glove"),
    minutes=0.5,
    memory_mb=600,
    claims=(
        Claim(
            "clusters_have_a_meaning",
            N_("each cluster gathers words of one meaning or one use"),
            N_("practical 4, exercise 2 b"),
        ),
    ),
    expected_ranges={"adjusted_rand": (0.2, 0.8)},
)


def sentences(source: Source) -> list[list[str]]:
    """The training captions of Flickr8k (or of the sample scenes): lower case, only tokens with a letter."""
    train = flickr8k.load(source).train
    _pictures, captions = train.rows()
    lowered = [caption.lower().split() for caption in captions]
    return [[token for token in tokens if any(map(str.isalpha, token))] for tokens in lowered]


def words(source: Source, least: int = 1) -> tuple[str, ...]:
    """The distinct words of the training captions, the commonest first."""
    return vocabulary(sentences(source), least)
