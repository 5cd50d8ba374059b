"""Every command of README and the documentation: run if quick, with tiny settings, else parsed.

A command that needs full data, the network, a server or minutes is parsed by the command; its
experiments are checked by name and its settings by their ranges.
"""

import itertools
import re
import shlex
import sys
import time

import pytest
from site_pages import HOME, PAGES, commands, english, etabli, is_french

from etabli import cli, experiments
from etabli.cli import _errors, _translation
from etabli.core.errors import EtabliError
from etabli.core.i18n import set_language
from etabli.experiments import runner

# Options that make a command tiny; of a repeated option the last one counts.
TINY = {
    "features": "--weights none --engine keras --batch-size 4",
    "transfer": "--weights none",
    "untangle": "--iterations 10 --perplexity 5 --weights none",
    "poetry train": "--epochs 1 --units 8",
    "exercise start": "--solution",
    # Several pages write a file of the same name.
    "predict": "--overwrite",
    "export": "--overwrite",
    "caption train": "--epochs 1 --units 8 --attention-dim 4 --features cells --overwrite",
}
QUICK_RUNS = {"tp1.logistic": "--set epochs=1", "./mine.py": "--set epochs=1", "tp5.vocabulary": ""}
QUICK_RUNS["./softmax.py"] = ""  # an exercise
QUICK = {
    "list",
    "info",
    "new",
    "check",
    "report",
    "data list",
    "exercise list",
    "exercise show",
    "words",
    "poetry write",
    "caption write",
    "export",
}
QUICK |= {"predict", *TINY}
# Full data; pretrained weights; a net that only 'finetune' writes; a bucket that does not exist,
# and the labels of its images.
LONG = ("full", "--imagenet", "tuned/", "s3://bucket/photos", "--stream", "--resume")
GROUPS = ("data", "caption", "poetry", "exercise")
ENGLISH = [page for page in PAGES if not is_french(page)]
IN_ORDER = [tuple(words) for page in ENGLISH for words in map(etabli, commands(page)) if words]


def key_of(words: tuple[str, ...]) -> str:
    """Return the command without its arguments: ``poetry train``, ``run``."""
    plain = words[2:] if words[0] == "--lang" else words
    return " ".join(plain[:2]) if plain[0] in GROUPS else plain[0]


def tiny(words: tuple[str, ...]) -> list[str] | None:
    """Return the command with tiny settings, or ``None`` if it cannot be quick."""
    key = key_of(words)
    if any(long in words for long in LONG):
        return None
    if key == "run":
        names = [word for word in words[1:] if word in QUICK_RUNS]
        return (
            [*words, *QUICK_RUNS[names[0]].split()]
            if len(names) == 1 and names[0] == words[1]
            else None
        )
    if "--onto" in words:  # has the settings of the run that it names
        return [*words]
    return [*words, *TINY.get(key, "").split()] if key in QUICK else None


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_quick_commands_of_the_pages_run(material, monkeypatch, capsys):
    monkeypatch.chdir(material)
    monkeypatch.delenv("ETABLI_DATA", raising=False)
    done, faults = set(), []
    for words in IN_ORDER:
        made = tiny(words)
        if made is None or words in done:
            continue
        done.add(words)
        monkeypatch.setattr(sys, "argv", ["etabli", *made])
        try:
            cli.main()
        except SystemExit as end:
            if end.code:
                faults.append((words, end.code, capsys.readouterr().err[-300:]))
        finally:
            set_language("en")
            print(f"{time.process_time():7.1f} s of CPU time so far: {' '.join(words)}")
    assert faults == []
    assert len(done) > 20


@pytest.mark.parametrize("words", sorted(set(IN_ORDER)), ids=" ".join)
def test_a_command_of_the_pages_is_valid(words):
    """Every option exists, every value is in its range, every experiment and setting is known."""
    seen = []
    top = _translation.build_translated_app(cli.app)
    for command in _translation.walk_commands(top):
        if not hasattr(command, "commands"):
            command.callback = lambda **given: seen.append(given)
    try:
        top.main(list(words), prog_name="etabli", standalone_mode=False)
    finally:
        set_language("en")
    given = seen[0]
    if "settings" in given:
        names = [name for name in given["names"] or [] if not name.endswith(".py")]
        own = {**_errors.parse_settings(given["settings"] or [])}
        if names or not given["names"]:
            runner.resolve_settings(experiments.select_experiments(names), given["data"], own)
    if key_of(words) == "list" and given["names"]:
        experiments.select_experiments(given["names"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
def test_the_settings_in_the_text_of_a_page_exist(page):
    """Commands between backticks, as in the lists of things to try."""
    for line in re.findall(r"`etabli (run tp[^`]*--set [^`]*)`", page.read_text(encoding="utf-8")):
        words = shlex.split(line)
        names = [word for word in words if word.startswith("tp")]
        values = [after for word, after in itertools.pairwise(words) if word == "--set"]
        chosen = experiments.select_experiments(names)
        runner.resolve_settings(chosen, "sample", _errors.parse_settings(values))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
def test_other_programs_of_a_page_are_make_pip_and_python_with_existing_targets(page):
    targets = set(re.findall(r"^([a-z-]+):", (HOME / "Makefile").read_text(), re.MULTILINE))
    for words in commands(page):
        program = words[0].rpartition("/")[2]
        if program == "make":
            assert {
                word for word in words[1:] if "=" not in word and not word.startswith("-")
            } <= targets
        elif program == "python":
            assert (HOME / words[1]).exists()
        else:
            assert program in ("etabli", "pip"), words


@pytest.mark.parametrize(
    "page", [page for page in PAGES if is_french(page)], ids=lambda page: page.name
)
def test_a_french_page_has_the_commands_of_the_english_one(page):
    assert commands(page) == commands(english(page))


def test_an_unknown_setting_is_detected():
    with pytest.raises(EtabliError):
        runner.resolve_settings(
            experiments.select_experiments(["tp1.logistic"]), "sample", {"rates": 1}
        )
