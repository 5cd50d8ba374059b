"""Translatable sentences, which a record of one language shows in another."""

import copy
import pickle
import string

import numpy as np
import pytest
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


def test_a_french_sentence_keeps_its_english_source():
    with use_language("fr"):
        inner = _("not reached")
        translated = _("{name}: {value:.3g}").format(name=inner, value=0.25)
    assert translated.startswith("pas atteint") and translated.endswith("0,25")
    assert translated.source == "not reached: 0.25"


def test_a_copy_of_a_translated_sentence_is_equal_and_translatable():
    with use_language("fr"):
        sentence = _("the file {path} is missing").format(path="a")
    for copied in (copy.deepcopy(sentence), pickle.loads(pickle.dumps(sentence))):
        assert (copied, copied.source) == (sentence, sentence.source)
        assert copied.placeholders == sentence.placeholders


def test_formatting_gives_the_same_text_as_str_format():
    for language in LANGUAGES:
        with use_language(language):
            translated = _("Unreadable images, skipped: {count} of {total}.").format(
                count=1, total=2
            )
            assert translated == str(_(translated.message)).format(**translated.placeholders)


def test_a_translated_sentence_is_not_translated_again():
    with use_language("fr"):
        assert _(_("Runs")) == _("Runs") == "Exécutions"


def test_joined_parts_stay_translatable():
    with use_language("fr"):
        translated = join_translatable(", ", ["100", _("whole set")])
    assert translated == "100, jeu entier"
    assert translated.source == "100, whole set"


@given(st.lists(st.text(string.printable, max_size=8), max_size=5))
def test_join_translatable_equals_join(parts):
    translated = join_translatable("; ", parts)
    assert translated == "; ".join(parts)
    assert translated.source == "; ".join(parts)


@given(st.text(max_size=20), st.integers(), st.floats(allow_nan=False))
def test_every_format_specification_is_supported(name, count, share):
    message = "{name} has {{{count:+d}}} at {share:.3f}, {name!r}"
    plain = message.format(name=name, count=count, share=share)
    translated = TranslatableStr(message, message).format(name=name, count=count, share=share)
    assert translated == translated.source == plain


@pytest.mark.parametrize(
    "count, english, french",
    [
        (0, "0 images", "0 image"),
        (1, "1 image", "1 image"),
        (2, "2 images", "2 images"),
        (11, "11 images", "11 images"),
    ],
)
def test_a_number_chooses_between_the_singular_and_the_plural(count, english, french):
    sentence = _("{count} {count:image|images}").format(count=count)
    assert (sentence, sentence.translate_to("fr")) == (english, french)
    with use_language("fr"):
        sentence = _("{count} {count:image|images}").format(count=np.int64(count))
    assert (sentence, sentence.source) == (french, english)
    assert copy.deepcopy(sentence).source == english


def test_every_language_has_words_of_its_own():
    sentence = _("{n} {n:claim|claims}: {path}").format(n=1, path="a.json")
    assert sentence == "1 claim: a.json"
    assert sentence.translate_to("fr").replace("\u00a0", " ") == "1 affirmation écrite : a.json"


def test_fill_placeholders_takes_formatted_values():
    assert fill_placeholders("{a:.2%} of {b}", {"a:.2%": "1.00%", "b": "3"}) == "1.00% of 3"


def test_placeholders_are_translated_too():
    with use_language("fr"):
        inner = _("there is no file {path}").format(path="a.py")
        translated = _("left out: {reason}").format(reason=inner)
    assert (
        translate(translated, "fr")
        == translated
        != translate(translated, "en")
        == "left out: there is no file a.py"
    )
    assert translate(translated) == "left out: there is no file a.py"
    assert translate("of a library", "fr") == "of a library"


def test_numbers_with_a_format_are_written_as_the_language_does_and_others_keep_their_point():
    with use_language("fr"):
        sentence = _("The linear model reaches {linear:.2%}.").format(linear=0.9123)
        advice = _("Use --learning-rate {rate}.").format(rate=0.5)
    assert sentence == "Le modèle linéaire atteint 91,23\u202f%."
    assert sentence.source == "The linear model reaches 91.23%."
    assert advice.endswith("0.5.")
    english = _("The linear model reaches {linear:.2%}.").format(linear=0.9123)
    assert translate(english, "fr") == sentence
