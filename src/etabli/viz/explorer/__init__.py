"""The explorer: labeled points and their images as one HTML page that opens offline.

The page embeds everything: positions (16 bits each), a sprite sheet of thumbnails, outlines,
texts, style and script.
"""

import base64
import html
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _, current_language
from etabli.viz.style import COLORS_ON_DARK, COLORS_ON_LIGHT

__all__ = ["LayerProjection", "TrainingSequence", "make_sprite_sheet", "render_explorer"]

_AT_ONCE = 50_000  # points that are quantized at once, so that a million take little memory
_MAX_SHEET_SIZE = 4096  # pixels: every browser accepts an image of this width and height
_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class LayerProjection:
    """A projection of a layer: positions (N, 2), outlines by class index, and scores to show."""

    layer: str
    projection: str
    points: np.ndarray
    hulls: Sequence[np.ndarray] = ()
    ellipses: Sequence[np.ndarray] = ()
    numbers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrainingSequence:
    """The planes of L layers of a net after E epochs, through which the page moves with sliders.

    ``planes[epoch][layer]`` is an index of the planes of the page; ``predicted`` (E, N) are class
    indices; the hits (E, L) are those in the plane, and before the projection.
    """

    net: str
    layers: Sequence[str]
    epochs: Sequence[int]
    planes: Sequence[Sequence[int]]
    predicted: np.ndarray
    plane_hits: np.ndarray
    hits: np.ndarray


def render_explorer(
    planes: Sequence[LayerProjection],
    labels: np.ndarray,
    names: Sequence[str],
    *,
    predicted: np.ndarray | None = None,
    thumbnails: np.ndarray | None = None,
    point_names: Sequence[str] | None = None,
    columns: Mapping[str, Sequence[object] | np.ndarray] | None = None,
    kinds: np.ndarray | None = None,
    sequences: Sequence[TrainingSequence] = (),
    title: str = "",
) -> str:
    """Render the explorer as HTML.

    Args:
        planes: Projections of the same N points, between which the page animates.
        labels: Class index (N,) of each point.
        names: Name of each class.
        predicted: Predicted class index (N,) of each point.
        thumbnails: Images (N, H, W, 3) uint8, or (N, H, W) with 255 for ink, shown inverted.
        point_names: Name of each point, such as a file or a word: shown, searched and exported.
        columns: Further values of each point, numbers or texts, by which the page can color.
        kinds: For each point 0 (old, drawn pale), 1 (new, drawn large) or 2 (new and unlike the
            old ones, drawn hollow).
        sequences: Nets whose layers and epochs the planes are; the first one is shown.
        title: Title of the page.

    Raises:
        BadArray: The arrays differ in length.
    """
    n, columns = len(labels), columns or {}
    given = (predicted, thumbnails, point_names, kinds, *columns.values())
    for array in (*(plane.points for plane in planes), *given):
        if array is not None and len(array) != n:
            raise BadArray(
                _("the arrays of the explorer differ in length"), expected=n, got=len(array)
            )
    data = {
        "title": title,
        "names": [str(name) for name in names],
        "colors": [COLORS_ON_LIGHT[index % 10] for index in range(len(names))],
        "colors_on_dark": [COLORS_ON_DARK[index % 10] for index in range(len(names))],
        "labels": np.asarray(labels).tolist(),
        "predicted": None if predicted is None else np.asarray(predicted).tolist(),
        "palette": list(COLORS_ON_LIGHT[:10]),
        "point_names": None if point_names is None else [str(name) for name in point_names],
        "columns": [_encode_column(name, values) for name, values in columns.items()],
        "planes": [_encode_plane(plane) for plane in planes],
        "kinds": None if kinds is None else np.asarray(kinds).tolist(),
        "sequences": [_encode_sequence(each) for each in sequences],
        "sheet": None if thumbnails is None else make_sprite_sheet(thumbnails),
        "texts": _translated_texts(),
    }
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    del data  # of a million points, as large as the page
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    for placeholder, text in {
        "{{language}}": current_language(),
        "{{title}}": html.escape(title or _("Explorer")),
        "{{style}}": (_HERE / "explorer.css").read_text(encoding="utf-8"),
        "{{script}}": (_HERE / "explorer.js").read_text(encoding="utf-8"),
    }.items():
        page = page.replace(placeholder, text)
    return embedded.join(page.split("{{data}}"))


def make_sprite_sheet(thumbnails: np.ndarray) -> dict[str, object]:
    """Tile thumbnails into one PNG, downscaled where the sheet would be too large for a browser.

    Returns:
        The PNG as a data URI ("image"), the number of columns, and the size of a thumbnail.

    Raises:
        BadArray: The thumbnails are not uint8 images.
    """
    from PIL import Image

    images = np.asarray(thumbnails)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise BadArray(
            _("thumbnails must be uint8 images"),
            expected="(N, H, W) or (N, H, W, 3) uint8",
            got=images.shape,
        )
    is_gray = images.ndim == 3
    n, height, width = images.shape[:3]
    columns = min(n, int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    cells = np.zeros((rows * columns, *images.shape[1:]), np.uint8)
    cells[:n] = 255 - images if is_gray else images
    sheet = cells.reshape(rows, columns, height, width, -1).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * height, columns * width, -1)
    image = Image.fromarray(sheet[..., 0] if is_gray else sheet)
    shrink = max(image.size) / _MAX_SHEET_SIZE
    if shrink > 1:
        width = height = max(4, int(min(height, width) / shrink))
        image = image.resize((columns * width, rows * height), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=False, compress_level=7)
    uri = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    return {"image": uri, "columns": columns, "width": width, "height": height}


