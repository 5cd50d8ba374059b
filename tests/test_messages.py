"""The French catalog: every message of the source, the same placeholders, compiled as written."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import messages

from etabli.core.i18n import translate_message, use_language

CATALOG = {str(each.id): str(each.string) for each in messages.read_catalog() if each.id}


def blanks(text: str) -> list[str]:
    """The places to fill, with their formats; doubled braces are text, as are two words."""
    plain = re.sub(r"(\{\w+:)[^{}]*\|[^{}]*\}", r"\1|}", text.replace("{{", "").replace("}}", ""))
    return sorted(set(re.findall(r"\{[^{}]*\}", plain)))


def test_every_message_of_the_source_has_a_french_text():
    missing = [
        str(each.id)
        for each in messages.extract_messages()
        if each.id and not CATALOG.get(str(each.id))
    ]
    assert missing == [], "write them in the catalog: make messages"


def test_a_french_text_has_the_blanks_of_its_message():
    assert [
        message for message, french in CATALOG.items() if blanks(message) != blanks(french)
    ] == []


def test_a_french_text_begins_and_ends_lines_as_its_message():
    odd = [
        each for each, french in CATALOG.items() if each.startswith("\n") != french.startswith("\n")
    ]
    assert odd == []


def test_the_compiled_catalog_is_the_written_one():
    for message, french in CATALOG.items():
        assert translate_message(message, "fr") == messages.typeset(french)


@pytest.mark.parametrize(
    ("message", "french"),
    [
        ("cross-entropy", "entropie croisée"),
        (
            "Backpropagation compared with finite differences",
            "Rétropropagation comparée aux différences finies",
        ),
        ("convex hulls", "enveloppes convexes"),
    ],
)
def test_the_words_are_those_of_the_lab_report(message, french):
    assert translate_message(message, "fr") == french


def test_french_signs_are_not_parted_from_their_word():
    assert messages.typeset("Rapport : {a:.2f} % « mots » ? oui; non") == (
        "Rapport\u00a0: {a:.2f}\u00a0% «\u00a0mots\u00a0»\u00a0? oui; non"
    )


def test_one_task_speaks_one_language_and_leaves_the_others_alone():
    from etabli.core.i18n import _

    with use_language("fr"):
        assert _("Runs") == "Exécutions"
        with use_language("en"):
            assert _("Runs") == "Runs"
        assert _("Runs") == "Exécutions"
    assert _("Runs") == "Runs"
