"""t-SNE of 10,000 x 784: ours (PCA to 50, openTSNE) and scikit-learn's, with the neighborhood hit that each reaches.

One run each: it takes minutes. Full data (ETABLI_DATA), or else points of their sizes.
"""

import harness
from neighborhood_hit import data
from sklearn.manifold import TSNE

from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.projection.tsne import tsne


def main() -> None:
    points, labels = data()
    planes = {}
    timings = {name: harness.Timing(name) for name in ("Établi", "scikit-learn")}
    calls = {
        "Établi": lambda: tsne(points),
        "scikit-learn": lambda: TSNE(random_state=0, n_jobs=-1).fit_transform(points),
    }
    for name, call in calls.items():
        timings[name].seconds.append(harness._seconds(lambda name=name, call=call: planes.update({name: call()})))
    hits = {name: neighborhood_hit(plane, labels).score.value for name, plane in planes.items()}
    faster = harness.ratio(timings, "scikit-learn", "Établi")
    gained = 100 * (hits["Établi"] - hits["scikit-learn"])
    harness.conclude(
        "tsne",
        "t-SNE of 10,000 points in 784 dimensions, perplexity 30",
        timings,
        {"times faster than scikit-learn": (faster, ">= 3"), "points of neighborhood hit more": (gained, ">= 0")},
        notes=", ".join(f"{name}: neighborhood hit {100 * hit:.2f} %" for name, hit in hits.items()),
    )


if __name__ == "__main__":
    main()
