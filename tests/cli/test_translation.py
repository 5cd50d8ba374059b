"""The command line in French: every help and usage error, with --lang before or after them."""

import pytest
from typer.main import get_command

from etabli import cli
from etabli.cli import _translation
from etabli.core.i18n import set_language, translate_message


def paths(command, before=()) -> list[tuple[str, ...]]:
    below = getattr(command, "commands", {})
    return [
        before,
        *(path for name, each in below.items() for path in paths(each, (*before, name))),
    ]


@pytest.fixture(autouse=True)
def _reset_language():
    yield
    set_language("en")


@pytest.mark.parametrize("path", paths(get_command(cli.app)), ids=" ".join)
def test_a_help_is_in_french_from_its_first_word_to_its_last(etabli, path):
    result = etabli("--lang", "fr", *path, "--help")
    english = etabli(*path, "--help")
    assert (result.code, english.code) == (0, 0)
    assert result.out.startswith("Usage\u00a0: etabli")
    for word in ("Commands:", "[required]", "default:", "Show this message"):
        assert word not in result.out
    whole = "".join(result.out.split())
    command = get_command(cli.app)
    for name in path:
        command = command.commands[name]
    for holder, name in _translation.find_help_texts(command):
        french = "".join(translate_message(getattr(holder, name), "fr").replace("\b", "").split())
        assert french in whole


@pytest.mark.parametrize(
    "words", [("--lang", "fr", "--help"), ("--help", "--lang", "fr"), ("--lang=fr", "-h")]
)
def test_the_position_of_lang_does_not_matter(etabli, words):
    assert "Commandes" in etabli(*words).out


def test_the_environment_variable_sets_the_language(etabli, monkeypatch):
    monkeypatch.setenv("ETABLI_LANG", "fr")
    assert "Commandes" in etabli("--help").out
    assert "Commands" in etabli("--lang", "en", "--help").out


def test_an_unknown_language_is_refused(etabli):
    result = etabli("--lang", "de", "list")
    assert result.code == 2
    assert "'de'" in result.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["rum"], "Vouliez-vous dire 'run'"),
        (["run", "--seed", "x"], "Valeur refusée pour '--seed'"),
        (["run", "--data"], "demande une valeur"),
        (["finetune"], "Il manque l'argument 'IMAGES'"),
        (["features", "photos"], "Il manque l'option '--out'"),
        (["list", "--jso"], "options possibles"),
        (["info", "much"], "Arguments en trop"),
        (["run", "tp1.logistic", "--set", "learning_rate=-1"], "plus de 0"),
    ],
)
def test_a_usage_error_is_one_sentence_in_french(etabli, words, part):
    result = etabli("--lang", "fr", *words)
    assert result.code == 2
    assert part in result.err
    assert result.out == ""
    assert result.err.splitlines()[-1].startswith("etabli: ")


def test_a_usage_error_shows_usage_and_the_help_option(etabli):
    result = etabli("run", "--seed", "x")
    assert result.code == 2
    assert result.err.startswith("Usage: etabli run")
    assert "etabli run -h" in result.err


def test_a_group_without_a_command_shows_its_help(etabli):
    result = etabli("--lang", "fr", "data")
    assert result.code == 2
    assert "Commandes" in result.err
