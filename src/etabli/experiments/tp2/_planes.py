"""Points in the plane and how well their classes are apart: what raw, hidden, untangling and one's own data share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.metrics.ellipses import class_ellipses, ellipse_overlap
from etabli.metrics.hulls import class_hulls, hull_overlap
from etabli.metrics.neighborhood_hit import NeighborhoodHit, neighborhood_hit
from etabli.metrics.score import Score
from etabli.metrics.separability import silhouette, trustworthiness
from etabli.projection.pca import PCA, pca
from etabli.projection.tsne import EARLY, METHOD, tsne
from etabli.viz import embedding
from etabli.viz.explorer import Plane


class Measuring(SettingsModel):
    """How points are projected and how the separation of their classes is measured."""

    k: int = Field(
        6, ge=1, le=1000, description=N_("neighbours that the neighborhood hit looks at")
    )
    perplexity: float = Field(
        30.0, gt=0, le=1000, description=N_("t-SNE's effective number of neighbours")
    )
    iterations: int = Field(
        500, ge=10, le=10000, description=N_("t-SNE's iterations after its 250 early ones")
    )
    pca_dimensions: int = Field(
        50, ge=2, le=4096, description=N_("principal components that t-SNE starts from")
    )
    trim: float = Field(
        0.05, ge=0, lt=1, description=N_("share of lonely points that a hull leaves out")
    )
    deviations: float = Field(
        2.0, gt=0, le=10, description=N_("standard deviations that an ellipse is wide")
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """A plane with its three criteria."""

    points: np.ndarray
    hit: NeighborhoodHit
    hulls: list[np.ndarray]
    ellipses: list[np.ndarray]
    hull_overlap: Score
    ellipse_overlap: Score


def tsne_plane(
    context: RunContext, points: np.ndarray, settings: Measuring, *, label: str
) -> np.ndarray:
    """(N, 2) by t-SNE, with progress; kept under the points and the settings that it depends upon."""
    asked = {
        "perplexity": settings.perplexity,
        "iterations": settings.iterations,
        "pca_dimensions": settings.pca_dimensions,
        "seed": context.seed,
    }

    def compute() -> dict[str, np.ndarray]:
        with context.progress(label, EARLY + settings.iterations) as step:
            return {"plane": tsne(points, progress=step, **asked)}

    return context.cached("tsne", {"points": points, "method": METHOD, **asked}, compute)["plane"]


def measured(plane: np.ndarray, labels: np.ndarray, settings: Measuring, seed: int = 0) -> Measured:
    """The three criteria of a plane."""
    return Measured(
        plane,
        neighborhood_hit(plane, labels, settings.k, seed=seed),
        list(class_hulls(plane, labels, settings.trim).values()),
        [each.outline(settings.deviations) for each in class_ellipses(plane, labels).values()],
        hull_overlap(plane, labels, settings.trim),
        ellipse_overlap(plane, labels, settings.deviations),
    )


def both_planes(
    context: RunContext, points: np.ndarray, labels: np.ndarray, settings: Measuring, *, name: str
) -> tuple[Measured, Measured, PCA]:
    """The t-SNE plane and the PCA plane of points, measured, and the PCA with its spectrum."""
    principal = pca(points)
    label = _("t-SNE of {name}").format(name=name)
    embedded = tsne_plane(context, points, settings, label=label)
    return (
        measured(embedded, labels, settings, context.seed),
        measured(principal.points, labels, settings),
        principal,
    )


def score_plane(context: RunContext, which: str, plane: Measured, words: dict[str, object]) -> None:
    """Keep the three criteria: ``neighborhood_hit_<which>``, ``hull_overlap_<which>``, ``ellipse_overlap_<which>``."""
    context.score(f"neighborhood_hit_{which}", plane.hit.score.with_recipe(**words))
    context.score(f"hull_overlap_{which}", plane.hull_overlap.with_recipe(**words))
    context.score(f"ellipse_overlap_{which}", plane.ellipse_overlap.with_recipe(**words))


def tsne_words(settings: Measuring) -> dict[str, object]:
    """t-SNE's settings as a score's recipe has them."""
    return {
        "projection": "t-sne",
        "perplexity": settings.perplexity,
        "iterations": settings.iterations,
        "pca": settings.pca_dimensions,
    }


def show_criteria(
    context: RunContext, key: str, plane: Measured, labels: np.ndarray, names: Sequence[str], *, number: str = "", title: str,
    caption: str = "",
) -> None:  # fmt: skip
    """The three criteria in three panels, as report figures 7 to 10 have them."""
    with context.figure(
        key,
        number=number,
        title=title,
        caption=caption,
        panels=(1, 3),
        size=(13.5, 4.4),
        image="png",
    ) as axes:
        for ax, polygons, what, score in (
            (axes[0], plane.hulls, _("convex hulls"), plane.hull_overlap),
            (axes[1], plane.ellipses, _("best-fit ellipses"), plane.ellipse_overlap),
        ):
            says = _("{what}: overlap {value:.3f}").format(what=what, value=score.value)
            embedding.scatter(
                plane.points, labels, names, legend=False, faint=True, title=says, ax=ax
            )
            embedding.outlines(polygons, names, ax=ax)
        embedding.class_hits(
            plane.hit.per_class, plane.hit.score.value, plane.hit.interval, ax=axes[2]
        )


def comparison_row(
    name: str, points: np.ndarray | None, plane: Measured, labels: np.ndarray, seed: int
) -> list[object]:
    """A row of the table of planes: hit with its interval, overlaps, silhouette, and trust in the projection."""
    low, high = plane.hit.interval
    trust = (
        "" if points is None else round(trustworthiness(points, plane.points, seed=seed).value, 3)
    )
    return [
        name, round(plane.hit.score.value, 4), f"{low:.4f} … {high:.4f}", round(plane.hull_overlap.value, 3),
        round(plane.ellipse_overlap.value, 3), round(silhouette(plane.points, labels, seed=seed).value, 3), trust,
    ]  # fmt: skip


def show_comparison(context: RunContext, rows: list[list[object]]) -> None:
    """The table of planes."""
    context.table(
        "planes",
        title=N_("How far apart the classes are"),
        columns=[
            N_("points"), N_("neighborhood hit"), N_("95 % interval"), N_("overlap of hulls"),
            N_("overlap of ellipses"), N_("silhouette"), N_("trustworthiness"),
        ],
        rows=rows,
        caption=N_("Overlaps: means over pairs of classes. Silhouette, trustworthiness: at most 2,000 points."),
    )  # fmt: skip


def explorer_plane(layer: str, projection: str, plane: Measured) -> Plane:
    """A measured plane as the explorer takes it."""
    numbers = {
        _("neighborhood hit"): f"{100 * plane.hit.score.value:.2f} %",
        _("overlap of hulls"): f"{plane.hull_overlap.value:.3f}",
        _("overlap of ellipses"): f"{plane.ellipse_overlap.value:.3f}",
    }
    return Plane(layer, projection, plane.points, plane.hulls, plane.ellipses, numbers)
