"""A gallery of captioned images as one self-contained HTML page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from etabli.core.i18n import _, current_language

__all__ = ["CaptionEntry", "render_caption_page"]

_IMAGE_SIZE = 224
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1.2rem; }
article { border: 1px solid #8884; border-radius: .5rem; overflow: hidden; }
img { display: block; width: 100%; height: auto; }
article > div { padding: .6rem .9rem; }
.caption { font-weight: 600; margin: 0 0 .4rem; }
.score { opacity: .75; font-size: .85rem; margin: 0; }
ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .88rem; opacity: .85; }
"""


@dataclass(frozen=True)
class CaptionEntry:
    """An image with its caption, a remark (its scores), and other captions or references."""

    name: str
    pixels: np.ndarray
    caption: str
    remark: str
    others: tuple[str, ...] = ()


def render_caption_page(
    title: str, introduction: str, sections: Sequence[tuple[str, Sequence[CaptionEntry]]]
) -> str:
    """Render sections of entries as HTML, with the images embedded, at most 224 pixels wide."""
    body = "".join(
        f"<h2>{escape(heading)}</h2><main>{''.join(map(_render_entry, entries))}</main>"
        for heading, entries in sections
    )
    return (
        f'<!doctype html><html lang="{current_language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(introduction)}</p>{body}</body></html>"
    )


def _render_entry(entry: CaptionEntry) -> str:
    image = Image.fromarray(entry.pixels)
    image.thumbnail((_IMAGE_SIZE, _IMAGE_SIZE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    source = f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
    alt = escape(_("{name}: {caption}").format(name=entry.name, caption=entry.caption), quote=True)
    others = "".join(f"<li>{escape(other)}</li>" for other in entry.others)
    return (
        f'<article><img loading="lazy" src="{source}" alt="{alt}"><div>'
        f'<p class="caption">{escape(entry.caption)}</p>'
        f'<p class="score">{escape(entry.remark)} · {escape(entry.name)}</p>'
        f"<ul>{others}</ul></div></article>"
    )
