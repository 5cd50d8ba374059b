import pytest

from etabli.core import errors
from etabli.core.i18n import _, use_language


def test_a_refusal_says_what_is_wrong_what_was_expected_what_came_and_what_to_do():
    refusal = errors.EtabliError(
        "the file is short", expected="16 bytes", got="4 bytes", fix="Fetch it again."
    )
    assert str(refusal) == "the file is short: expected 16 bytes, got 4 bytes. Fetch it again."


def test_a_sentence_of_a_library_within_a_refusal_ends_once():
    refusal = errors.CorruptFile(
        "this is no model", got="A file of version 2.", fix="Make it again."
    )
    assert str(refusal) == "this is no model: got A file of version 2. Make it again."


def test_a_refusal_is_told_in_the_language_of_who_tells_it_not_of_who_found_it():
    with use_language("fr"):
        refusal = errors.DataMissing(
            _("there is no trained model {path}").format(path="m"), expected=_("1 or more")
        )
        found = str(refusal)
    assert found.startswith("il n'y a pas") and "attendu" in found
    assert str(refusal) == "there is no trained model m: expected 1 or more."


def test_a_refusal_with_nothing_to_add_is_still_a_sentence():
    assert str(errors.EtabliError("the disk is full")) == "the disk is full."


def test_an_unknown_name_suggests_the_nearest():
    refusal = errors.UnknownName("experiment", "tp1.mpl", ["tp1.mlp", "tp1.look", "tp2.cnn"])
    assert "no experiment named 'tp1.mpl'" in str(refusal)
    assert "Did you mean tp1.mlp" in str(refusal)


def test_a_name_near_to_nothing_lists_what_is_known():
    assert "Known: a, b." in str(errors.UnknownName("setting", "zzzzzz", ["b", "a"]))


@pytest.mark.parametrize("kind", [errors.BadArray, errors.BadSetting, errors.NotFitted])
def test_refusals_about_values_are_value_errors_for_other_libraries(kind):
    assert isinstance(kind("x"), ValueError)


def test_a_missing_extra_says_how_to_install_it():
    assert "pip install 'etabli[openvino]'" in str(
        errors.MissingExtra("openvino", "openvino", "fast extraction")
    )


def test_every_refusal_explains_itself_in_its_docstring():
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.EtabliError)
    ]
    assert len(kinds) > 8
    for kind in kinds:
        assert kind.__doc__


def test_of_very_many_known_names_only_the_first_are_listed():
    refusal = errors.UnknownName("word", "?", [f"{n:05d}" for n in range(10_000)])
    assert str(refusal).endswith("00039 and 9960 more.")
