"""Separability of your own labeled points, by the criteria of practical 2."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from etabli import report
from etabli.core import ray_cluster
from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import N_, _
from etabli.core.progress import Reporter, Silent, Step
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats.labeled_points import Points
from etabli.data.formats.tabular import Options
from etabli.experiments import runner
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp2._planes import Planes, PlaneSettings, get_key
from etabli.metrics.neighborhood_hit import NeighborhoodHit, neighborhood_hit
from etabli.metrics.score import Score
from etabli.pipelines._output import name_run_folder, refuse_finished_run
from etabli.pipelines._points import read_points
from etabli.pipelines.untangle.cluster_neighbors import find_on_cluster
from etabli.projection.plane_map import PlaneMap, make_map
from etabli.projection.umap import require_umap
from etabli.report import run_folder
from etabli.report.numbers import format_duration
from etabli.training.backend import return_freed_memory
from etabli.viz.embedding import plot_explained_variance
from etabli.viz.explorer import LayerProjection, render_explorer

NAME = "untangle"
MAP = "map.safetensors"
_PROJECTIONS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
_MIN_FOR_ADVICE = 100_000  # points; comparing all of so many with all takes minutes
_ADVISED = 10_000  # points whose neighbors give the score within half a percent
_MIN_SQUARED = 2.0**-511  # smaller values have a square that is zero
_AT_ONCE = 50_000  # placed points whose neighbors in the plane are in memory at once
_SCALE_LIMIT = 60  # exponent of 2 beyond which squares of values may not be numbers


class Settings(PlaneSettings):
    max_points: int = Field(
        default=20_000, ge=10, description=N_("points that are projected; of more, a random subset")
    )
    projection: Literal["tsne", "umap", "pca"] = Field(
        default="tsne", description=N_("the projection shown next to PCA: tsne, umap, or pca alone")
    )
    score_points: int | None = Field(
        default=None, ge=10, description=N_("points whose neighbors are counted; by default all")
    )


@dataclass(frozen=True)
class Untangled:
    """A finished run: its folder, its report and its explorer."""

    folder: Path
    report: Path
    explorer: Path
    name: str = NAME


def untangle(
    source: Any,
    labels: Any = None,
    *,
    images: Path | None = None,
    options: Options | None = None,
    pixels: bool = False,
    backbone: str | None = None,
    weights: str | Path = "imagenet",
    settings: dict[str, object] | None = None,
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    cluster: str | None = None,
    reporter: Reporter | None = None,
) -> Untangled:
    """Measure how well classes are separated, and write a report and an explorer.

    Args:
        source: A file of points, the folder of ``etabli features``, a folder of images, or points
            as an array, a sparse matrix, a data frame or an AnnData.
        labels: A file of labels, or the labels of points that are an array.
        images: The images of the points, for the explorer.
        options: Which columns of a table are what, and how missing values are treated.
        pixels: Compare the pixels of images, not their deep features.
        backbone: The net of the deep features of images; by default the best one that is here.
        weights: Its weights: a file, or "imagenet".
        settings: Settings that differ from the defaults, by name.
        seed: Seed of t-SNE and of random subsets.
        out: The run folder; by default a new one under ``runs/``.
        overwrite: Replace a run in ``out``.
        cluster: The address of a Ray cluster, or "auto", which finds the neighbors of the
            neighborhood hit in all dimensions; the scores are the same.
        reporter: Where progress is shown (default: nowhere).

    Returns:
        The paths of what was written.

    Raises:
        EtabliError: No such file, points that cannot be measured, an output that is in use.
    """
    reporter = reporter or Silent()
    folder = out or name_run_folder("untangle")
    refuse_finished_run(folder, overwrite)
    changes = settings or {}
    if changes.get("projection") == "umap":
        require_umap()
    points = read_points(
        source, labels, images, options or Options(), pixels, backbone, weights, reporter
    )
    for remark in points.remarks:
        reporter.print_line(remark)
    _check(points, changes)
    spec = make_experiment(points, cluster)
    runner.run_experiments(
        [spec],
        folder,
        Source.full(),
        seeds=[seed],
        changes=changes,
        overwrite=overwrite,
        reporter=reporter,
    )
    explorer = run_folder.seed_run_folder(folder, spec.name, seed) / "explorer.html"
    return Untangled(folder, report.write_report(folder), explorer)


def make_experiment(data: Points, cluster: str | None = None) -> ExperimentSpec:
    """Return the experiment that measures these points, with the help of a cluster."""
    return ExperimentSpec(
        name=NAME,
        headline="neighborhood_hit_points",
        title=N_("Separability of your own points"),
        measures=N_("neighborhood hit, hulls and ellipses"),
        source=data.name,
        settings=Settings,
        run=partial(run, data=data, cluster=cluster),
    )


def _check(data: Points, changes: dict[str, object]) -> None:
    """Refuse too few points, points of one class, and labels that are nearly all different."""
    n, classes, k = len(data.labels), len(data.names), changes.get("k", Settings().k)
    if isinstance(k, int) and n <= k:
        raise BadSetting(
            _("there are not enough points for {k} neighbors").format(k=k),
            expected=_("more than {k} points").format(k=k),
            got=n,
            fix=_("Choose a smaller number with --k.") if n > 2 else _("Give more points."),
        )
    if classes < 2:
        raise BadArray(
            _("the points of {name} are all of one class").format(name=data.name),
            expected=_("two classes or more"),
            got=", ".join(data.names),
            fix=_("Choose another column with --label-column, or give --labels FILE."),
        )
    if n < 2 * classes:
        raise BadArray(
            _("the labels of {name} are nearly all different").format(name=data.name),
            expected=_("two points or more in a class, on average"),
            got=_("{classes} classes of {n} points").format(classes=classes, n=n),
            fix=_(
                "Choose another column with --label-column; numbers are grouped into classes by "
                "--bins 5."
            ),
        )


def run(context: RunContext, settings: Settings, data: Points, cluster: str | None = None) -> None:
    """Score the points in full and in the plane, and show figures and an explorer."""
    data, exponent = _scale(context, data)
    for remark in data.remarks:
        context.note(remark)
    recipe: dict[str, object] = {"data": data.name}
    hit = _score_all(context, data, settings, recipe, cluster)
    part = _choose_points(context, len(data.points), settings.max_points)
    points, labels = data.points[part], data.labels[part]
    names = [data.names[code] for code in np.unique(labels)]
    labels = np.unique(labels, return_inverse=True)[1]
    planes, principal = _planes.score_planes(
        context,
        points,
        labels,
        settings,
        name=data.name,
        recipe=recipe,
        projection=_PROJECTIONS[settings.projection],
    )
    plane_map = _make_map(data, part, planes, settings, exponent)
    plane_map.save(context.path(MAP))
    size = _("{name}, {d} dimensions").format(name=data.name, d=data.points.shape[1])
    rows = [_planes.make_space_row(size, hit)]
    rows += [
        _planes.make_comparison_row(name, points, plane, labels, context.seed)
        for name, plane in planes.items()
    ]
    _planes.show_comparison(context, rows)
    for name, plane in planes.items():
        title = _("{projection} of {name}").format(projection=name, name=data.name)
        _planes.show_criteria(context, _planes.get_key(name), plane, labels, names, title=title)
    with context.figure("spectrum", title=N_("Eigenvalues of PCA"), size=(7, 3.6)) as ax:
        plot_explained_variance(principal.spectrum, ax=ax)
    _show_explorer(context, data, part, planes, plane_map, settings)


def _make_map(
    data: Points, part: np.ndarray, planes: Planes, settings: Settings, exponent: int
) -> PlaneMap:
    """Return what places new points on the planes, and what describes the points."""
    facts = {
        "name": data.name,
        "classes": list(data.names),
        "columns": list(data.columns),
        "space": data.space,
        "exponent": exponent,
        "projections": list(planes),
        "files": None if data.files is None else [data.files[row] for row in part],
    }
    positions = {name: plane.points for name, plane in planes.items()}
    return make_map(data.points[part], positions, data.labels[part], settings.pca_dimensions, facts)


def _show_explorer(
    context: RunContext,
    data: Points,
    part: np.ndarray,
    planes: Planes,
    plane_map: PlaneMap,
    settings: Settings,
) -> None:
    """Write the explorer of all points; those that were not projected are placed."""
    shown = [
        _spread_outlines(_planes.make_explorer_plane(data.name, name, plane), data, part)
        for name, plane in planes.items()
    ]
    main = next(iter(planes))
    column = _("neighborhood hit in the {projection} plane").format(projection=main)
    rows, columns = part, {column: planes[main].hit.hits}
    rest = np.delete(np.arange(len(data.points)), part)
    if len(rest):
        placed = _place_rest(context, data, part, rest, plane_map, settings.k)
        rows, columns = np.concatenate([part, rest]), {}
        shown = [
            replace(each, points=np.concatenate([each.points, placed[each.projection]]))
            for each in shown
        ]
        del placed, rest
    files = None if data.files is None else [data.files[row] for row in rows]
    return_freed_memory()  # the page of a million points takes 100 MB while it is made
    context.page(
        "explorer",
        render_explorer(
            shown,
            data.labels[rows],
            data.names,
            thumbnails=None if data.thumbnails is None else data.thumbnails[rows],
            point_names=files,
            columns=columns,
            title=data.name,
        ),
        title=N_("Explorer"),
    )


def _spread_outlines(plane: LayerProjection, data: Points, part: np.ndarray) -> LayerProjection:
    """Return the plane with an outline for every class, empty where none of it was projected."""
    codes = np.unique(data.labels[part]).tolist()

    def spread(outlines: Sequence[np.ndarray]) -> list[np.ndarray]:
        by_code = dict(zip(codes, outlines, strict=True))
        return [by_code.get(code, np.empty((0, 2))) for code in range(len(data.names))]

    return replace(plane, hulls=spread(plane.hulls), ellipses=spread(plane.ellipses))


def _place_rest(
    context: RunContext,
    data: Points,
    part: np.ndarray,
    rest: np.ndarray,
    plane_map: PlaneMap,
    k: int,
) -> dict[str, np.ndarray]:
    """Place the points that were not projected, and score them among those that were."""
    from scipy.spatial import cKDTree

    with context.progress(_("other points of {name}").format(name=data.name), len(rest)) as step:
        placed = plane_map.place(data.points, rest, step)
    main = plane_map.facts["projections"][0]
    tree = cKDTree(plane_map.planes[main])
    n_hits = 0
    for start in range(0, len(rest), _AT_ONCE):  # so that a million take little memory
        some = slice(start, start + _AT_ONCE)
        near = tree.query(placed[main][some], range(1, k + 1), workers=-1)[1]
        is_hit = plane_map.labels[near] == data.labels[rest[some]][:, None]
        n_hits += int(np.count_nonzero(is_hit))
    recipe: dict[str, object] = {
        "neighborhood-hit": f"k={k}",
        "n": len(rest),
        "among": len(part),
        "projection": get_key(main),
    }
    context.score("neighborhood_hit_placed", Score(n_hits / (len(rest) * k), recipe))
    return placed


def _scale(context: RunContext, data: Points) -> tuple[Points, int]:
    """Divide values whose squares are no numbers by a power of two; return its exponent.

    That changes no score, except where other values are so small that they then count as zero.
    """
    points = data.points
    top = max(float(points.max()), -float(points.min()))
    exponent = int(np.frexp(top)[1])
    if top == 0 or abs(exponent) <= _SCALE_LIMIT:
        return data, 0
    scaled: np.ndarray = np.ldexp(points, -exponent)
    limit = max(float(np.finfo(scaled.dtype).tiny), _MIN_SQUARED)
    n_lost = np.count_nonzero(points) - np.count_nonzero(np.abs(scaled) >= limit)
    text = (
        _(
            "The values reach {top:.3g}: all are divided by 2^{exponent}. Values below {limit:.1g} "
            "then count as zero: {n}."
        )
        if n_lost
        else _(
            "The values reach {top:.3g}: all are divided by 2^{exponent}, which changes no score."
        )
    )
    text = text.format(top=top, exponent=exponent, limit=np.ldexp(limit, exponent), n=n_lost)
    context.print_line(text)
    context.note(text)
    return replace(data, points=scaled), exponent


def _score_all(
    context: RunContext,
    data: Points,
    settings: Settings,
    recipe: dict[str, object],
    cluster: str | None,
) -> NeighborhoodHit:
    """Score the neighborhood hit in all dimensions: of all points, or of a random sample of them.

    The neighbors are searched among all points in both cases.
    """
    n, wanted = len(data.points), settings.score_points
    queries = None
    if wanted is not None and wanted < n:
        generator = make_generator(context.seed, "score points")
        queries = np.sort(generator.choice(n, wanted, replace=False))
    label = _("neighbors of {name}").format(name=data.name)
    with (
        ray_cluster.connect(cluster) if cluster else nullcontext() as remote,
        context.progress(label, n if queries is None else len(queries)) as step,
    ):
        options: dict[str, Any] = {"queries": queries, "progress": step}
        if remote:
            options["find"] = partial(find_on_cluster, remote, context.print_line)
        elif queries is None and n >= _MIN_FOR_ADVICE:
            options["progress"] = _estimate_time(context, n, step)
        hit = neighborhood_hit(data.points, data.labels, settings.k, **options)
    low, high = hit.interval
    more = {} if queries is None else {"interval": f"{low:.4f}-{high:.4f}"}
    context.score("neighborhood_hit_points", hit.score.with_recipe(**recipe, **more))
    if queries is not None:
        text = _(
            "Neighborhood hit of {q} of {n} points: {value:.2%}, "
            "95 % interval {low:.2%} to {high:.2%}."
        ).format(q=len(queries), n=n, value=hit.score.value, low=low, high=high)
        context.print_line(text)
        context.note(text)
    return hit


def _estimate_time(context: RunContext, n: int, step: Step) -> Step:
    """Return a step that says after its first call, of some seconds, how long all points take."""
    started, is_said = time.perf_counter(), False

    def step_and_say(done: int) -> None:
        nonlocal is_said
        step(done)
        if not is_said:
            is_said, seconds = True, (time.perf_counter() - started) / done
            context.print_line(
                _(
                    "Counting the neighbors of all {n} points takes about {time}; --score-points "
                    "{some} estimates the score in {less}, with an interval."
                ).format(
                    n=n,
                    time=format_duration(seconds * n),
                    some=_ADVISED,
                    less=format_duration(seconds * _ADVISED),
                )
            )

    return step_and_say


def _choose_points(context: RunContext, n: int, max_points: int) -> np.ndarray:
    """Return the indices of the points to project: all, or a random subset, which is reported."""
    if n <= max_points:
        return np.arange(n)
    text = _(
        "{n} points: a random subset of {max_points} is projected (--max-points); "
        "the score in all dimensions is not limited by it."
    ).format(n=n, max_points=max_points)
    context.print_line(text)
    context.note(text)
    return np.sort(make_generator(context.seed, "part").choice(n, max_points, replace=False))
