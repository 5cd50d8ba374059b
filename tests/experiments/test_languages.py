"""A run told in one language reads in the other as if it had been run there: titles, tables, claims, notes."""

from pathlib import Path

import pytest

from etabli import experiments, report
from etabli.core.i18n import N_, _, use_language
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.report import run_folder

QUICK = ("tp1.gradients", "tp5.vocabulary")


def told(run: Path) -> list[object]:
    """Every text of the pieces of a run, in the language in use."""
    spoken = [
        run_folder.translate_record(piece) for _place, piece in run_folder.list_seed_runs(run)
    ]
    return [
        (piece.title, piece.measures, piece.source, piece.published, piece.claims, piece.exhibits)
        for piece in spoken
    ]


@pytest.mark.parametrize("name", QUICK)
def test_a_story_reads_the_same_whatever_language_it_was_run_in(tmp_path, name):
    for language in ("en", "fr"):
        with use_language(language):
            runner.run_experiments(
                [experiments.load_experiment(name)], tmp_path / language, Source.sample()
            )
    for language in ("en", "fr"):
        with use_language(language):
            assert told(tmp_path / "en") == told(tmp_path / "fr")


def test_the_record_of_a_french_run_is_written_in_the_language_of_the_source(tmp_path):
    with use_language("fr"):
        runner.run_experiments(
            [experiments.load_experiment("tp5.vocabulary")], tmp_path / "fr", Source.sample()
        )
    runner.run_experiments(
        [experiments.load_experiment("tp5.vocabulary")], tmp_path / "en", Source.sample()
    )
    french, english = (run_folder.list_seed_runs(tmp_path / name)[0][1] for name in ("fr", "en"))
    assert told_as_written(french) == told_as_written(english)


def told_as_written(piece: run_folder.SeedRun) -> tuple[object, ...]:
    return piece.title, piece.claims, piece.exhibits


class Settings(SettingsModel):
    pass


def run(context, settings) -> None:
    context.note(_("{n} words, {d} numbers each").format(n=3, d=_("nothing")))
    context.note("Spoken by a student: {braces} stay.")
    context.table(
        "t", title=N_("Analogies"), columns=[N_("word"), "mine"], rows=[[_("nothing"), "word"]]
    )
    context.claim("c", "confirmed", _("reached after epoch {epoch}").format(epoch=7))


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


def test_only_what_was_told_is_translated_and_never_the_data(own_run):
    with use_language("fr"):
        piece = run_folder.translate_record(run_folder.list_seed_runs(own_run)[0][1])
        nothing, word = _("nothing"), _("word")
    note, own, table = piece.exhibits
    assert (piece.title, piece.measures) == ("A title of my own", nothing)
    assert own.text == "Spoken by a student: {braces} stay."
    assert table.columns == [word, "mine"]
    assert table.rows == [[nothing, "word"]]
    assert nothing in note.text
    assert "mots" in note.text
    assert piece.claims[0].measured == "atteint après l'époque 7"


def test_a_report_speaks_the_language_it_is_asked_for(own_run):
    with use_language("fr"):
        french = report.rendered([own_run])
    assert "atteint après l&#39;époque 7" in french
    assert "reached after epoch 7" in report.rendered([own_run])


def test_a_record_without_its_sentences_is_shown_as_it_was_written(own_run):
    piece = run_folder.list_seed_runs(own_run)[0][1]
    bare = piece.model_copy(update={"sentences": {}})
    broken = {text: run_folder.Sentence(message="{other} blank") for text in piece.sentences}
    with use_language("fr"):
        assert run_folder.translate_record(bare).claims[0].measured == "reached after epoch 7"
        assert (
            run_folder.translate_record(piece.model_copy(update={"sentences": broken}))
            .claims[0]
            .measured
            == "reached after epoch 7"
        )
