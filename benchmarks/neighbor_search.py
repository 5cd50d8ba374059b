"""Nearest neighbors for t-SNE: the exact search and the indices of usearch, pynndescent and faiss.

Points of MNIST in 50 principal components where ETABLI_DATA names the full data, or else points of
overlapping Gaussian classes; 90 neighbors of every point, as perplexity 30 asks for. Recall is that
of the neighbors of 1,000 points against the exact ones. What is not installed is left out. The
exact search is that of scikit-learn, which t-SNE uses up to 100,000 points; usearch is called as
t-SNE calls it beyond.
"""

import argparse
import os
from collections.abc import Callable
from importlib.util import find_spec

import harness
import numpy as np
from tsne_mnist import data

from etabli.projection.neighbors import find_approximate, make_neighbor_search

K = 90
RECALLED = 1_000  # points whose neighbors are compared


def by_usearch(points: np.ndarray, cores: int) -> np.ndarray:
    return np.asarray(find_approximate(points, K / 3, cores).indices)


def by_pynndescent(points: np.ndarray, cores: int) -> np.ndarray:
    from pynndescent import NNDescent

    index = NNDescent(points, n_neighbors=K + 1, random_state=0, n_jobs=cores)
    return index.neighbor_graph[0][:, 1:]


def by_faiss(points: np.ndarray, cores: int) -> np.ndarray:
    import faiss

    faiss.omp_set_num_threads(cores)
    n = len(points)
    lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(points.shape[1]), points.shape[1], int(n**0.5))
    lists.train(points)
    lists.add(points)
    lists.nprobe = max(8, int(n**0.5) // 10)
    return lists.search(points, K + 1)[1][:, 1:]


def exactly(points: np.ndarray, _cores: int) -> np.ndarray:
    return make_neighbor_search(points, K + 1)(points)[1][:, 1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=70_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    points = np.ascontiguousarray(data(chosen.points)[0], np.float32)
    methods = {
        "exact": exactly,
        **({"usearch": by_usearch} if find_spec("usearch") else {}),
        **({"pynndescent": by_pynndescent} if find_spec("pynndescent") else {}),
        **({"faiss, inverted lists": by_faiss} if find_spec("faiss") else {}),
    }
    found: dict[str, np.ndarray] = {}

    def keep(name: str) -> Callable[[], None]:
        def call() -> None:
            found[name] = methods[name](points, chosen.cores)

        return call

    timings = harness.compare({name: keep(name) for name in methods}, chosen.repeats)
    some = np.random.default_rng(0).permutation(len(points))[:RECALLED]

    def recall(name: str) -> float:
        pairs = zip(found[name][some], found["exact"][some], strict=True)
        return float(np.mean([len(set(mine) & set(true)) / K for mine, true in pairs]))

    recalls = {name: recall(name) for name in methods}
    ratios = {
        f"of the exact search's time by {name}": (1 / harness.ratio(timings, "exact", name), "")
        for name in methods
        if name != "exact"
    }
    if "usearch" in methods:
        ratios["recall of usearch"] = (recalls["usearch"], ">= 0.99")
    harness.conclude(
        "neighbor_search",
        f"{K} nearest neighbors of all of {len(points):,} points in {points.shape[1]} dimensions, "
        f"{chosen.cores} cores; the index is built each time",
        timings,
        ratios,
        "recall: " + ", ".join(f"{name} {value:.4f}" for name, value in recalls.items()),
    )


if __name__ == "__main__":
    main()
