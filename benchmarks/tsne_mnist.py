"""t-SNE of all 70,000 digits of MNIST in one table: ours, openTSNE's own, and umap-learn.

PCA to 50 dimensions once, for all; perplexity 30, as many iterations, all cores. The
divergence is that of each plane from the same affinities (of exact neighbors), its normalization
the exact sum over the pairs of a stated sample of points with all. Points of their sizes where
ETABLI_DATA names no full data. One run of each is about three minutes on two quiet cores; fewer
points by ``--points``.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

import harness
import numpy as np

from etabli.core import environment
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.projection.pca import pca
from etabli.projection.tsne import tsne

PERPLEXITY, ITERATIONS = 30, 500
SAMPLED = 2_000  # points whose pairs with all others estimate the normalization


def data(n: int) -> tuple[np.ndarray, np.ndarray]:
    if os.environ.get("ETABLI_DATA"):
        from etabli.data.catalog.source import Source
        from etabli.data.formats import mnist

        digits = mnist.load(Source.full())
        images = mnist.flatten(np.concatenate([digits.train_images, digits.test_images]))
        labels = np.concatenate([digits.train_labels, digits.test_labels])
        chosen = np.random.default_rng(0).permutation(len(labels))[:n]
        return pca(images, 50).points[chosen], labels[chosen]
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, n)
    points = draw.normal(0, 2, (10, 50))[labels] + draw.normal(0, 2, (n, 50))
    return points.astype(np.float32), labels


def make_divergence(points: np.ndarray, cores: int) -> Callable[[np.ndarray], float]:
    """Return a function that computes KL(P || Q) of planes of these points."""
    from openTSNE.affinity import PerplexityBasedNN

    points = points.astype(np.float64)
    affinities = PerplexityBasedNN(points, PERPLEXITY, method="exact", n_jobs=cores).P.tocoo()
    p = affinities.data / affinities.data.sum()
    sampled = np.random.default_rng(1).permutation(len(points))[:SAMPLED]

    def compute(plane: np.ndarray) -> float:
        plane = plane.astype(np.float64)
        near = plane[affinities.row] - plane[affinities.col]
        kernels = 1 / (1 + np.square(near).sum(axis=1))
        total = -float(len(sampled))  # without each point and itself
        for row in sampled:
            total += (1 / (1 + np.square(plane - plane[row]).sum(axis=1))).sum()
        total *= len(plane) / len(sampled)
        return float((p * (np.log(p) - np.log(kernels))).sum() + np.log(total))

    return compute


def by_etabli(points: np.ndarray, seed: int, cores: int) -> np.ndarray:
    return tsne(points, perplexity=PERPLEXITY, iterations=ITERATIONS, seed=seed, threads=cores)


def by_opentsne(points: np.ndarray, seed: int, cores: int) -> np.ndarray:
    from openTSNE import TSNE

    engine = TSNE(perplexity=PERPLEXITY, n_iter=ITERATIONS, n_jobs=cores, random_state=seed)
    return np.asarray(engine.fit(points.astype(np.float64)), np.float32)


def by_umap(points: np.ndarray, seed: int, cores: int) -> np.ndarray:
    # umap imports TensorFlow and PyTorch where they are; the two in one process crash.
    sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]
    from umap import UMAP

    return np.asarray(UMAP(n_jobs=cores).fit_transform(points))  # without a seed: on all cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=70_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    points, labels = data(chosen.points)
    methods = {"Établi": by_etabli, "openTSNE": by_opentsne}
    if environment.installed_version("umap-learn"):
        methods["umap-learn"] = by_umap
    planes: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    timings = {name: harness.Timing(name) for name in methods}
    for name, method in methods.items():  # imports and compilation
        started = time.perf_counter()
        method(points[:3000], 0, chosen.cores)
        timings[name].first = time.perf_counter() - started
    for seed in range(chosen.repeats):
        for name in list(methods)[:: 1 if seed % 2 == 0 else -1]:
            started = time.perf_counter()
            planes[name].append(methods[name](points, seed, chosen.cores))
            timings[name].seconds.append(time.perf_counter() - started)
            print(f"  seed {seed}: {name} {timings[name].seconds[-1]:.1f} s", flush=True)
    compute_divergence = make_divergence(points, chosen.cores)
    divergences = {name: [compute_divergence(each) for each in planes[name]] for name in methods}
    hits = {
        name: [neighborhood_hit(each, labels).score.value for each in planes[name]]
        for name in methods
    }
    mean = {name: statistics.mean(values) for name, values in divergences.items()}
    harness.conclude(
        "tsne_mnist",
        f"t-SNE of {len(points):,} points in 50 dimensions, perplexity {PERPLEXITY}, 250 + "
        f"{ITERATIONS} iterations, {chosen.cores} cores",
        timings,
        {
            "of openTSNE's time": (1 / harness.ratio(timings, "openTSNE", "Établi"), "<= 0.5"),
            "more KL than openTSNE's": (mean["Établi"] - mean["openTSNE"], "<= 0"),
        },
        notes="; ".join(
            f"{name}: KL {', '.join(f'{each:.4f}' for each in divergences[name])}, neighborhood "
            f"hit {', '.join(f'{100 * each:.2f}' for each in hits[name])} %"
            for name in methods
        )
        + f"; the normalization of KL from {SAMPLED:,} points and all others; first: 3,000 points",
    )


if __name__ == "__main__":
    main()
