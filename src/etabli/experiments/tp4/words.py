"""Word vectors of the captions: clusters, nearest neighbors, analogies and a t-SNE map."""

import numpy as np
from pydantic import Field

from etabli.core.cache import Arrays
from etabli.core.i18n import N_, _
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k, word_vectors
from etabli.data.formats.word_vectors import WordVectors
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp4 import published
from etabli.metrics.clusters import adjusted_rand, select_unambiguous
from etabli.metrics.score import Score
from etabli.models.text import word_similarity
from etabli.models.text.glove import build_vocabulary
from etabli.models.text.word_similarity import Clusters
from etabli.projection.tsne import METHOD, tsne
from etabli.viz.embedding import plot_word_map
from etabli.viz.explorer import LayerProjection, render_explorer

QUERIES = ("dog", "car", "snow", "red", "running", "boat")
ANALOGIES = (
    ("man", "woman", "boy"),
    ("dog", "dogs", "cat"),
    ("walk", "walking", "run"),
    ("red", "blue", "black"),
)


class Settings(SettingsModel):
    """The clustering and the projection of the word vectors."""

    clusters: int = Field(10, ge=1, le=1000, description=N_("clusters of k-means"))
    top: int = Field(20, ge=1, le=200, description=N_("words listed per cluster"))
    perplexity: float = Field(30.0, gt=0, description=N_("perplexity of t-SNE"))
    iterations: int = Field(
        500, ge=0, description=N_("iterations of t-SNE after early exaggeration")
    )


def run(context: RunContext, settings: Settings) -> None:
    wanted = words(context.source)
    known = word_vectors.load(context.source, wanted)
    context.score(
        "words_with_vector", Score(len(known.words) / len(wanted), {"words": len(wanted)})
    )

    clusters = word_similarity.cluster(
        known.words, known.vectors, settings.clusters, context.seed, settings.top
    )
    points = project(context, known, clusters, settings)
    if not context.is_sample:
        compare_with_report(context, known, clusters)
    context.save_arrays(
        "clusters", {"labels": clusters.labels, "centres": clusters.centers, "points": points}
    )
    if context.is_first_seed:
        show_clusters(context, clusters)
        show_map(context, known, clusters, points)
        show_neighbors(context, known)


def sentences(source: Source) -> list[list[str]]:
    """Return the training captions as lower-case tokens, without those that have no letter."""
    _images, captions = flickr8k.load(source).train.rows()
    tokens = [caption.lower().split() for caption in captions]
    return [[token for token in caption if any(map(str.isalpha, token))] for caption in tokens]


def words(source: Source, min_count: int = 1) -> tuple[str, ...]:
    """Return the distinct words of the training captions, the most frequent first."""
    return build_vocabulary(sentences(source), min_count)


def project(
    context: RunContext, known: WordVectors, clusters: Clusters, settings: Settings
) -> np.ndarray:
    """Project the words and, with them, the cluster centers by t-SNE: (N + K, 2)."""
    together = np.concatenate([word_similarity.normalize(known.vectors), clusters.centers])
    perplexity, iterations = settings.perplexity, settings.iterations
    key = {
        "points": together,
        "perplexity": perplexity,
        "iterations": iterations,
        "seed": context.seed,
        "method": METHOD,
    }

    def compute() -> Arrays:
        found = tsne(together, perplexity=perplexity, iterations=iterations, seed=context.seed)
        return {"points": found}

    return context.cached("words-tsne", key, compute)["points"]


def compare_with_report(context: RunContext, known: WordVectors, clusters: Clusters) -> None:
    """Compare the clusters with figure 18 of the report, over the words of exactly one list."""
    theirs = {
        word: group
        for word, group in select_unambiguous(published.CLUSTERS).items()
        if word in known.rows
    }
    ours = [int(clusters.labels[known.rows[word]]) for word in theirs]
    score = adjusted_rand(list(theirs.values()), ours)
    context.score("adjusted_rand", score.with_recipe(against="report figure 18"))
    context.claim(
        "clusters_have_a_meaning",
        _(
            "adjusted Rand index {value:.2f} with the clusters of the report ({n} words; 0: chance)"
        ).format(value=score.value, n=len(theirs)),
        adjusted_rand=score.value,
    )


