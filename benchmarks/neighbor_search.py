"""The 90 nearest neighbors of all points: ours (exact, usearch), faiss and pynndescent.

    python benchmarks/neighbor_search.py [--points 20000] [--repeats 3]

MNIST's digits (PCA to 50 dimensions), points of their sizes where ETABLI_DATA names no full data;
all cores for each. The recall of an index is the share of the true neighbors that it finds; faiss
has the graph of the same sizes as ours. The program takes the exact search up to 100,000 points.
"""

import argparse

import faiss
import harness
import numpy as np
from pynndescent import NNDescent
from tsne_mnist import data

from etabli.core.environment import count_cores
from etabli.projection.neighbors import find_approximate, make_neighbor_search

PERPLEXITY = 30
K = 3 * PERPLEXITY


def leave_out_self(near: np.ndarray) -> np.ndarray:
    """Return the neighbors (N, K) of (N, K + 1) that include the points themselves."""
    is_self = near == np.arange(len(near))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return near[~is_self].reshape(len(near), -1)


def exact(points: np.ndarray) -> np.ndarray:
    return leave_out_self(make_neighbor_search(points, K + 1)(points)[1])


def by_usearch(points: np.ndarray) -> np.ndarray:
    return find_approximate(points, PERPLEXITY, count_cores()).indices


def faiss_exact(points: np.ndarray) -> np.ndarray:
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    return leave_out_self(index.search(points, K + 1)[1])


def faiss_graph(points: np.ndarray) -> np.ndarray:
    index = faiss.IndexHNSWFlat(points.shape[1], 16)
    index.hnsw.efConstruction, index.hnsw.efSearch = 128, 200
    index.add(points)
    return leave_out_self(index.search(points, K + 1)[1])


def by_pynndescent(points: np.ndarray) -> np.ndarray:
    found = NNDescent(points, n_neighbors=K + 1, random_state=0, n_jobs=count_cores())
    return leave_out_self(found.neighbor_graph[0])


METHODS = {
    "Établi, exact": exact,
    "Établi, usearch": by_usearch,
    "faiss, exact": faiss_exact,
    "faiss, graph (HNSW)": faiss_graph,
    "pynndescent": by_pynndescent,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    points = np.ascontiguousarray(data(asked.points)[0], np.float32)
    by_pynndescent(points[:2000])  # compiles
    found: dict[str, np.ndarray] = {}
    timings = harness.compare(
        {
            name: lambda name=name, search=search: found.update({name: search(points)})
            for name, search in METHODS.items()
        },
        asked.repeats,
        first_counts=True,
    )
    true = found["faiss, exact"]
    recalls = {
        name: np.mean([np.isin(a, b).mean() for a, b in zip(near, true, strict=True)])
        for name, near in found.items()
    }
    harness.conclude(
        "neighbor_search",
        f"{K} nearest neighbors of each of {len(points):,} points in {points.shape[1]} dimensions",
        timings,
        {
            "of the true neighbors found by usearch": (recalls["Établi, usearch"], ">= 0.999"),
            "times faster than pynndescent, by usearch": (
                harness.ratio(timings, "pynndescent", "Établi, usearch"),
                "> 1",
            ),
            "times faster than the graph of faiss, by usearch": (
                harness.ratio(timings, "faiss, graph (HNSW)", "Établi, usearch"),
                "> 1",
            ),
            "times the time of faiss, both exact": (
                harness.ratio(timings, "Établi, exact", "faiss, exact"),
                "<= 1",
            ),
        },
        "Recall: " + "; ".join(f"{name} {each:.4f}" for name, each in recalls.items()) + ".",
    )


if __name__ == "__main__":
    main()