def _encode_column(name: str, values: Sequence[object] | np.ndarray) -> dict[str, object]:
    """Encode numbers with their range, or texts as codes into their names, the commonest first."""
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        numbers = array.astype(float)
        is_finite = np.isfinite(numbers)
        low, high = (
            (numbers[is_finite].min(), numbers[is_finite].max()) if is_finite.any() else (0, 0)
        )
        kept = [
            float(f"{value:.6g}") if ok else None
            for value, ok in zip(numbers.tolist(), is_finite, strict=True)
        ]
        return {
            "name": name, "kind": "number", "values": kept,
            "low": float(f"{low:.4g}"), "high": float(f"{high:.4g}"),
        }  # fmt: skip
    texts = [str(value) for value in array.tolist()]
    names = [text for text, _n in Counter(texts).most_common()]
    codes = {text: code for code, text in enumerate(names)}
    return {"name": name, "kind": "text", "values": [codes[text] for text in texts], "names": names}


def _encode_plane(plane: LayerProjection) -> dict[str, object]:
    """Scale the positions to [0, 1], quantized to 16 bits, and the outlines with them."""
    points = np.asarray(plane.points)
    low, high = (np.asarray(each, np.float64) for each in (points.min(axis=0), points.max(axis=0)))
    span = float(max((high - low).max(), 1e-12))
    quantized = np.empty(points.shape, "<u2")
    for start in range(0, len(points), _AT_ONCE):
        part = points[start : start + _AT_ONCE]
        quantized[start : start + _AT_ONCE] = np.round((part - low) / span * 65535)

    def scale(polygons: Sequence[np.ndarray]) -> list[list[list[float]]]:
        return [np.round((np.asarray(polygon) - low) / span, 4).tolist() for polygon in polygons]

    outlines = [np.asarray(polygon) for polygon in (*plane.hulls, *plane.ellipses)]
    corners = np.concatenate([[low, high], *(each for each in outlines if len(each))])
    corners = (corners - low) / span
    return {
        "box": np.round([*corners.min(axis=0), *corners.max(axis=0)], 4).tolist(),
        "layer": plane.layer,
        "projection": plane.projection,
        "points": base64.b64encode(quantized.tobytes()).decode(),
        "hulls": scale(plane.hulls),
        "ellipses": scale(plane.ellipses),
        "numbers": plane.numbers,
    }


def _encode_sequence(each: TrainingSequence) -> dict[str, object]:
    return {
        "net": each.net,
        "layers": list(each.layers),
        "epochs": list(each.epochs),
        "planes": [list(row) for row in each.planes],
        "predicted": [
            base64.b64encode(np.asarray(row).astype("<u2").tobytes()).decode()
            for row in each.predicted
        ],
        "plane_hits": np.round(each.plane_hits, 4).tolist(),
        "hits": np.round(each.hits, 4).tolist(),
    }


def _translated_texts() -> dict[str, str]:
    """Return the texts of the page in the current language."""
    return {
        "layer": _("Layer"),
        "projection": _("Projection"),
        "color": _("Color"),
        "class": _("class"),
        "predicted": _("predicted class"),
        "error": _("correct or wrong"),
        "right": _("correct"),
        "wrong": _("wrong"),
        "hulls": _("Hulls"),
        "ellipses": _("Ellipses"),
        "move": _("Pan"),
        "box": _("Box"),
        "lasso": _("Lasso"),
        "reset": _("Reset view"),
        "selected": _("{n} selected"),
        "hint": _(
            "Scroll to zoom, drag to pan. Select with Box or Lasso (or hold Shift and drag); "
            "press Escape to clear the selection."
        ),
        "none": _("Select points to see their images here."),
        "kinds": _("Pale: old points. Outlined: new points; hollow: those unlike the old ones."),
        "more": _("and {n} more"),
        "true": _("true"),
        "guess": _("predicted"),
        "hide": _("Click a class to hide or show it."),
        "clear": _("Clear selection"),
        "points": _("{n} points"),
        "search": _("Search"),
        "copy": _("Copy indices"),
        "copy_names": _("Copy names"),
        "download": _("Download as CSV"),
        "play": _("Play the layers"),
        "play_layers": _("Play the layers"),
        "play_epochs": _("Play the epochs"),
        "net": _("Net"),
        "epoch": _("Epoch"),
        "names": _("Names"),
        "accuracy": _("test accuracy"),
        "hit_here": _("neighborhood hit in this plane"),
        "hit_space": _("before the projection, in at most 50 dimensions:"),
        "hit_table": _("Neighborhood hit (%) by epoch and layer; click a cell to show its plane"),
        "others": _("others"),
    }
