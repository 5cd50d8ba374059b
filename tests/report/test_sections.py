import re

import numpy as np

from etabli.report import sections
from etabli.report.sections import Figure, Gallery, Matrix, Note, Page, Range, Section, Table, Tile

NASTY = '<script>alert("x")</script>'


def make_page():
    pixels = np.zeros((300, 200, 3), np.uint8)
    source = sections.embed_jpeg(pixels)
    blocks = [
        Note(NASTY, is_warning=True),
        Table((NASTY, "n"), [(NASTY, "1"), (Range("50 %", 0.5, 0.4, 0.6), "2")], NASTY, (1,)),
        Matrix([NASTY, "b"], [[3, 1], [0, 2]]),
        Gallery([Tile([(source, NASTY), ("", NASTY)], [NASTY])], NASTY),
        Figure(NASTY, sections.embed_svg(b"<svg viewBox='0 0 1 1'></svg>"), NASTY),
    ]
    return Page(NASTY, [NASTY], [Section("one", NASTY, blocks)], [(NASTY, "one")], [NASTY])


def test_names_never_become_markup():
    text = sections.render(make_page())
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_page_needs_no_network():
    text = sections.render(make_page())
    for link in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert link.startswith(("data:", "#"))
    assert "url(" not in text


def test_the_page_is_in_the_language_in_use():
    from etabli.core.i18n import use_language

    with use_language("fr"):
        text = sections.render(make_page())
    assert '<html lang="fr">' in text
    assert sections.render(make_page()).startswith('<!doctype html>\n<html lang="en">')


def test_thumbnails_are_small():
    source = sections.embed_jpeg(np.random.default_rng(0).integers(0, 255, (900, 800, 3), np.uint8))
    assert source.startswith("data:image/jpeg;base64,")
    assert len(source) < 30_000