def show_clusters(context: RunContext, clusters: Clusters) -> None:
    """Show figure 18 of the report: the words nearest to each center."""
    context.table(
        "clusters",
        number="18",
        title=N_("Clusters, named by the word nearest to the center"),
        columns=[N_("cluster"), N_("words in it"), N_("nearest to the center")],
        rows=[
            [name, int((clusters.labels == number).sum()), ", ".join(near)]
            for number, (name, near) in enumerate(
                zip(clusters.names, clusters.nearest, strict=True)
            )
        ],
    )
    if not context.is_sample:
        context.table(
            "published",
            title=N_("Clusters of the lab report (figure 18)"),
            columns=[N_("cluster"), N_("nearest to the center")],
            rows=[[name, ", ".join(near)] for name, near in published.CLUSTERS.items()],
        )


def show_map(
    context: RunContext, known: WordVectors, clusters: Clusters, points: np.ndarray
) -> None:
    """Show figure 19 of the report: the t-SNE map, as an image and as an explorer."""
    own, centers = np.split(points, [len(known.words)])
    with context.figure(
        "map",
        number="19",
        title=N_("Words of the captions by t-SNE"),
        caption=N_("One color per cluster; crosses mark the cluster centers."),
        size=(9, 7),
        image="png",
    ) as ax:
        plot_word_map(own, clusters.labels, centers, clusters.names, ax)
    page = render_explorer(
        [LayerProjection(_("word vectors"), "t-SNE", own)],
        clusters.labels,
        clusters.names,
        point_names=known.words,
        title=_("Words"),
    )
    context.page("explorer", page, title=N_("Interactive map of the words"))


def show_neighbors(context: RunContext, known: WordVectors) -> None:
    """Show the nearest neighbors of some words, and some analogies."""

    def join(pairs: list[tuple[str, float]]) -> str:
        return ", ".join(f"{word} {cosine:.2f}" for word, cosine in pairs)

    context.table(
        "neighbors",
        title=N_("Nearest neighbors"),
        columns=[N_("word"), N_("nearest, with cosine similarity")],
        rows=[
            [word, join(word_similarity.nearest_neighbors(known.words, known.vectors, word, 6))]
            for word in QUERIES
            if word in known.rows
        ],
    )
    questions = [three for three in ANALOGIES if all(word in known.rows for word in three)]
    if questions:
        context.table(
            "analogies",
            title=N_("Analogies"),
            columns=[N_("question"), N_("answers, with cosine similarity")],
            rows=[
                [
                    _("{a} is to {b} as {c} is to").format(a=a, b=b, c=c),
                    join(word_similarity.analogy(known.words, known.vectors, a, b, c, 4)),
                ]
                for a, b, c in questions
            ],
        )


EXPERIMENT = ExperimentSpec(
    name="tp4.words",
    headline="adjusted_rand",
    title=N_("Words of the captions, clustered by their GloVe vectors"),
    measures=N_("agreement of the clusters with those of the lab report"),
    source=N_("practical 4, exercise 2"),
    settings=Settings,
    run=run,
    on_sample={"clusters": 6, "top": 5, "iterations": 100, "perplexity": 10},
    data=("flickr8k", "glove"),
    minutes=0.052,
    memory_mb=600,
    seeds=5,
    claims=(
        Claim(
            "clusters_have_a_meaning",
            N_("each cluster gathers words of one meaning or one use"),
            N_("practical 4, exercise 2 b"),
            data=("glove",),
            confirmed_if=(Condition("adjusted_rand", ">", 0.3),),
            refuted_if=(Condition("adjusted_rand", "<", 0.1),),
        ),
    ),
    expected_ranges={
        "adjusted_rand": ExpectedRange(
            0.3135,
            0.7911,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.2 to 0.8 until 2026-11-27",),
        ),
    },
)
