"""The t-SNE planes of every layer of the nets after every measured epoch, arranged alike.

Each plane starts from the mean of two others: that of the layer below at the same epoch, and that
of the same layer at the epoch before. It is then rotated to them, so that a class keeps its place
and an animation from plane to plane shows the classes separate.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.projection.alignment import align
from etabli.projection.tsne import METHOD, tsne
from etabli.viz.explorer import LayerProjection, TrainingSequence, render_explorer

ARRAYS, DESCRIPTION = "planes.safetensors", "planes.json"
FIRST_LAYER = "pixels"
TITLE = N_("Explorer of the untangling")
NET_TITLES = {"mlp": N_("perceptron"), "cnn": N_("convolutional net")}
_EARLY, _ITERATIONS = 100, 150  # of a plane that starts from another one
_STEPS = 65535  # a coordinate is stored in 16 bits


@dataclass(frozen=True, eq=False)
class LayerHistory:
    """What is known of a net after E epochs: L layers, the pixels first, and N test images.

    ``activations[epoch][layer]`` are (N, D), reduced to few principal components, as t-SNE takes
    them; ``predicted`` (E, N) are class indices.
    """

    net: str
    epochs: list[int]
    layers: list[str]
    activations: list[list[np.ndarray]]
    predicted: np.ndarray


def project(
    context: RunContext, histories: list[LayerHistory], digits: Digits, *, k: int, iterations: int
) -> None:
    """Project every layer after every epoch, and write the planes to the folder of the seed run.

    Args:
        context: The context of the seed run.
        histories: The nets; all have the same images and the same first layer.
        digits: The data, of which the images are the first test images.
        k: Number of neighbors of the neighborhood hit in the planes.
        iterations: Iterations of t-SNE for the pixels, after those with early exaggeration.
    """
    n_planes = 1 + sum(len(each.epochs) * (len(each.layers) - 1) for each in histories)
    with context.progress(N_("t-SNE planes"), n_planes) as step:
        pixels = _compute_plane(context, histories[0].activations[0][0], iterations=iterations)
        step(1)
        grids = [_project_net(context, each, pixels, lambda: step(1)) for each in histories]
    labels = digits.test_labels[: len(pixels)]
    planes = [pixels, *(plane for grid in grids for row in grid for plane in row[1:])]
    arrays = {
        "points": np.stack([_quantize(plane) for plane in planes]),
        "labels": labels.astype(np.uint16),
    }
    for history in histories:
        arrays[f"predicted_{history.net}"] = history.predicted.astype(np.uint16)
    context.save_arrays(Path(ARRAYS).stem, arrays)

    def measure(points: np.ndarray) -> float:
        return round(neighborhood_hit(points, labels, k, resamples=1).score.value, 5)

    first = measure(histories[0].activations[0][0])
    description = {
        "k": k,
        "hits": [measure(plane) for plane in arrays["points"].astype(float)],
        "nets": [
            {
                "net": each.net,
                "epochs": each.epochs,
                "layers": each.layers,
                "hits": [[first, *map(measure, row[1:])] for row in each.activations],
            }
            for each in histories
        ],
    }
    with atomic_write(context.path(DESCRIPTION)) as stream:
        json.dump(description, stream)


def _project_net(
    context: RunContext,
    history: LayerHistory,
    pixels: np.ndarray,
    done: Callable[[], None],
) -> list[list[np.ndarray]]:
    """Return the plane of every layer (columns) after every epoch (rows)."""
    grid: list[list[np.ndarray]] = []
    for row in history.activations:
        planes = [pixels]
        for layer, points in enumerate(row[1:], 1):
            before = [planes[-1], *([grid[-1][layer]] if grid else [])]
            start = np.mean([_normalize(plane) for plane in before], axis=0)
            planes.append(_compute_plane(context, points, start))
            done()
        grid.append(planes)
    return grid


def _compute_plane(
    context: RunContext,
    points: np.ndarray,
    start: np.ndarray | None = None,
    *,
    iterations: int = _ITERATIONS,
) -> np.ndarray:
    """Project by t-SNE, from a start if there is one, and rotate to it; the result is cached."""
    arguments: dict[str, Any] = {"iterations": iterations, "seed": context.seed}
    if start is not None:
        arguments |= {"start": start, "early_iterations": _EARLY}

    def compute() -> dict[str, np.ndarray]:
        plane = tsne(points, **arguments)
        return {"plane": plane if start is None else align(plane, start).astype(np.float32)}

    key = {"points": points, "method": METHOD, **arguments}
    return context.cached("tsne-sequence", key, compute)["plane"]


def _normalize(plane: np.ndarray) -> np.ndarray:
    centered = plane - plane.mean(axis=0)
    return centered / max(float(centered.std()), 1e-12)


def _quantize(plane: np.ndarray) -> np.ndarray:
    """Store coordinates in 16 bits, with one scale for both axes."""
    low, span = plane.min(axis=0), max(float(np.ptp(plane, axis=0).max()), 1e-12)
    return np.round((plane - low) / span * _STEPS).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class PlaneSequence:
    """Stored planes (P, N, 2) with the classes (N,), the predictions of each net and the hits."""

    points: np.ndarray
    labels: np.ndarray
    predicted: dict[str, np.ndarray]
    description: dict[str, Any]


def read(folder: Path) -> PlaneSequence:
    """Read the planes of a seed run.

    Raises:
        CorruptFile: The files do not belong together.
    """
    from safetensors.numpy import load_file

    arrays = load_file(folder / ARRAYS)
    described = parse_json((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if len(described["hits"]) != len(arrays["points"]):
        raise CorruptFile(_("the planes of this run belong to other layers"))
    predicted = {net["net"]: arrays[f"predicted_{net['net']}"] for net in described["nets"]}
    return PlaneSequence(arrays["points"], arrays["labels"], predicted, described)


def render(sequence: PlaneSequence, classes: Sequence[str], images: np.ndarray | None) -> str:
    """Render the planes as an explorer with sliders for layer and epoch.

    Args:
        sequence: The planes.
        classes: The name of each class.
        images: The test images, of which the planes show the first ones; none without data.
    """
    planes, nets, index = [], [], 1
    for points in sequence.points:
        planes.append(LayerProjection("", "t-SNE", points))
    for net in sequence.description["nets"]:
        size = len(net["layers"]) - 1
        rows = [
            [0, *range(index + row * size, index + (row + 1) * size)]
            for row in range(len(net["epochs"]))
        ]
        index += size * len(rows)
        plane_hits = np.array(sequence.description["hits"])[np.array(rows)]
        nets.append(
            TrainingSequence(
                _(NET_TITLES[net["net"]]),
                [_("pixels") if name == FIRST_LAYER else name for name in net["layers"]],
                net["epochs"],
                rows,
                sequence.predicted[net["net"]],
                plane_hits,
                np.array(net["hits"]),
            )
        )
    return render_explorer(
        planes,
        sequence.labels,
        classes,
        sequences=nets,
        thumbnails=None if images is None else images[: len(sequence.labels)],
        title=_(TITLE),
    )
