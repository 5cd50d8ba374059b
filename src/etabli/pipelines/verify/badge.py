"""A badge of how many claims are reproduced: one SVG file without scripts, fonts or links."""

from collections.abc import Mapping
from html import escape

from etabli.core.i18n import _

_COLORS = {"good": "#2e7d32", "bad": "#b3261e", "none": "#5f6368"}
_LETTER = 6.6  # width in pixels at 11 px
_TEMPLATE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{left}: {right}">
<title>{left}: {right}</title>
<rect width="{middle}" height="20" fill="#3c4043"/>
<rect x="{middle}" width="{rest}" height="20" fill="{color}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left_x}" y="14">{left}</text>
<text x="{right_x}" y="14">{right}</text>
</g>
</svg>
"""


def describe(counts: Mapping[str, int]) -> str:
    """Return how many of the verified claims are reproduced, in words."""
    verified = sum(n for verdict, n in counts.items() if verdict != "not verified here")
    if not verified:
        return _("none verified")
    return _("{n} of {all} reproduced").format(n=counts["reproduced"], all=verified)


def render(counts: Mapping[str, int]) -> str:
    """Render the badge: green where all are reproduced, red where one is not, gray for none."""
    is_bad = counts["not reproduced"] or counts["not comparable"]
    color = _COLORS["bad" if is_bad else "good" if counts["reproduced"] else "none"]
    left, right = _("claims"), describe(counts)
    middle, rest = (round(_LETTER * len(text) + 14) for text in (left, right))
    return _TEMPLATE.format(
        left=escape(left),
        right=escape(right),
        color=color,
        width=middle + rest,
        middle=middle,
        rest=rest,
        left_x=middle / 2,
        right_x=middle + rest / 2,
    )
