"""Text contrast on every background, in light and dark mode (WCAG 2.2: at least 4.5 to 1)."""

import re

import pytest

from etabli.report import HOME
from etabli.viz.style import COLORS_ON_DARK, COLORS_ON_LIGHT
from etabli.web.rendering import HERE

STYLE = (HOME / "templates" / "style.css").read_text() + (HERE / "static" / "page.css").read_text()
BACKGROUNDS, INKS = ("paper", "card", "soft"), ("ink", "quiet", "accent", "yes", "no", "open")


def colors(dark: bool) -> dict[str, str]:
    """Return the color variables; in dark mode those of the media query override the others."""
    blocks = re.findall(r"(@media \(prefers-color-scheme: dark\) \{ )?:root \{([^}]*)\}", STYLE)
    chosen = [body for query, body in blocks if not query] + [
        body for query, body in blocks if query and dark
    ]
    return dict(re.findall(r"--([\w]+):\s*(#[0-9a-fA-F]{6})", " ".join(chosen)))


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_enough_contrast(dark):
    known = colors(dark)
    pairs = {
        (ink, ground): contrast(known[ink], known[ground]) for ink in INKS for ground in BACKGROUNDS
    }
    assert {pair: round(value, 2) for pair, value in pairs.items() if value < 4.5} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lines_and_points_have_enough_contrast(dark):
    known = colors(dark)
    weak = {
        name: round(contrast(known[name], known["card"]), 2)
        for name in known
        if re.fullmatch(r"c\d", name)
    }
    assert {name: value for name, value in weak.items() if value < 3} == {}


def test_contrast_is_computed_as_in_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_explorer_and_the_pages_share_the_class_colors():
    for dark, palette in ((False, COLORS_ON_LIGHT), (True, COLORS_ON_DARK)):
        assert tuple(colors(dark)[f"c{index}"] for index in range(10)) == palette
