"""A page of images with what was written of them: one self-contained HTML document."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from etabli.core.i18n import _, current_language

__all__ = ["Entry", "page"]

SIDE = 224
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1.2rem; }
article { border: 1px solid #8884; border-radius: .5rem; overflow: hidden; }
img { display: block; width: 100%; height: auto; }
article > div { padding: .6rem .9rem; }
.said { font-weight: 600; margin: 0 0 .4rem; } .score { opacity: .75; font-size: .85rem; margin: 0; }
ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .88rem; opacity: .85; }
"""


@dataclass(frozen=True)
class Entry:
    """An image with its caption, what is said of that caption (scores), and the references or other candidates."""

    name: str
    pixels: np.ndarray
    caption: str
    remark: str
    others: tuple[str, ...] = ()


def page(title: str, introduction: str, sections: Sequence[tuple[str, Sequence[Entry]]]) -> str:
    """The HTML of sections of entries; pictures are inside it, at most 224 pixels wide."""
    parts = [
        f'<!doctype html><html lang="{current_language()}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><p>{escape(introduction)}</p>",
    ]
    for heading, entries in sections:
        parts.append(f"<h2>{escape(heading)}</h2><main>{''.join(map(_article, entries))}</main>")
    parts.append("</body></html>")
    return "".join(parts)


def _article(entry: Entry) -> str:
    others = "".join(f"<li>{escape(other)}</li>" for other in entry.others)
    alt = escape(_("{name}: {caption}").format(name=entry.name, caption=entry.caption), quote=True)
    return (
        f'<article><img loading="lazy" src="{_picture(entry.pixels)}" alt="{alt}"><div>'
        f'<p class="said">{escape(entry.caption)}</p><p class="score">{escape(entry.remark)} · {escape(entry.name)}</p>'
        f"<ul>{others}</ul></div></article>"
    )


def _picture(pixels: np.ndarray) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
