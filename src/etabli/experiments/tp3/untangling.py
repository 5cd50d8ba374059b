"""Class separation in extracted features, before and after fine-tuning, as in practical 2."""

import numpy as np

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp3 import _shared
from etabli.projection.pca import pca
from etabli.viz.explorer import render_explorer

MIN_IMAGES = 8  # of a class; fewer give no meaningful hull


def compare(
    context: RunContext, task: _shared.Task, before: np.ndarray, after: np.ndarray, iterations: int
) -> None:
    """Compare the class separation of test images with a single class.

    Args:
        context: The context of the seed run.
        task: The task.
        before: The frozen features of all test images, (N, D).
        after: Their features after fine-tuning, (N, D).
        iterations: The iterations of t-SNE.
    """
    present = task.test.labels == 1
    is_single = (task.test.labels != -1).sum(1) == 1
    selected = [
        k for k in range(present.shape[1]) if (is_single & present[:, k]).sum() >= MIN_IMAGES
    ]
    rows = np.flatnonzero(is_single & present[:, selected].any(1))
    if len(selected) < 2:
        context.note(
            _("Too few test images have a single class to show how the classes are separated.")
        )
        return
    names, labels = [task.test.classes[k] for k in selected], present[rows][:, selected].argmax(1)
    settings = _planes.PlaneSettings(iterations=iterations)
    shown, table = [], []
    for key, title, features in (
        ("frozen", _("frozen"), before),
        ("tuned", _("fine-tuned"), after),
    ):
        points = np.asarray(features[rows], dtype=np.float32)
        views = {
            "t-SNE": _planes.compute_tsne_plane(
                context, points, settings, label=_("t-SNE, {which}").format(which=title)
            ),
            "PCA": pca(points).points,
        }
        for projection, plane in views.items():
            measured = _planes.measure_plane(plane, labels, settings, context.seed)
            shown.append(_planes.make_explorer_plane(title, projection, measured))
            table.append(
                _planes.make_comparison_row(
                    f"{projection}, {title}", points, measured, labels, context.seed
                )
            )
            if projection == "t-SNE":
                recipe = {**task.recipe, "weights": key, **_planes.tsne_recipe(settings)}
                context.score(f"neighborhood_hit_{key}", measured.hit.score.with_recipe(**recipe))
    _planes.show_comparison(context, table)
    photos = np.stack(_shared.read_thumbnails(task.test, rows, 28))
    title = N_("Explorer of the features, before and after fine-tuning")
    caption = N_("Test images with a single class.")
    context.page(
        "explorer",
        render_explorer(shown, labels, names, thumbnails=photos, title=_(title)),
        title=title,
        caption=caption,
    )
