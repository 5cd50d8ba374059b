"""Separability of your own labeled points, by the criteria of practical 2."""

from functools import partial

import numpy as np
from pydantic import Field

from etabli.core.errors import BadSetting
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats.labeled_points import Points
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp2._planes import PlaneSettings
from etabli.viz.embedding import plot_explained_variance
from etabli.viz.explorer import render_explorer


class Settings(PlaneSettings):
    max_points: int = Field(
        20_000, ge=10, description=N_("points that are projected; of more, a random subset")
    )


def make_experiment(data: Points) -> ExperimentSpec:
    """Return the experiment that measures these points."""
    return ExperimentSpec(
        name="untangle",
        headline="neighborhood_hit_points",
        title=N_("Separability of your own points"),
        measures=N_("neighborhood hit, hulls and ellipses"),
        source=data.name,
        settings=Settings,
        run=partial(run, data=data),
    )


def run(context: RunContext, settings: Settings, data: Points) -> None:
    """Score the points in full and in the plane, and show figures and an explorer."""
    if len(data.points) <= settings.k:
        raise BadSetting(
            _("there are not enough points for {k} neighbors").format(k=settings.k),
            expected=_("more than {k} points").format(k=settings.k),
            got=len(data.points),
            fix=_("Choose a smaller number with --k."),
        )
    recipe: dict[str, object] = {"data": data.name}
    hit = _planes.score_space(context, "points", data.points, data.labels, settings, recipe)
    part = _choose_points(context, len(data.points), settings.max_points)
    points, labels = data.points[part], data.labels[part]
    names = [data.names[code] for code in np.unique(labels)]
    labels = np.unique(labels, return_inverse=True)[1]
    planes, principal = _planes.score_planes(
        context, points, labels, settings, name=data.name, recipe=recipe
    )
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
    shown = [_planes.make_explorer_plane(data.name, name, plane) for name, plane in planes.items()]
    thumbnails = None if data.thumbnails is None else data.thumbnails[part]
    context.page(
        "explorer",
        render_explorer(shown, labels, names, thumbnails=thumbnails, title=data.name),
        title=N_("Explorer"),
    )


def _choose_points(context: RunContext, n: int, max_points: int) -> np.ndarray:
    """Return the indices of the points to project: all, or a random subset, which is reported."""
    if n <= max_points:
        return np.arange(n)
    text = _(
        "{n} points: a random subset of {max_points} is projected (--max-points); "
        "the neighborhood hit in full uses all."
    ).format(n=n, max_points=max_points)
    context.print_line(text)
    context.note(text)
    return np.sort(make_generator(context.seed, "part").choice(n, max_points, replace=False))
