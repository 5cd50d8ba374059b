"""New points on an old t-SNE plane: ours and openTSNE's `transform`, time and neighborhood hit.

10,000 MNIST digits (PCA to 50 dimensions) make the plane, 4,000 others are placed on it; points of
their sizes where ETABLI_DATA names no full data.
"""

import os

import harness
import numpy as np
from sklearn.neighbors import NearestNeighbors

from etabli.projection.pca import pca
from etabli.projection.placing import place
from etabli.projection.tsne import tsne

OLD, NEW, K = 10_000, 4_000, 6


def data() -> tuple[np.ndarray, np.ndarray]:
    if os.environ.get("ETABLI_DATA"):
        from etabli.data.catalog.source import Source
        from etabli.data.formats import mnist

        digits = mnist.load(Source.full())
        images = mnist.flatten(digits.train_images)[: OLD + NEW]
        return pca(images, 50).points.astype(np.float32), digits.train_labels[: OLD + NEW]
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, OLD + NEW)
    points = draw.normal(0, 2, (10, 50))[labels] + draw.normal(0, 2, (OLD + NEW, 50))
    return points.astype(np.float32), labels


def main() -> None:
    from openTSNE import TSNEEmbedding, affinity

    points, labels = data()
    old, new = points[:OLD], points[OLD:]
    plane = tsne(old)
    index = affinity.PerplexityBasedNN(old.astype(float), 30, method="exact", n_jobs=-1)
    embedding = TSNEEmbedding(plane.astype(float), index, negative_gradient_method="fft", n_jobs=-1)
    found: dict[str, np.ndarray] = {}

    def place_ours() -> None:
        found["ours"] = place(new, old, plane)

    def place_theirs() -> None:
        found["theirs"] = np.asarray(embedding.transform(new.astype(float)))

    timings = harness.compare({"Établi": place_ours, "openTSNE": place_theirs}, repeats=3)
    search = NearestNeighbors(n_neighbors=K).fit(plane)

    def hit(places: np.ndarray) -> float:
        near = search.kneighbors(places, return_distance=False)
        return float((labels[:OLD][near] == labels[OLD:][:, None]).mean())

    among = search.kneighbors(return_distance=False)
    own = float((labels[:OLD][among] == labels[:OLD][:, None]).mean())
    ours, theirs = hit(found["ours"]), hit(found["theirs"])
    harness.conclude(
        "placing",
        f"{NEW:,} new points on the t-SNE plane of {OLD:,}",
        timings,
        {
            "times faster than openTSNE's transform": (
                harness.ratio(timings, "openTSNE", "Établi"),
                ">= 1",
            ),
            "neighborhood hit, minus that of openTSNE": (ours - theirs, ">= -0.01"),
        },
        f"neighborhood hit of the new points {ours:.4f}, by openTSNE {theirs:.4f}, of the old "
        f"points {own:.4f}",
    )


if __name__ == "__main__":
    main()
