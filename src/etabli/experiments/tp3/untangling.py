"""Practical 2's question put to deep features: how far apart are the classes, before and after fine-tuning?"""

import numpy as np

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.tp2 import _planes
from etabli.experiments.tp3 import _shared
from etabli.projection.pca import pca
from etabli.viz.explorer import explorer

LEAST = 8  # images of a class from which it has a hull worth drawing


def show(
    context: RunContext, work: _shared.Task, before: np.ndarray, after: np.ndarray, iterations: int
) -> None:
    """Test images that show one class alone, by their features (N, D) frozen and fine-tuned, in one explorer."""
    present = work.test.labels == 1
    alone = (work.test.labels != -1).sum(1) == 1
    kept = [k for k in range(present.shape[1]) if (alone & present[:, k]).sum() >= LEAST]
    rows = np.flatnonzero(alone & present[:, kept].any(1))
    if len(kept) < 2:
        context.note(
            _("Too few test images show one class alone for a picture of how the classes lie.")
        )
        return
    names, labels = [work.test.classes[k] for k in kept], present[rows][:, kept].argmax(1)
    measuring = _planes.Measuring(iterations=iterations)
    made, table = [], []
    for key, title, features in (
        ("frozen", _("frozen"), before),
        ("tuned", _("fine-tuned"), after),
    ):
        points = np.asarray(features[rows], dtype=np.float32)
        views = {
            "t-SNE": _planes.tsne_plane(
                context, points, measuring, label=_("t-SNE, {which}").format(which=title)
            ),
            "PCA": pca(points).points,
        }
        for projection, plane in views.items():
            measured = _planes.measured(plane, labels, measuring, context.seed)
            made.append(_planes.explorer_plane(title, projection, measured))
            table.append(
                _planes.comparison_row(
                    f"{projection}, {title}", points, measured, labels, context.seed
                )
            )
            if projection == "t-SNE":
                words = {**work.words, "weights": key, **_planes.tsne_words(measuring)}
                context.score(f"neighborhood_hit_{key}", measured.hit.score.with_recipe(**words))
    _planes.show_comparison(context, table)
    photos = np.stack(_shared.thumbnails(work.test, rows, 28))
    title = N_("Explorer of the deep features, before and after fine-tuning")
    caption = N_("Test images that show one class alone.")
    context.page(
        "explorer",
        explorer(made, labels, names, thumbnails=photos, title=_(title)),
        title=title,
        caption=caption,
    )
