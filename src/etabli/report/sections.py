"""A page of sections with tables, figures, matrices and galleries, which opens without a network.

The pages on classifiers, folders of images and explanations of predictions are all composed of
these parts; every text in them is escaped.
"""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _, current_language
from etabli.core.version import __version__

__all__ = [
    "Figure",
    "Gallery",
    "Matrix",
    "Note",
    "Page",
    "Range",
    "Section",
    "Table",
    "Tile",
    "embed_jpeg",
    "embed_svg",
    "render",
    "write",
]

_TEMPLATES = Path(__file__).parent / "templates"
THUMBNAIL_SIDE = 176


@dataclass(frozen=True)
class Range:
    """A cell with a number between 0 and 1, its text, and the interval that is drawn below it."""

    text: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """Rows of cells, texts or ``Range``; ``numbers`` are the indices of columns of numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    numbers: Sequence[int] = ()
    kind: str = "table"


@dataclass(frozen=True)
class Matrix:
    """Counts of predicted classes (columns) for each class (rows)."""

    names: Sequence[str]
    counts: Sequence[Sequence[int]]
    kind: str = "matrix"

    def shade(self, row: int, column: int) -> float:
        """Return the share of the row that a cell has."""
        return self.counts[row][column] / max(1, sum(self.counts[row]))


@dataclass(frozen=True)
class Figure:
    """A drawing (``embed_svg``), its title and its caption."""

    title: str
    source: str
    caption: str = ""
    kind: str = "figure"


@dataclass(frozen=True)
class Tile:
    """Images next to one another, as sources with a name each, and lines of text below them.

    The first line is shown in bold; ``is_wrong`` marks a mistake.
    """

    images: Sequence[tuple[str, str]]
    lines: Sequence[str]
    is_wrong: bool = False


@dataclass(frozen=True)
class Gallery:
    """Tiles in a grid."""

    tiles: Sequence[Tile]
    caption: str = ""
    kind: str = "gallery"


@dataclass(frozen=True)
class Note:
    """A paragraph; a warning stands out."""

    text: str
    is_warning: bool = False
    kind: str = "note"


Block = Table | Matrix | Figure | Gallery | Note


@dataclass(frozen=True)
class Section:
    """A part of a page, with a key that links lead to."""

    key: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A page: title, facts below it, findings (a sentence, the key of a section), sections."""

    title: str
    facts: Sequence[str]
    sections: Sequence[Section]
    findings: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def render(page: Page) -> str:
    """Render a page as HTML in the current language."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(_=_, version=__version__, language=current_language())
    style = "".join(
        (_TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "sections.css")
    )
    return environment.get_template("sections.html").render(page=page, style=style)


def write(page: Page, path: Path | str) -> Path:
    """Write a page to a file in one step."""
    text = render(page)
    with atomic_write(path) as stream:
        stream.write(text)
    return Path(path)


def embed_jpeg(pixels: np.ndarray, side: int = THUMBNAIL_SIDE, quality: int = 78) -> str:
    """Return an image (H, W, 3) uint8, at most ``side`` pixels wide and high, as a data URL."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def embed_svg(drawing: bytes) -> str:
    """Return a drawing as a data URL; as text, because base64 would make it a third larger."""
    text = re.sub(r"\s+", " ", drawing.decode("utf-8"))
    return "data:image/svg+xml," + quote(text, safe=" =:/;,'()!*@$&+?")
