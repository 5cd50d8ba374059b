"""Projection of points to planes, and three criteria of the separation of their classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.metrics.ellipses import class_ellipses, ellipse_overlap
from etabli.metrics.hulls import class_hulls, hull_overlap
from etabli.metrics.neighborhood_hit import NeighborhoodHit, neighborhood_hit
from etabli.metrics.score import Score
from etabli.metrics.separability import silhouette, trustworthiness
from etabli.projection.pca import PCA, pca
from etabli.projection.tsne import EARLY_ITERATIONS, METHOD, tsne
from etabli.projection.umap import MIN_DISTANCE, NEIGHBORS, umap
from etabli.viz import embedding
from etabli.viz.explorer import LayerProjection

Neighbors = Annotated[
    int, Field(ge=1, le=1000, description=N_("number of neighbors of the neighborhood hit"))
]


class PlaneSettings(SettingsModel):
    """How points are projected and how the separation of their classes is measured."""

    k: Neighbors = 6
    perplexity: float = Field(default=30.0, gt=0, le=1000, description=N_("perplexity of t-SNE"))
    iterations: int = Field(
        default=500,
        ge=10,
        le=10000,
        description=N_("iterations of t-SNE after 250 with early exaggeration"),
    )
    pca_dimensions: int = Field(
        default=50, ge=2, le=4096, description=N_("number of principal components before t-SNE")
    )
    trim: float = Field(
        default=0.05, ge=0, lt=1, description=N_("share of outliers trimmed from the convex hulls")
    )
    deviations: float = Field(
        default=2.0, gt=0, le=10, description=N_("radius of the ellipses, in standard deviations")
    )


@dataclass(frozen=True, eq=False)
class MeasuredPlane:
    """A plane with its three criteria."""

    points: np.ndarray
    hit: NeighborhoodHit
    hulls: list[np.ndarray]
    ellipses: list[np.ndarray]
    hull_overlap: Score
    ellipse_overlap: Score


Planes = dict[str, MeasuredPlane]
"""Projection ("t-SNE", "PCA") -> plane."""


def compute_tsne_plane(
    context: RunContext, points: np.ndarray, settings: PlaneSettings, *, label: str
) -> np.ndarray:
    """Project points to (N, 2) by t-SNE, with progress; the result is cached."""
    arguments: dict[str, Any] = {
        "perplexity": settings.perplexity,
        "iterations": settings.iterations,
        "pca_dimensions": settings.pca_dimensions,
        "seed": context.seed,
    }

    def compute() -> dict[str, np.ndarray]:
        with context.progress(label, EARLY_ITERATIONS + settings.iterations) as step:
            return {"plane": tsne(points, progress=step, **arguments)}

    key = {"points": points, "method": METHOD, **arguments}
    return context.cached("tsne", key, compute)["plane"]


def compute_umap_plane(
    context: RunContext, points: np.ndarray, settings: PlaneSettings, *, label: str
) -> np.ndarray:
    """Project points to (N, 2) by UMAP; the result is cached."""
    arguments: dict[str, Any] = {"pca_dimensions": settings.pca_dimensions, "seed": context.seed}

    def compute() -> dict[str, np.ndarray]:
        context.print_line(
            _("UMAP runs on one core, because only then does a seed give the same plane.")
        )
        with context.progress(label, 1) as step:
            plane = umap(points, **arguments)
            step(1)
        return {"plane": plane}

    return context.cached("umap", {"points": points, **arguments}, compute)["plane"]


def measure_plane(
    plane: np.ndarray, labels: np.ndarray, settings: PlaneSettings, seed: int = 0
) -> MeasuredPlane:
    """Compute the three criteria of a plane."""
    return MeasuredPlane(
        plane,
        neighborhood_hit(plane, labels, settings.k, seed=seed),
        list(class_hulls(plane, labels, settings.trim).values()),
        [each.outline(settings.deviations) for each in class_ellipses(plane, labels).values()],
        hull_overlap(plane, labels, settings.trim),
        ellipse_overlap(plane, labels, settings.deviations),
    )


def score_space(
    context: RunContext,
    space: str,
    points: np.ndarray,
    labels: np.ndarray,
    settings: PlaneSettings,
    recipe: dict[str, object],
) -> NeighborhoodHit:
    """Score ``neighborhood_hit_<space>`` of points in all their dimensions; return the hit.

    Args:
        context: The context of the seed run.
        space: The end of the name of the score.
        points: The points, (N, D).
        labels: Their classes, (N,).
        settings: The number of neighbors.
        recipe: The recipe of the score.
    """
    hit = neighborhood_hit(points, labels, settings.k)
    context.score(f"neighborhood_hit_{space}", hit.score.with_recipe(**recipe))
    return hit


def score_planes(
    context: RunContext,
    points: np.ndarray,
    labels: np.ndarray,
    settings: PlaneSettings,
    *,
    name: str,
    recipe: dict[str, object],
    prefix: str = "",
    projection: str = "t-SNE",
) -> tuple[Planes, PCA]:
    """Project points by t-SNE (or UMAP) and by PCA; score the three criteria of the planes.

    Args:
        context: The context of the seed run.
        points: The points, (N, D).
        labels: Their classes, (N,).
        settings: How to project and to measure.
        name: The name of the points, for the progress.
        recipe: The recipe of the scores.
        prefix: The scores are ``neighborhood_hit_<prefix>tsne``, ``hull_overlap_<prefix>tsne``,
            ``ellipse_overlap_<prefix>tsne``, and the same with ``pca``.
        projection: "t-SNE" or "UMAP"; with "PCA", no other plane.

    Returns:
        The planes, and the PCA with its spectrum.
    """
    principal = pca(points)
    planes: Planes = {}
    if projection != "PCA":
        compute = compute_tsne_plane if projection == "t-SNE" else compute_umap_plane
        label = _("{projection} of {name}").format(projection=projection, name=name)
        embedded = compute(context, points, settings, label=label)
        planes[projection] = measure_plane(embedded, labels, settings, context.seed)
    planes["PCA"] = measure_plane(principal.points, labels, settings)
    recipes: dict[str, dict[str, object]] = {
        "t-SNE": tsne_recipe(settings),
        "PCA": {"projection": "pca"},
        "UMAP": umap_recipe(settings),
    }
    for kind, plane in planes.items():
        suffix = prefix + get_key(kind)
        own = recipe | recipes[kind]
        context.score(f"neighborhood_hit_{suffix}", plane.hit.score.with_recipe(**own))
        context.score(f"hull_overlap_{suffix}", plane.hull_overlap.with_recipe(**own))
        context.score(f"ellipse_overlap_{suffix}", plane.ellipse_overlap.with_recipe(**own))
    return planes, principal


def get_key(projection: str) -> str:
    """Return the name of a projection in scores and files: "tsne" or "pca"."""
    return projection.replace("-", "").lower()


def tsne_recipe(settings: PlaneSettings) -> dict[str, object]:
    """Return the settings of t-SNE for the recipe of a score."""
    return {
        "projection": "t-sne",
        "perplexity": settings.perplexity,
        "iterations": settings.iterations,
        "pca": settings.pca_dimensions,
    }


def umap_recipe(settings: PlaneSettings) -> dict[str, object]:
    """Return the settings of UMAP for the recipe of a score."""
    return {
        "projection": "umap",
        "neighbors": NEIGHBORS,
        "min_dist": MIN_DISTANCE,
        "pca": settings.pca_dimensions,
    }


def show_criteria(
    context: RunContext,
    key: str,
    plane: MeasuredPlane,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    title: str,
    number: str = "",
    caption: str = "",
) -> None:
    """Plot the three criteria in three panels, as report figures 7 to 10 do.

    Args:
        context: The context of the seed run.
        key: The name of the figure.
        plane: The plane.
        labels: The classes of its points, (N,).
        names: The names of the classes.
        title: The title of the figure.
        number: The figure of the lab report that it reproduces.
        caption: The caption of the figure.
    """
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
            says = _("{what}: overlap {value}").format(what=what, value=format_overlap(score))
            embedding.plot_scatter(
                plane.points, labels, names, legend=False, faint=True, title=says, ax=ax
            )
            embedding.plot_outlines(polygons, names, ax=ax)
        hits: dict[object, float] = {
            names[code] if isinstance(code, int) else code: value
            for code, value in plane.hit.per_class.items()
        }
        embedding.plot_neighborhood_hits(
            hits, plane.hit.score.value, plane.hit.interval, ax=axes[2]
        )


def make_space_row(name: str, hit: NeighborhoodHit) -> list[object]:
    """Return the row of a space of all dimensions in the table of ``show_comparison``."""
    low, high = hit.interval
    interval = f"{100 * low:.2f} … {100 * high:.2f} %"
    return [name, round(hit.score.value, 4), interval, *[""] * 4]


def make_comparison_row(
    name: str, points: np.ndarray, plane: MeasuredPlane, labels: np.ndarray, seed: int
) -> list[object]:
    """Return the row of a plane in the table of ``show_comparison``.

    Args:
        name: The name of the plane.
        points: The projected points, (N, D).
        plane: The plane.
        labels: The classes, (N,).
        seed: Selects the points for silhouette and trustworthiness.
    """
    scores = (
        plane.hull_overlap,
        plane.ellipse_overlap,
        silhouette(plane.points, labels, seed=seed),
        trustworthiness(points, plane.points, seed=seed),
    )
    values = [None if score.is_undefined else round(score.value, 3) for score in scores]
    return [*make_space_row(name, plane.hit)[:3], *values]


def format_overlap(score: Score) -> str:
    """Write an overlap, or a dash where the classes have no area."""
    return "—" if score.is_undefined else f"{100 * score.value:.2f} %"


def show_comparison(context: RunContext, rows: list[list[object]]) -> None:
    """Add the table that compares spaces and planes."""
    context.table(
        "planes",
        title=N_("Separation of the classes"),
        columns=[
            N_("points"),
            N_("neighborhood hit"),
            N_("95 % interval"),
            N_("overlap of hulls"),
            N_("overlap of ellipses"),
            N_("silhouette"),
            N_("trustworthiness"),
        ],
        rows=rows,
        caption=N_(
            "Overlaps: means over pairs of classes. Silhouette, trustworthiness: at most 2,000 "
            "points."
        ),
    )


def make_explorer_plane(layer: str, projection: str, plane: MeasuredPlane) -> LayerProjection:
    """Convert a measured plane for the explorer."""
    numbers = {
        _("neighborhood hit"): f"{100 * plane.hit.score.value:.2f} %",
        _("overlap of hulls"): format_overlap(plane.hull_overlap),
        _("overlap of ellipses"): format_overlap(plane.ellipse_overlap),
    }
    return LayerProjection(layer, projection, plane.points, plane.hulls, plane.ellipses, numbers)
