"""The command line in French: every help, every mistake; the language asked for before or after it is needed."""

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
def _english_again():
    yield
    set_language("en")


@pytest.mark.parametrize("path", paths(get_command(cli.app)), ids=" ".join)
def test_a_help_is_in_french_from_its_first_word_to_its_last(etabli, path):
    said = etabli("--lang", "fr", *path, "--help")
    english = etabli(*path, "--help")
    assert (said.code, english.code) == (0, 0)
    assert said.out.startswith("Usage\u00a0: etabli")
    for word in ("Commands:", "[required]", "default:", "Show this message"):
        assert word not in said.out
    whole = "".join(said.out.split())
    command = get_command(cli.app)
    for name in path:
        command = command.commands[name]
    for holder, name in _translation.find_help_texts(command):
        french = "".join(translate_message(getattr(holder, name), "fr").replace("\b", "").split())
        assert french in whole


@pytest.mark.parametrize(
    "words", [("--lang", "fr", "--help"), ("--help", "--lang", "fr"), ("--lang=fr", "-h")]
)
def test_the_language_counts_wherever_it_stands(etabli, words):
    assert "Commandes" in etabli(*words).out


def test_the_language_of_the_surroundings_counts_too(etabli, monkeypatch):
    monkeypatch.setenv("ETABLI_LANG", "fr")
    assert "Commandes" in etabli("--help").out
    assert "Commands" in etabli("--lang", "en", "--help").out


def test_a_language_that_is_not_spoken_is_refused(etabli):
    said = etabli("--lang", "de", "list")
    assert said.code == 2
    assert "'de'" in said.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["rum"], "Vouliez-vous dire 'run'"),
        (["run", "--seed", "x"], "Valeur refusée pour '--seed'"),
        (["run", "--data"], "demande une valeur"),
        (["finetune"], "Il manque l'argument 'images'"),
        (["features", "photos"], "Il manque l'option '--out'"),
        (["list", "--jso"], "options possibles"),
        (["info", "much"], "Arguments en trop"),
        (["run", "tp1.logistic", "--set", "learning_rate=-1"], "plus de 0"),
    ],
)
def test_a_mistake_is_told_in_french_in_one_sentence(etabli, words, part):
    said = etabli("--lang", "fr", *words)
    assert said.code == 2
    assert part in said.err
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("etabli: ")


def test_a_mistake_in_english_shows_usage_and_where_help_stands(etabli):
    said = etabli("run", "--seed", "x")
    assert said.code == 2
    assert said.err.startswith("Usage: etabli run")
    assert "etabli run -h" in said.err


def test_a_group_without_a_command_shows_its_help(etabli):
    said = etabli("--lang", "fr", "data")
    assert said.code == 2
    assert "Commandes" in said.err
