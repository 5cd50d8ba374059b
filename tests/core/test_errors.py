import pytest

from etabli.core import errors
from etabli.core.i18n import _, use_language


def test_an_error_says_what_is_wrong_expected_and_got_and_the_fix():
    error = errors.EtabliError(
        "the file is short", expected="16 bytes", got="4 bytes", fix="Fetch it again."
    )
    assert str(error) == "the file is short: expected 16 bytes, got 4 bytes. Fetch it again."


def test_a_library_message_within_an_error_ends_with_one_period():
    error = errors.CorruptFile("this is no model", got="A file of version 2.", fix="Make it again.")
    assert str(error) == "this is no model: got A file of version 2. Make it again."


def test_an_error_is_shown_in_the_language_in_use_when_it_is_shown():
    with use_language("fr"):
        error = errors.DataMissing(
            _("there is no trained model {path}").format(path="m"), expected=_("1 or more")
        )
        found = str(error)
    assert found.startswith("il n'y a pas") and "attendu" in found
    assert str(error) == "there is no trained model m: expected 1 or more."


def test_a_sentence_has_no_two_colons_in_a_row():
    error = errors.CorruptFile("m.csv: row 2 is short", expected="2 cells", got=1)
    assert str(error) == "m.csv: row 2 is short (expected 2 cells, got 1)."
    error = errors.CorruptFile("la ligne 2 est courte", expected="2 cellules", got=1)
    with use_language("fr"):
        shown = str(error).replace("\xa0", " ")
    assert shown == "la ligne 2 est courte (attendu : 2 cellules, reçu : 1)."


def test_an_error_without_details_is_a_sentence():
    assert str(errors.EtabliError("the disk is full")) == "the disk is full."


def test_an_unknown_name_suggests_the_nearest():
    error = errors.UnknownName("experiment", "tp1.mpl", ["tp1.mlp", "tp1.look", "tp2.cnn"])
    assert "no experiment named 'tp1.mpl'" in str(error)
    assert "Did you mean tp1.mlp" in str(error)


def test_a_name_close_to_nothing_lists_the_known_names():
    assert "Known: a, b." in str(errors.UnknownName("setting", "zzzzzz", ["b", "a"]))


@pytest.mark.parametrize("kind", [errors.BadArray, errors.BadSetting, errors.NotFitted])
def test_errors_about_values_are_value_errors(kind):
    assert isinstance(kind("x"), ValueError)


def test_a_missing_extra_says_how_to_install_it():
    assert "pip install 'etabli[openvino]'" in str(
        errors.MissingExtra("openvino", "openvino", "fast extraction")
    )


def test_every_error_class_has_a_docstring():
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.EtabliError)
    ]
    assert len(kinds) > 8
    for kind in kinds:
        assert kind.__doc__


def test_only_the_first_of_many_known_names_are_listed():
    error = errors.UnknownName("word", "?", [f"{n:05d}" for n in range(10_000)])
    assert str(error).endswith("00039 and 9960 more.")
