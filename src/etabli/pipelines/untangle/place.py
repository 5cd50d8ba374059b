"""New points on the planes of an earlier ``etabli untangle``; those unlike its own are marked."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write, lock_folder
from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing, UnknownName
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats.labeled_points import Points
from etabli.data.formats.tabular import Options
from etabli.experiments.tp2._planes import get_key
from etabli.pipelines._points import read_points
from etabli.pipelines.untangle.measure import MAP, NAME
from etabli.projection.plane_map import PlaneMap, load_map
from etabli.report import notebook
from etabli.viz.explorer import LayerProjection, render_explorer

if TYPE_CHECKING:
    import pandas as pd

EXPLORER, TABLE = "explorer.html", "points.csv"
_FACTS = {"name", "classes", "columns", "space", "exponent", "projections", "files"}
_MOST_LISTED = 12  # names in a sentence


@dataclass(frozen=True, eq=False)
class PlacedPoints:
    """New points on a map, and the folder with their explorer and table, if one was written.

    ``planes`` are positions (M, 2) by projection, ``distances`` (M,) mean distances to the five
    nearest old points, ``limit`` the distance that 99 % of the old points are within, and
    ``is_unlike`` (M,) marks the new points beyond it. ``labels`` are texts, empty without a label.
    """

    names: list[str]
    labels: list[str]
    planes: dict[str, np.ndarray]
    distances: np.ndarray
    is_unlike: np.ndarray
    limit: float
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def table(self) -> dict[str, list[Any]]:
        """The columns of ``points.csv``."""
        found: dict[str, list[Any]] = {"name": self.names, "label": self.labels}
        for projection, plane in self.planes.items():
            key = get_key(projection)
            found |= {f"{key}_x": _shorten(plane[:, 0]), f"{key}_y": _shorten(plane[:, 1])}
        return found | {"distance": _shorten(self.distances), "unlike": self.is_unlike.tolist()}

    def to_pandas(self) -> "pd.DataFrame":
        """Return one row a point, as in ``points.csv``."""
        return notebook.make_data_frame(self.table)

    def summarize(self) -> list[str]:
        """Return sentences: how far the new points are from the old ones, and which are unlike."""
        text = _(
            "New points: {n}. Mean distance to the five nearest old points: {median:.3g} (median); "
            "99 % of the old points are within {limit:.3g} of theirs."
        ).format(n=len(self), median=np.median(self.distances), limit=self.limit)
        count = int(self.is_unlike.sum())
        if not count:
            return [text, _("No new point is farther away than that.")]
        order = np.argsort(-self.distances)[: min(count, _MOST_LISTED)]
        named = ", ".join(self.names[at] for at in order)
        more = _("Unlike the points of the map: {n} of {total} ({names}{more}).").format(
            n=count, total=len(self), names=named, more=", ..." if count > len(order) else ""
        )
        return [text, more]


def place(
    source: Any,
    onto: Path | str,
    labels: Any = None,
    *,
    images: Path | None = None,
    options: Options | None = None,
    weights: str | Path = "imagenet",
    out: Path | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> PlacedPoints:
    """Place new points on the planes of an earlier run, whose points do not move.

    Args:
        source: What ``untangle`` reads, in the columns of the map; images are described as its own.
        onto: The folder that ``untangle`` wrote, or its map.
        labels: A file of labels, or the labels of points that are an array; they may be missing.
        images: The images of the points, for the explorer.
        options: Which columns of a table are what, and how missing values are treated.
        weights: The weights of the net that describes images.
        out: The folder of the explorer and the table; by default nothing is written.
        overwrite: Replace those in ``out``.
        reporter: Where progress is shown (default: nowhere).

    Returns:
        The places, and which points are unlike those of the map.

    Raises:
        BadArray: The points have other columns or dimensions than the map.
        DataMissing: There is no map.
    """
    reporter = reporter or Silent()
    if out is not None and (out / TABLE).exists() and not overwrite:
        raise BadSetting(
            _("{path} already exists").format(path=out / TABLE),
            fix=_("Choose another folder with --out, or replace what is there with --overwrite."),
        )
    old = _load(Path(onto))
    space = old.facts["space"]

    def read(options: Options) -> Points:
        return read_points(
            source, labels, images, options, space == "pixels",
            space or None, weights, reporter, need_labels=False,
        )  # fmt: skip

    points = _match(read, options or Options(), old, str(onto))
    for remark in points.remarks:
        reporter.print_line(remark)
    with reporter.task(_("new points"), len(points.labels)) as step:
        placed = old.transform(np.ldexp(points.points, -old.facts["exponent"]), progress=step)
    planes = {name: placed.planes[name] for name in old.facts["projections"]}
    names = points.files or [str(row + 1) for row in range(len(points.labels))]
    found = PlacedPoints(
        list(names),
        _list_labels(points),
        planes,
        placed.distances,
        placed.is_unlike,
        old.limit,
        out,
    )
    if out is not None:
        with lock_folder(out):
            _write(found, old, out)
    return found


def find_map(onto: Path) -> Path:
    """Return the map in the folder of a run, of its first seed; or the file itself.

    Raises ``DataMissing`` where there is none.
    """
    if onto.is_file():
        return onto
    found = [onto / MAP, *sorted(onto.glob(f"{NAME}/seed-*/{MAP}"))]
    for path in found:
        if path.is_file():
            return path
    raise DataMissing(
        _("there is no map in {folder}").format(folder=onto),
        expected=MAP,
        fix=_("Make one with: etabli untangle POINTS --out FOLDER, and give that folder."),
    )


def _load(onto: Path) -> PlaneMap:
    """Return the map of a run; raise ``CorruptFile`` where its description is not complete."""
    path = find_map(onto)
    found = load_map(path)
    is_whole = found.facts.keys() >= _FACTS and set(found.facts["projections"]) <= set(found.planes)
    if not is_whole or int(found.labels.max()) >= len(found.facts["classes"]):
        raise CorruptFile(
            _("{path} is not a map that etabli untangle wrote").format(path=path),
            fix=_("Make the map again with: etabli untangle POINTS --out FOLDER."),
        )
    return found


# --- the columns of the map -----------------------------------------------------------------------


def _match(read: Any, options: Options, old: PlaneMap, onto: str) -> Points:
    """Read points, and return them in the columns of the map."""
    points: Points = read(options)
    space, columns = old.facts["space"], old.facts["columns"]
    if points.space and points.space != space:
        raise BadArray(
            _("the points of {map} are described differently").format(map=onto),
            expected=space or _("a table of {n} columns").format(n=len(old.mean)),
            got=points.space,
            fix=_("Give points of that kind, or make a new map of these: etabli untangle POINTS."),
        )
    if not columns or not points.columns:
        return _check_size(points, old, onto)
    lacking = [name for name in columns if name not in points.columns]
    if lacking:  # perhaps left out, because they seem to name the rows
        try:
            points = read(replace(options, keep_columns=(*options.keep_columns, *lacking)))
        except (UnknownName, BadSetting):
            raise _other_columns(points, old, lacking, onto) from None
    return _select_columns(points, columns)


def _check_size(points: Points, old: PlaneMap, onto: str) -> Points:
    if points.points.shape[1] == len(old.mean):
        return points
    raise BadArray(
        _("the points of {map} have different dimensions").format(map=onto),
        expected=len(old.mean),
        got=points.points.shape[1],
        fix=_(
            "Give points with the same features, in the same order; or make a new map of "
            "these: etabli untangle POINTS."
        ),
    )


def _other_columns(points: Points, old: PlaneMap, lacking: list[str], onto: str) -> BadArray:
    return BadArray(
        _("{name} lacks columns of {map}: {columns}").format(
            name=points.name, map=onto, columns=_list(lacking)
        ),
        expected=_list(old.facts["columns"]),
        got=_list(points.columns),
        fix=_(
            "Add or rename these columns, in any order; or make a map of these points: etabli "
            "untangle POINTS."
        ),
    )


def _select_columns(points: Points, columns: list[str]) -> Points:
    """Return the points in the columns of the map, in its order; say what is left out."""
    if list(points.columns) == columns:
        return points
    at = [points.columns.index(name) for name in columns]
    others = [name for name in points.columns if name not in columns]
    remarks = points.remarks
    if others:
        text = _("Left out, because the map has no such columns: {names}.")
        remarks = (*remarks, text.format(names=_list(others)))
    return replace(points, points=points.points[:, at], columns=tuple(columns), remarks=remarks)


def _list(names: Any) -> str:
    shown = ", ".join(list(names)[:_MOST_LISTED])
    return shown if len(names) <= _MOST_LISTED else f"{shown}, ... ({len(names)})"


def _shorten(values: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


def _list_labels(points: Points) -> list[str]:
    texts = ["" if name == _("without a label") else name for name in points.names]
    return [texts[code] for code in points.labels]


# --- what is written ------------------------------------------------------------------------------


def _write(found: PlacedPoints, old: PlaneMap, out: Path) -> None:
    with atomic_write(out / EXPLORER) as stream:
        stream.write(_render(found, old))
    with atomic_write(out / TABLE, newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(found.table)
        writer.writerows(zip(*found.table.values(), strict=True))


def _render(found: PlacedPoints, old: PlaneMap) -> str:
    """Return the explorer with the old points pale and the new ones marked."""
    n_old, old_names = len(old.labels), old.facts["classes"]
    unnamed = _("new point")
    names = list(dict.fromkeys([*old_names, *(each or unnamed for each in found.labels)]))
    codes = {name: code for code, name in enumerate(names)}
    labels = [codes[each or unnamed] for each in found.labels]
    kinds = np.concatenate([np.zeros(n_old, int), 1 + found.is_unlike])
    said = np.array([_("old"), _("new"), _("new and unlike the map")])
    shown = [
        LayerProjection(old.facts["name"], name, np.concatenate([old.planes[name], plane]))
        for name, plane in found.planes.items()
    ]
    return render_explorer(
        shown,
        np.concatenate([old.labels, np.array(labels, int)]),
        names,
        point_names=[*(old.facts["files"] or [""] * n_old), *found.names],
        columns={
            _("point"): said[kinds],
            _("distance to the nearest old points"): np.concatenate(
                [old.distances, found.distances]
            ),
        },
        kinds=kinds,
        title=_("New points on {name}").format(name=old.facts["name"]),
    )
