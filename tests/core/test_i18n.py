"""Sentences that remember what they say, so that a record of one language is read in another."""

import string

from hypothesis import given
from hypothesis import strategies as st

from etabli.core.i18n import (
    LANGUAGES,
    TranslatableStr,
    _,
    fill_placeholders,
    join_translatable,
    translate,
    use_language,
)

REACHED = "{accuracy:.2%} in the setting of its Keras twin, {better:.2%} in the best; 91.59 % is {reached}."


def test_a_sentence_told_in_french_still_knows_its_english():
    with use_language("fr"):
        told = _(REACHED).format(accuracy=0.92, better=0.93, reached=_("not reached"))
    assert told.startswith("92")
    assert "jamais" in told or "pas" in told
    assert (
        told.source
        == "92.00% in the setting of its Keras twin, 93.00% in the best; 91.59 % is not reached."
    )


def test_a_sentence_is_the_same_text_as_str_format_makes():
    for language in LANGUAGES:
        with use_language(language):
            told = _("{count} of {total} images could not be read and were skipped.").format(
                count=1, total=2
            )
            assert told == str(_(told.message)).format(**told.placeholders)


def test_what_is_told_already_is_not_told_again():
    with use_language("fr"):
        assert _(_("Runs")) == _("Runs") == "Exécutions"


def test_joined_parts_keep_what_each_of_them_says():
    with use_language("fr"):
        told = join_translatable(", ", ["100", _("whole set")])
    assert told == "100, ensemble entier"
    assert told.source == "100, whole set"


@given(st.lists(st.text(string.printable, max_size=8), max_size=5))
def test_joined_is_join(parts):
    told = join_translatable("; ", parts)
    assert told == "; ".join(parts)
    assert told.source == "; ".join(parts)


@given(st.text(max_size=20), st.integers(), st.floats(allow_nan=False))
def test_a_told_sentence_is_filled_as_any_text(name, count, share):
    message = "{name} has {{{count:+d}}} at {share:.3f}, {name!r}"
    plain = message.format(name=name, count=count, share=share)
    told = TranslatableStr(message, message).format(name=name, count=count, share=share)
    assert told == told.source == plain


def test_a_template_takes_pieces_that_are_written_already():
    assert fill_placeholders("{a:.2%} of {b}", {"a:.2%": "1.00%", "b": "3"}) == "1.00% of 3"


def test_what_was_told_in_one_language_is_spoken_in_another_with_its_blanks():
    with use_language("fr"):
        inner = _("there is no file {path}").format(path="a.py")
        told = _("left out: {reason}").format(reason=inner)
    assert (
        translate(told, "fr") == told != translate(told, "en") == "left out: there is no file a.py"
    )
    assert translate(told) == "left out: there is no file a.py"
    assert translate("of a library", "fr") == "of a library"
