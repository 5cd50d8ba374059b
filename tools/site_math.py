"""Render TeX equations with matplotlib as inline SVG: no script, no network."""

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
MARKED = re.compile(
    r'<span class="arithmatex">\\\((.*?)\\\)</span>'
    r'|<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>',
    re.DOTALL,
)


def render_equations(page: str) -> str:
    """Replace every equation that arithmatex marked by its SVG."""

    def replace(found: re.Match[str]) -> str:
        inline, block = found.groups()
        tex = " ".join(html.unescape(inline or block).split())
        if inline:
            return render(tex)
        # There is space for full-size fractions in a displayed equation.
        large = tex.replace(r"\frac", r"\dfrac")
        return f'<span class="math-block">{render(large, 1.1)}</span>'

    return MARKED.sub(replace, page)


@cache
def render(tex: str, scale: float = 1.0) -> str:
    """Return an equation as SVG in the size of the text, with its TeX as accessible name."""
    with rc_context({"mathtext.fontset": "cm"}):
        outline = TextPath((0, 0), f"${tex}$", size=SIZE, usetex=False)
    (_left, bottom), (right, top) = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
    width, top, low = right + 2, top + 2, max(-bottom, 0) + 2
    box = f"0 {-top:.0f} {width:.0f} {top + low:.0f}"
    em = scale / SIZE
    style = (
        f"width:{width * em:.3f}em;height:{(top + low) * em:.3f}em;vertical-align:{-low * em:.3f}em"
    )
    label = html.escape(tex, quote=True)
    head = f'<svg class="math" role="img" aria-label="{label}" viewBox="{box}" style="{style}">'
    return f'{head}<path d="{_svg_path(outline)}"/></svg>'


def _svg_path(outline: Outline) -> str:
    """Return the outline as an SVG path, whose y axis points down."""
    commands = []
    for points, code in outline.iter_segments(curves=True, simplify=False):
        coordinates = " ".join(f"{x:.0f} {-y:.0f}" for x, y in points.reshape(-1, 2))
        commands.append("Z" if code == Outline.CLOSEPOLY else f"{LETTERS[code]}{coordinates}")
    return "".join(commands)
