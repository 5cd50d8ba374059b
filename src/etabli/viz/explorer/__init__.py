"""The explorer: labelled points and their images as one HTML page that opens from disk, without network.

Everything stands in the page itself: positions (16 bits each), a sheet of thumbnails, outlines, texts, style, script.
"""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _, current_language
from etabli.viz.style import ON_DARK, ON_LIGHT

_SHEET = 4096  # pixels a side, what every browser takes as one image
_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Plane:
    """One projection of one layer: positions (N, 2), outlines by class index, and the numbers shown with it."""

    layer: str
    projection: str
    points: np.ndarray
    hulls: Sequence[np.ndarray] = ()
    ellipses: Sequence[np.ndarray] = ()
    numbers: dict[str, str] = field(default_factory=dict)


def explorer(
    planes: Sequence[Plane], labels: np.ndarray, names: Sequence[str], *, predicted: np.ndarray | None = None,
    thumbnails: np.ndarray | None = None, title: str = "",
) -> str:  # fmt: skip
    """The page, as HTML. ``labels`` and ``predicted`` are indices into ``names``; ``thumbnails`` (N, H, W[, 3]) uint8.

    All planes show the same points, so that these can move from one to another. Images on white, or 255 as ink
    (grey images, which are shown inverted).
    """
    n = len(labels)
    for array in (*(plane.points for plane in planes), predicted, thumbnails):
        if array is not None and len(array) != n:
            raise BadArray(
                _("the explorer's parts do not belong together"), expected=n, got=len(array)
            )
    data = {
        "title": title,
        "names": [str(name) for name in names],
        "colours": [ON_LIGHT[index % len(ON_LIGHT)] for index in range(len(names))],
        "colours_on_dark": [ON_DARK[index % len(ON_DARK)] for index in range(len(names))],
        "labels": np.asarray(labels).tolist(),
        "predicted": None if predicted is None else np.asarray(predicted).tolist(),
        "planes": [_plane(plane) for plane in planes],
        "sheet": None if thumbnails is None else sheet(thumbnails),
        "words": words(),
    }
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    for place, text in {
        "{{language}}": current_language(),
        "{{title}}": html.escape(title or _("Explorer")),
        "{{style}}": (_HERE / "explorer.css").read_text(encoding="utf-8"),
        "{{script}}": (_HERE / "explorer.js").read_text(encoding="utf-8"),
        "{{data}}": embedded,
    }.items():
        page = page.replace(place, text)
    return page


def words() -> dict[str, str]:
    """The page's texts in the language in use."""
    return {
        "layer": _("Layer"),
        "projection": _("Projection"),
        "colour": _("Colour"),
        "class": _("class"),
        "predicted": _("predicted class"),
        "error": _("right or wrong"),
        "right": _("right"),
        "wrong": _("wrong"),
        "hulls": _("Hulls"),
        "ellipses": _("Ellipses"),
        "move": _("Move"),
        "box": _("Box"),
        "lasso": _("Lasso"),
        "reset": _("Whole view"),
        "selected": _("{n} selected"),
        "hint": _(
            "Wheel: zoom. Drag: move. Choose Box or Lasso to select (or hold Shift); Escape lets go."
        ),
        "none": _("Select points to see their images here."),
        "more": _("and {n} more"),
        "true": _("true"),
        "guess": _("predicted"),
        "hide": _("Click a class to hide it or to show it."),
        "clear": _("Let go"),
        "points": _("{n} points"),
    }


def sheet(thumbnails: np.ndarray) -> dict[str, object]:
    """Thumbnails side by side in one PNG; fewer pixels each where there are very many."""
    from PIL import Image

    images = np.asarray(thumbnails)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise BadArray(
            _("thumbnails are images of bytes"),
            expected="(N, H, W) or (N, H, W, 3) uint8",
            got=images.shape,
        )
    grey = images.ndim == 3
    n, height, width = images.shape[:3]
    columns = min(n, int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    paper = np.zeros((rows * columns, *images.shape[1:]), np.uint8)
    paper[:n] = 255 - images if grey else images
    whole = paper.reshape(rows, columns, height, width, -1).transpose(0, 2, 1, 3, 4)
    whole = whole.reshape(rows * height, columns * width, -1)
    picture = Image.fromarray(whole[..., 0] if grey else whole)
    shrink = max(1.0, max(picture.size) / _SHEET)
    if shrink > 1:
        side = max(4, int(min(height, width) / shrink))
        picture = picture.resize((columns * side, rows * side), Image.Resampling.LANCZOS)
        width = height = side
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=False, compress_level=7)
    uri = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    return {"image": uri, "columns": columns, "width": width, "height": height}


def _plane(plane: Plane) -> dict[str, object]:
    points = np.asarray(plane.points, np.float64)
    low = points.min(axis=0)
    span = float(max(np.ptp(points, axis=0).max(), 1e-12))
    steps = np.round((points - low) / span * 65535).astype("<u2")

    def outlines(polygons: Sequence[np.ndarray]) -> list:
        return [np.round((np.asarray(polygon) - low) / span, 4).tolist() for polygon in polygons]

    return {
        "layer": plane.layer,
        "projection": plane.projection,
        "points": base64.b64encode(steps.tobytes()).decode(),
        "hulls": outlines(plane.hulls),
        "ellipses": outlines(plane.ellipses),
        "numbers": plane.numbers,
    }
