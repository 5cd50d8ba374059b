"""A map: planes of old points with all that places new points on them, as one file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.projection.neighbors import make_neighbor_search
from etabli.projection.pca import check_points, pca
from etabli.projection.placing import STEPS, place

_NEIGHBORS = 5  # old points to which the distance of a point is averaged
_USUAL = 0.99  # share of the old points that are nearer to the others than a point unlike them
_AT_ONCE = 10_000  # new points in memory at once
_FACTS = "etabli"  # key of the description in the file
_ARRAYS = ("reference", "residuals", "distances", "mean", "axes", "labels")
_PLANE = "plane "  # before the name of a plane in the file


@dataclass(frozen=True, eq=False)
class Placed:
    """New points on a map.

    ``planes`` are positions (M, 2) by projection; ``distances`` (M,) are mean distances to the
    nearest old points; ``is_unlike`` (M,) marks those farther than nearly all old points are.
    """

    planes: dict[str, np.ndarray]
    distances: np.ndarray
    is_unlike: np.ndarray


@dataclass(frozen=True, eq=False)
class PlaneMap:
    """The planes of N old points.

    Args:
        reference: The points reduced by PCA, (N, d).
        residuals: Their distances (N,) from the space of these d components.
        distances: The mean distance (N,) of each to its nearest others.
        mean: Of the points, (D,).
        axes: The principal components, (D, d).
        labels: Class indices (N,).
        planes: Positions (N, 2) by projection: "t-SNE", "PCA", "UMAP".
        facts: What else is known of the points, as plain values.
    """

    reference: np.ndarray
    residuals: np.ndarray
    distances: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    labels: np.ndarray
    planes: dict[str, np.ndarray]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """The distance beyond which a new point is unlike the old ones."""
        return float(np.quantile(self.distances, _USUAL))

    def transform(
        self,
        points: np.ndarray,
        rows: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Placed:
        """Place new points on every plane, and measure how far they are from the old ones.

        On the plane of PCA they are placed by its axes; on that of t-SNE where the divergence is
        lowest; on others at the mean of the nearest old points.

        Args:
            points: The points, (M, D).
            rows: Those to place, as indices; by default all.
            progress: Receives the number of points placed since its last call.

        Raises:
            BadArray: The points are malformed, or have other dimensions than the map.
        """
        old = np.column_stack([self.reference, self.residuals])
        planes, distances = [], []
        for reduced, residuals in self._reduce(points, rows):
            planes.append(self._place(reduced))
            distances.append(_measure_distances(np.column_stack([reduced, residuals]), old))
            if progress is not None:
                progress(len(reduced))
        measured = np.concatenate(distances)
        return Placed(self._join(planes), measured, measured > self.limit)

    def place(
        self,
        points: np.ndarray,
        rows: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Place new points on every plane, as ``transform`` does, in half of its time."""
        planes = []
        for reduced, _residuals in self._reduce(points, rows):
            planes.append(self._place(reduced))
            if progress is not None:
                progress(len(reduced))
        return self._join(planes)

    def _reduce(
        self, points: np.ndarray, rows: np.ndarray | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the components and the residuals of some points at a time."""
        if points.ndim != 2 or points.shape[1] != len(self.mean):
            raise BadArray(
                _("these points and the map differ in dimensions"),
                expected=len(self.mean),
                got=points.shape[1] if points.ndim == 2 else points.shape,
                fix=_("Give points with the same features, in the same order."),
            )
        rows = np.arange(len(points)) if rows is None else rows
        for start in range(0, len(rows), _AT_ONCE):
            part = check_points(points[rows[start : start + _AT_ONCE]])
            yield _reduce(part, self.mean, self.axes)

    def _place(self, reduced: np.ndarray) -> dict[str, np.ndarray]:
        planes = {}
        for name, plane in self.planes.items():
            if name == "PCA":
                planes[name] = _take_two(reduced)
            else:
                steps = STEPS if name == "t-SNE" else 0
                planes[name] = place(reduced, self.reference, plane, steps=steps)
        return planes

    def _join(self, parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([each[name] for each in parts]) for name in self.planes}

    def save(self, path: Path) -> None:
        """Write the map as one safetensors file."""
        from safetensors.numpy import save

        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {_PLANE + name: plane for name, plane in self.planes.items()}
        content = save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            {_FACTS: json.dumps(self.facts, ensure_ascii=False)},
        )
        with atomic_write(path, "wb") as stream:
            stream.write(content)


def make_map(
    points: np.ndarray,
    planes: dict[str, np.ndarray],
    labels: np.ndarray,
    dimensions: int,
    facts: dict[str, Any] | None = None,
) -> PlaneMap:
    """Return the map of points (N, D) and their planes.

    Args:
        points: The points that were projected.
        planes: Their positions (N, 2) by projection.
        labels: Their class indices (N,).
        dimensions: The number of principal components before t-SNE.
        facts: What else is known of the points, as plain values.
    """
    points = check_points(points)
    principal = pca(points, min(dimensions, points.shape[1]))
    reference, residuals = _reduce(points, principal.mean, principal.axes)
    everything = np.column_stack([reference, residuals])
    return PlaneMap(
        reference,
        residuals,
        _measure_distances(everything, everything, skipped=1),
        principal.mean,
        principal.axes,
        labels,
        planes,
        facts or {},
    )


def load_map(path: Path) -> PlaneMap:
    """Read a map; raise ``DataMissing`` without one, ``CorruptFile`` where it is damaged."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = parse_json((file.metadata() or {})[_FACTS])
        planes = {
            name.removeprefix(_PLANE): array
            for name, array in arrays.items()
            if name.startswith(_PLANE)
        }
        found = PlaneMap(**{name: arrays[name] for name in _ARRAYS}, planes=planes, facts=facts)
        _check(found)
    except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
        raise CorruptFile(
            _("{path} is not a map that etabli untangle wrote").format(path=path),
            got=error,
            fix=_("Make the map again with: etabli untangle POINTS --out FOLDER."),
        ) from error
    return found


def _check(found: PlaneMap) -> None:
    """Raise ``ValueError`` where the arrays of a file do not belong together."""
    n, d = found.reference.shape
    shapes: list[tuple[np.ndarray, tuple[int, ...]]] = [(found.axes, (len(found.mean), d))]
    shapes += [(each, (n,)) for each in (found.residuals, found.distances, found.labels)]
    shapes += [(plane, (n, 2)) for plane in found.planes.values()]
    for array, shape in shapes:
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{array.shape} != {shape}")
    if not found.planes or not isinstance(found.facts, dict):
        raise ValueError(str(found.facts)[:80])


def _reduce(
    points: np.ndarray, mean: np.ndarray, axes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the components (M, d) of points, and their distances (M,) from that space."""
    centered = points - mean
    reduced = centered @ axes
    squares = np.einsum("nd,nd->n", centered, centered) - np.einsum("nd,nd->n", reduced, reduced)
    return reduced.astype(np.float32), np.sqrt(np.maximum(squares, 0)).astype(np.float32)


def _take_two(reduced: np.ndarray) -> np.ndarray:
    """Return the first two components; a missing one is zero."""
    plane = np.zeros((len(reduced), 2), np.float32)
    plane[:, : reduced.shape[1]] = reduced[:, :2]
    return plane


def _measure_distances(points: np.ndarray, old: np.ndarray, skipped: int = 0) -> np.ndarray:
    """Return the mean distance (M,) to the nearest old points, without the ``skipped`` nearest.

    With the residual as a last component, it is at most the distance in all dimensions.
    """
    k = min(_NEIGHBORS + skipped, len(old))
    distances, _near = make_neighbor_search(old, k)(points)
    kept = distances[:, skipped:] if k > skipped else distances
    return kept.mean(axis=1).astype(np.float32)
