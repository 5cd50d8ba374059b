"""A run is recorded in every language: it reads the same whatever language it was run in."""

import json
from pathlib import Path

import pytest

from etabli import experiments, report
from etabli.core.i18n import LANGUAGES, N_, _, use_language
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.experiments.claims import Claim
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.report import run_folder

QUICK = ("tp1.gradients", "tp5.vocabulary")


def texts(run: Path) -> list[object]:
    """Every text of the seed runs of a run, in the current language."""
    return [
        (each.title, each.measures, each.source, each.published, each.claims, each.report_items)
        for _folder, each in run_folder.list_seed_runs(run)
    ]


@pytest.mark.parametrize("name", QUICK)
def test_an_experiment_reads_the_same_whatever_language_it_was_run_in(tmp_path, name):
    for language in LANGUAGES:
        with use_language(language):
            runner.run_experiments(
                [experiments.load_experiment(name)], tmp_path / language, Source.sample()
            )
    for language in LANGUAGES:
        with use_language(language):
            assert texts(tmp_path / "en") == texts(tmp_path / "fr")


class Settings(SettingsModel):
    pass


def run(context, settings) -> None:
    context.note(_("{n} {n:word|words} of dimension {d}").format(n=3, d=_("nothing")))
    context.note("Written by a student: {braces} stay.")
    context.table(
        "t", title=N_("Analogies"), columns=[N_("word"), "mine"], rows=[[_("nothing"), "word"]]
    )
    context.claim("c", _("reached after epoch {epoch}").format(epoch=7))


OWN = ExperimentSpec(
    "tp0.own",
    "A title of my own",
    N_("nothing"),
    "here",
    Settings,
    run,
    claims=(Claim("c", "it holds"),),
)


@pytest.fixture
def own_run(tmp_path) -> Path:
    return runner.run_experiments([OWN], tmp_path / "own", Source.sample())


def test_only_messages_are_translated_and_never_the_data(own_run):
    with use_language("fr"):
        seed_run = run_folder.list_seed_runs(own_run)[0][1]
        nothing, word = _("nothing"), _("word")
    note, own, table = seed_run.report_items
    assert (seed_run.title, seed_run.measures) == ("A title of my own", nothing)
    assert own.text == "Written by a student: {braces} stay."
    assert table.columns == [word, "mine"]
    assert table.rows == [[nothing, "word"]]
    assert nothing in note.text
    assert "mots" in note.text
    assert seed_run.claims[0].measured == "atteint après l'époque 7"


def test_a_report_is_in_the_language_it_is_asked_for(own_run):
    with use_language("fr"):
        french = report.render_report([own_run])
    assert "atteint après l&#39;époque 7" in french
    assert "reached after epoch 7" in report.render_report([own_run])


def test_a_record_of_0_1_is_read_in_the_language_it_was_written_in(own_run):
    path = run_folder.record_path(own_run / "tp0.own" / "seed-0")
    record = json.loads(path.read_text(encoding="utf-8"))
    record["exhibits"] = [{"kind": "note", "text": "three words"}]
    record["claims"][0]["measured"] = "reached after epoch 7"
    del record["report_items"]
    path.with_name("piece.json").write_text(json.dumps({**record, "format": 1}), encoding="utf-8")
    path.unlink()
    with use_language("fr"):
        seed_run = run_folder.list_seed_runs(own_run)[0][1]
    assert seed_run.claims[0].measured == "reached after epoch 7"
    assert seed_run.report_items[0].text == "three words"
    assert run_folder.is_finished(path.parent)
