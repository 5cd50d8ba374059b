"""Equations as pictures that need no script and no network: TeX, set by matplotlib, as SVG in the text's own colour."""

import html
import re
from functools import cache

from matplotlib import rc_context
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

SIZE = 100  # units to the height of the font
LETTERS = {
    Outline.MOVETO: "M",
    Outline.LINETO: "L",
    Outline.CURVE3: "Q",
    Outline.CURVE4: "C",
    Outline.CLOSEPOLY: "Z",
}
FOUND = re.compile(
    r'<span class="arithmatex">\\\((.*?)\\\)</span>|<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>',
    re.DOTALL,
)


def drawn_into(page: str) -> str:
    """The page with every equation that arithmatex marked drawn in its place."""

    def picture(found: re.Match[str]) -> str:
        inline, block = found.groups()
        tex = " ".join(html.unescape(inline or block).split())
        if inline:
            return drawn(tex)
        large = tex.replace(
            r"\frac", r"\dfrac"
        )  # an equation on a line of its own has room for its fractions
        return f'<span class="math-block">{drawn(large, 1.1)}</span>'

    return FOUND.sub(picture, page)


@cache
def drawn(tex: str, scale: float = 1.0) -> str:
    """An equation as SVG, as high as the letters beside it; its TeX is what a screen reader says."""
    with rc_context({"mathtext.fontset": "cm"}):
        outline = TextPath((0, 0), f"${tex}$", size=SIZE, usetex=False)
    (_left, bottom), (right, top) = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
    width, top, low = right + 2, top + 2, max(-bottom, 0) + 2
    box = f"0 {-top:.0f} {width:.0f} {top + low:.0f}"
    em = scale / SIZE
    style = (
        f"width:{width * em:.3f}em;height:{(top + low) * em:.3f}em;vertical-align:{-low * em:.3f}em"
    )
    said = html.escape(tex, quote=True)
    head = f'<svg class="math" role="img" aria-label="{said}" viewBox="{box}" style="{style}">'
    return f'{head}<path d="{_path(outline)}"/></svg>'


def _path(outline: Outline) -> str:
    """The outline in the words of SVG, whose y goes down."""
    words = []
    for points, code in outline.iter_segments(curves=True, simplify=False):
        places = " ".join(f"{x:.0f} {-y:.0f}" for x, y in points.reshape(-1, 2))
        words.append("Z" if code == Outline.CLOSEPOLY else f"{LETTERS[code]}{places}")
    return "".join(words)
