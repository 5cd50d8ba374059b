"""The story of ``etabli untangle``: one's own labelled points under the criteria of practical 2."""

from functools import partial

import numpy as np
from pydantic import Field

from etabli.core.errors import BadSetting
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats.labelled_points import Points
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp2._planes import Measuring
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.viz.embedding import spectrum
from etabli.viz.explorer import explorer


class Settings(Measuring):
    most: int = Field(
        20_000, ge=10, description=N_("points that are projected and drawn; of more, a random part")
    )


def experiment(given: Points) -> ExperimentSpec:
    """A card for these points."""
    return ExperimentSpec(
        name="untangle",
        title=N_("Separability of one's own points"),
        measures=N_("neighborhood hit, hulls and ellipses"),
        source=given.name,
        settings=Settings,
        run=partial(run, given=given),
    )


def run(context: RunContext, settings: Settings, given: Points) -> None:
    if len(given.points) <= settings.k:
        raise BadSetting(
            _("there are not enough points for {k} neighbours").format(k=settings.k),
            expected=_("more than {k} points").format(k=settings.k),
            got=len(given.points),
            fix=_("Choose a smaller number with --k."),
        )
    words = {"data": given.name}
    whole = neighborhood_hit(given.points, given.labels, settings.k)
    context.score("neighborhood_hit_points", whole.score.with_recipe(**words))
    part = chosen(context, len(given.points), settings.most)
    points, labels = given.points[part], given.labels[part]
    names = [given.names[code] for code in np.unique(labels)]
    labels = np.unique(labels, return_inverse=True)[1]
    by_tsne, by_pca, principal = _planes.both_planes(
        context, points, labels, settings, name=given.name
    )
    _planes.score_plane(context, "tsne", by_tsne, words | _planes.tsne_words(settings))
    _planes.score_plane(context, "pca", by_pca, words | {"projection": "pca"})

    low, high = whole.interval
    size = _("{name}, {d} dimensions").format(name=given.name, d=given.points.shape[1])
    rows = [[size, round(whole.score.value, 4), f"{low:.4f} … {high:.4f}", "", "", "", ""]]
    both = (("t-SNE", by_tsne), ("PCA", by_pca))
    rows += [
        _planes.comparison_row(name, points, plane, labels, context.seed) for name, plane in both
    ]
    _planes.show_comparison(context, rows)
    for (name, plane), key in zip(both, ("tsne", "pca"), strict=True):
        title = _("{projection} of {name}").format(projection=name, name=given.name)
        _planes.show_criteria(context, key, plane, labels, names, title=title)
    with context.figure("spectrum", title=N_("The eigenvalues of PCA"), size=(7, 3.6)) as ax:
        spectrum(principal.spectrum, ax=ax)
    shown = [_planes.explorer_plane(given.name, name, plane) for name, plane in both]
    thumbnails = None if given.thumbnails is None else given.thumbnails[part]
    context.page(
        "explorer",
        explorer(shown, labels, names, thumbnails=thumbnails, title=given.name),
        title=N_("Explorer"),
    )


def chosen(context: RunContext, n: int, most: int) -> np.ndarray:
    """The points that are projected: all, or a random part, which is said."""
    if n <= most:
        return np.arange(n)
    text = _(
        "{n} points: the planes show {most} of them, drawn at random (--most); the neighborhood hit in full is of all."
    )
    context.print_line(text.format(n=n, most=most))
    context.note(text.format(n=n, most=most))
    return np.sort(make_generator(context.seed, "part").choice(n, most, replace=False))
