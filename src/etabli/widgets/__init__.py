"""Pages of Établi as widgets of a notebook: Jupyter, JupyterLite, marimo, VS Code, Colab.

They need the package anywidget: ``pip install 'etabli[notebook]'``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.widgets.frame import Frame

__all__ = ["backprop", "explorer"]


def explorer(
    points: Any,
    labels: Any = None,
    *,
    images: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    projection: Literal["tsne", "pca"] = "tsne",
    title: str = "",
    height: int = 640,
    seed: int = 0,
) -> "Frame":
    """Show labeled points in the plane; ``widget.selected`` are the indices of those you select.

    Args:
        points: (N, D) numbers, also a data frame. Two columns are the plane itself.
        labels: N labels, numbers or texts, by which the points are colored.
        images: (N, H, W) or (N, H, W, 3) uint8, one for each point.
        names: One for each point, such as a word or a file.
        projection: How points of more than two columns are projected to the plane.
        title: The title above the plane.
        height: In pixels.
        seed: Seed of t-SNE.

    Returns:
        The widget.

    Raises:
        BadArray: The arrays are malformed, or differ in length.
        MissingExtra: anywidget is not installed.
    """
    from etabli.projection.pca import check_points, pca
    from etabli.projection.tsne import tsne
    from etabli.viz.explorer import LayerProjection, render_explorer
    from etabli.widgets.frame import make_frame

    array = check_points(np.asarray(points))
    given = np.zeros(len(array), int) if labels is None else np.asarray(labels)
    if given.shape != array.shape[:1]:
        raise BadArray(
            _("points and labels differ in length"), expected=len(array), got=given.shape
        )
    classes, indices = np.unique(given.astype(str), return_inverse=True)
    if array.shape[1] == 2:
        plane, how = array, _("as given")
    elif projection == "pca":
        plane, how = pca(array).points, "PCA"
    else:
        plane, how = tsne(array, seed=seed), "t-SNE"
    page = render_explorer(
        [LayerProjection(_("points"), how, plane)],
        indices,
        [_("points")] if labels is None else list(classes),
        thumbnails=images,
        point_names=names,
        title=title,
    )
    return make_frame(page, height)


def backprop(height: int = 900) -> "Frame":
    """Show the page Backpropagation: every number of a small net, which the page computes.

    Args:
        height: In pixels.

    Returns:
        The widget.

    Raises:
        MissingExtra: anywidget is not installed.
    """
    from etabli.widgets.frame import make_frame
    from etabli.widgets.standalone import render_backprop

    return make_frame(render_backprop(), height)
