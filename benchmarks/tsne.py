"""t-SNE of 10,000 x 784: ours (PCA to 50, openTSNE) and scikit-learn's, and their neighborhood hit.

Another seed each round; about two minutes. Full data (ETABLI_DATA), or else points of their sizes.
"""

import statistics
from itertools import count

import harness
from neighborhood_hit import data
from sklearn.manifold import TSNE

from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.projection.tsne import tsne


def main() -> None:
    points, labels = data()
    planes = {"Établi": [], "scikit-learn": []}
    ours, theirs = count(), count()
    timings = harness.compare(
        {
            "Établi": lambda: planes["Établi"].append(tsne(points, seed=next(ours))),
            "scikit-learn": lambda: planes["scikit-learn"].append(
                TSNE(random_state=next(theirs), n_jobs=-1).fit_transform(points)
            ),
        },
        repeats=2,
        first_counts=True,
    )
    hits = {
        name: [neighborhood_hit(each, labels).score.value for each in made]
        for name, made in planes.items()
    }
    faster = harness.ratio(timings, "scikit-learn", "Établi")
    gained = 100 * (statistics.mean(hits["Établi"]) - statistics.mean(hits["scikit-learn"]))
    harness.conclude(
        "tsne",
        "t-SNE of 10,000 points in 784 dimensions, perplexity 30",
        timings,
        {
            "times faster than scikit-learn": (faster, ">= 3"),
            "points of neighborhood hit more": (gained, ">= 0"),
        },
        notes="; ".join(
            f"{name}: neighborhood hit {', '.join(f'{100 * hit:.2f}' for hit in each)} %"
            for name, each in hits.items()
        ),
    )


if __name__ == "__main__":
    main()
