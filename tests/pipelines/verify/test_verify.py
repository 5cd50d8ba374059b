"""Claims are verified by a run, with the right verdict, table, badge and exit code."""

import json
import subprocess
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

import etabli
from etabli.cli import app
from etabli.core import cache
from etabli.core.errors import BadSetting, CorruptFile, DataMissing, EtabliError, UnknownName
from etabli.experiments import runner
from etabli.pipelines.verify import badge, read_claims, write_claims
from etabli.pipelines.verify.claim_file import FORMAT, StatedClaim
from etabli.pipelines.verify.rerun import find_number


@pytest.fixture(scope="module")
def stated(tmp_path_factory):
    """The claim file of a run of two cheap experiments on sample data, and its content."""
    home = tmp_path_factory.mktemp("stated")
    settings = {"epochs": 2}
    result = etabli.run("tp1.logistic", seeds=2, settings=settings, out=home / "run")
    write_claims(result.folder, home / "claims.json")
    return home, json.loads((home / "claims.json").read_text())


def verify(home, claims, out, **options):
    path = home / f"{out}.json"
    path.write_text(json.dumps({"format": FORMAT, "claims": claims}))
    return etabli.verify(path, out=home / out, **options)


def test_the_claims_of_a_run_are_reproduced_by_another_one(stated):
    home, document = stated
    found = etabli.verify(home / "claims.json", out=home / "out")
    assert {each.verdict for each in found.claims} == {"reproduced"}
    assert found.is_reproduced and not found.is_refuted
    first = document["claims"][0]
    assert first["seeds"] == [0, 1] and first["settings"] == {"epochs": 2}
    assert found.claims[0].measured == first["value"]
    table = found.markdown.read_text()
    assert "![3 of 3 reproduced](verify.svg)" in table
    assert table.count("| reproduced |") == 3
    assert "3 of 3 reproduced" in "".join(ET.parse(found.badge).getroot().itertext())


def test_a_second_verification_trains_nothing_and_finds_the_same(stated, monkeypatch):
    home, _document = stated
    before = etabli.verify(home / "claims.json", out=home / "again")
    monkeypatch.setattr(runner, "_run_seed", lambda *_all: pytest.fail("a seed ran again"))
    after = etabli.verify(home / "claims.json", out=home / "again")
    assert [each.measured for each in before.claims] == [each.measured for each in after.claims]


def test_each_verdict_has_its_reason(stated):
    home, document = stated
    base = document["claims"][0]
    claims = [
        {**base, "value": base["value"] + 0.5, "tolerance": 0.001},
        {**base, "range": [0.0, 0.01], "tolerance": 1.0},
        {**base, "recipe": base["recipe"].replace("n:360", "n:10000")},
        {**base, "recipe": base["recipe"].replace("epochs:2", "epochs:20")},
        {**base, "score": "unknown_score"},
        {"score": "cider_d", "value": 0.524, "source": "a paper"},
        {**base, "checksums": {"mnist": "sha256:0"}},
    ]
    found = verify(home, claims, "verdicts", seeds=1)
    assert [each.verdict for each in found.claims] == [
        *("not reproduced", "not reproduced", "not comparable", "not comparable"),
        *("not comparable", "not verified here", "not comparable"),
    ]
    reasons = [each.reason for each in found.claims]
    for reason, words in zip(
        reasons,
        (
            *("allowed 0.001", "outside the expected range", "number of examples differs"),
            *("setting epochs differs (20, 2)", "no score with this name", "a paper"),
            "the data differ: mnist",
        ),
        strict=True,
    ):
        assert words in reason
    assert "(1 of 2 seeds)" in found.markdown.read_text()
    assert found.is_refuted and not found.is_reproduced


def test_a_spread_allows_four_standard_errors_of_the_difference():
    claim = StatedClaim(experiment="tp1.logistic", score="x", value=0, spread=0.01, seeds=range(4))
    assert claim.largest_difference(1) == pytest.approx(4 * 0.01 * (1 / 4 + 1) ** 0.5)
    exact = StatedClaim(experiment="tp1.logistic", score="x", value=0, spread=1, tolerance=0.1)
    assert exact.largest_difference(1) == 0.1


def test_claims_that_take_too_long_are_left_out_and_that_is_said(stated):
    home, document = stated
    slow = [{**each, "seconds": 900} for each in document["claims"]]
    found = verify(home, slow, "slow", max_seconds=20)
    assert {each.verdict for each in found.claims} == {"not verified here"}
    assert "longer than 20 s" in found.claims[0].reason
    assert not found.is_reproduced and not found.is_refuted
    assert "none verified" in found.badge.read_text()


def test_a_folder_of_another_verification_is_not_replaced(stated):
    home, document = stated
    verify(home, [{**document["claims"][0], "seconds": 900}], "kept", max_seconds=1)
    other = [{**document["claims"][0], "seconds": 901}]
    with pytest.raises(BadSetting, match="contains a verification of another file"):
        verify(home, other, "kept", max_seconds=1)
    assert verify(home, other, "kept", max_seconds=1, overwrite=True).claims


GOOD = {"experiment": "tp1.logistic", "score": "test_accuracy", "value": 0.9, "tolerance": 0.1}


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"experiment": "tp9.none"}, UnknownName, "no experiment named 'tp9.none'"),
        ({"experiment": "./mine.py"}, UnknownName, "no experiment named"),
        ({"tolerance": None}, CorruptFile, "claims[0]: needs a tolerance, or a spread"),
        ({"value": "high"}, CorruptFile, "claims[0].value"),
        ({"value": float("nan")}, CorruptFile, "finite"),
        ({"seeds": []}, CorruptFile, "claims[0].seeds"),
        ({"seeds": [-1]}, CorruptFile, "a seed is 0 or more"),
        ({"experiment": ""}, CorruptFile, "needs an experiment or a command, or a source"),
        ({"experiment": "", "command": ["serve"]}, CorruptFile, "must be one of evaluate"),
        (
            {"experiment": "", "command": ["untangle", "x.csv", "--out=/etc"]},
            CorruptFile,
            "may not have the option",
        ),
        (
            {"experiment": "", "command": ["untangle", "x.csv", "--cluster", "ray://host:1"]},
            CorruptFile,
            "may not have the option",
        ),
        ({"command": ["words", "x.txt"]}, CorruptFile, "an experiment and a command"),
        ({"checksums": {"none": "x"}}, UnknownName, "no data set named 'none'"),
        ({"unknown": 1}, CorruptFile, "claims[0].unknown"),
    ],
)
def test_a_bad_claim_is_refused_with_its_place(tmp_path, change, kind, words):
    path = tmp_path / "claims.json"
    claim = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    path.write_text(json.dumps({"format": FORMAT, "claims": [claim]}))
    with pytest.raises(kind) as caught:
        read_claims(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "x", "claims": []}', "\x00\xff"])
def test_a_file_that_holds_no_claims_is_refused(tmp_path, text):
    path = tmp_path / "claims.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CorruptFile, match="cannot be read as a claim file"):
        read_claims(path)
    with pytest.raises(DataMissing):
        read_claims(tmp_path / "missing.json")


def test_a_command_is_run_next_to_the_file_and_its_number_found(tmp_path):
    rows = "\n".join(f"{i % 2},{i % 2 * 9 + i / 100},{i / 50}" for i in range(60))
    (tmp_path / "points.csv").write_text(f"label,a,b\n{rows}\n")
    claim = {
        "command": ["untangle", "points.csv", "--label-column", "label"],
        "score": "neighborhood_hit_points",
        "value": 1.0,
        "tolerance": 0.01,
    }
    found = verify(tmp_path, [claim, {**claim, "score": "none"}], "out")
    assert [each.verdict for each in found.claims] == ["reproduced", "not comparable"]
    assert found.claims[0].measured == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"scores": [{"name": "a", "value": 0.5, "recipe": "r"}]}, "a", (0.5, "r")),
        ({"scores": [{"score": "a", "value": 2, "signature": "s"}]}, "a", (2.0, "s")),
        ({"card": {"scores": {"a": 0.25}}}, "card.scores.a", (0.25, "")),
        ({"a": True}, "a", (None, "")),
        ({"a": None}, "b", (None, "")),
    ],
)
def test_a_number_is_found_by_its_names(document, path, value):
    assert find_number(document, path.split(".")) == value


def test_names_from_a_file_are_no_markup(stated):
    home, document = stated
    hostile = {**document["claims"][0], "id": "a | b\n# <img src=x> [x](y)", "seconds": 99}
    table = verify(home, [hostile], "hostile", max_seconds=1).markdown.read_text()
    row = next(line for line in table.splitlines() if "img" in line)
    assert "<img" not in row and "\\|" in row and "\\[x\\]" in row


def test_the_badge_is_red_where_one_fails():
    counts = dict.fromkeys(("reproduced", "not reproduced", "not comparable"), 1)
    assert badge.describe(counts) == "1 of 3 reproduced"
    assert "#b3261e" in badge.render(counts)


def test_the_command_ends_with_1_where_a_number_is_not_reproduced(stated):
    home, document = stated
    wrong = {**document["claims"][0], "value": 0.1, "tolerance": 0.001}
    path = home / "wrong.json"
    path.write_text(json.dumps({"format": FORMAT, "claims": [wrong]}))
    done = CliRunner().invoke(app, ["verify", str(path), "--out", str(home / "wrong"), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["claims"][0]["verdict"] == "not reproduced"


def test_the_claims_of_a_report_hold_the_lab_reports_values(tmp_path):
    from tiny import EXPERIMENT

    from etabli.data.catalog.source import Source

    folder = runner.run_experiments(
        [EXPERIMENT], tmp_path / "run", Source.full(tmp_path), seeds=[0, 1, 2]
    )
    done = CliRunner().invoke(app, ["report", str(folder), "--claims", str(tmp_path / "c.json")])
    assert done.exit_code == 0
    ours, cited = read_claims(tmp_path / "c.json").claims
    assert (ours.value, ours.by_seed) == (0.91, {0: 0.9, 1: 0.91, 2: 0.92})
    assert cited.value == 0.9159 and cited.source == "here"
    # one published run, against a mean of three seeds with a spread of 0.01
    assert cited.tolerance == pytest.approx(4 * 0.01 * (4 / 3) ** 0.5 + 0.00005)


def test_other_files_of_the_output_folder_are_never_removed(stated):
    home, document = stated
    claims = [document["claims"][0]]
    mine = home / "mine" / "photos" / "a.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    verify(home, claims, "mine")
    verify(home, [{**claims[0], "note": "changed"}], "mine", overwrite=True)
    assert mine.read_text() == "mine"
    (home / "mine" / "verify.json").write_text("[]")
    with pytest.raises(BadSetting, match="another file"):
        verify(home, claims, "mine")


def test_only_the_words_that_a_claim_states_are_compared(stated):
    home, document = stated
    claims = [{**document["claims"][0], "recipe": words} for words in ("epochs:2", "epochs:2/3")]
    found = verify(home, claims, "words")
    assert {each.verdict for each in found.claims} == {"reproduced"}


def test_a_verification_measures_and_reads_no_result_of_the_cache(stated, monkeypatch):
    home, document = stated
    folders = []
    monkeypatch.setattr(runner, "_run_seed", lambda *_all: folders.append(cache._root()))
    verify(home, [document["claims"][0]], "own-cache", seeds=1)
    assert folders == [home / "own-cache" / "runs" / "cache"]


def test_a_module_next_to_the_claims_is_not_imported(tmp_path):
    (tmp_path / "typer.py").write_text("raise SystemExit('imported')")
    (tmp_path / "points.csv").write_text("label,a\n" + "0,1\n1,9\n" * 20)
    claim = {"command": ["untangle", "points.csv"], "score": "x", "value": 1.0, "tolerance": 0.1}
    (measured,) = verify(tmp_path, [claim], "out").claims
    assert "no number with this name" in measured.reason


@pytest.mark.parametrize(
    ("code", "printed", "value"),
    [(0, '{"a": 1}', 1.0), (7, '{"a": 1}', 1.0), (0, "Usage:", None), (2, "", None)],
)
def test_a_command_may_skip_images_and_has_to_print_json(
    tmp_path, monkeypatch, code, printed, value
):
    made = subprocess.CompletedProcess([], code, stdout=printed, stderr="etabli: no")
    monkeypatch.setattr(subprocess, "run", lambda *_all, **_options: made)
    claim = {"command": ["transfer", "photos"], "score": "a", "value": 1.0, "tolerance": 0.1}
    (found,) = verify(tmp_path, [claim], f"out{code}{value}").claims
    assert found.measured == value


def test_a_command_that_lacks_data_ends_the_verification(tmp_path, monkeypatch):
    made = subprocess.CompletedProcess([], 3, stdout="", stderr="etabli: no weights")
    monkeypatch.setattr(subprocess, "run", lambda *_all, **_options: made)
    claim = {"command": ["transfer", "photos"], "score": "a", "value": 1.0, "tolerance": 0.1}
    with pytest.raises(EtabliError, match="no weights") as error:
        verify(tmp_path, [claim], "out")
    assert error.value.exit_code == 3


def test_a_command_runs_again_after_its_verification_ended(tmp_path, monkeypatch):
    printed = iter(['{"a": 1}', '{"a": 2}'])
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda *_all, **_options: subprocess.CompletedProcess([], 0, next(printed), ""),
    )
    claim = {"command": ["words", "x.txt"], "score": "a", "value": 2.0, "tolerance": 0.1}
    first, second = (verify(tmp_path, [claim], "out").claims[0] for _turn in range(2))
    assert (first.verdict, second.verdict) == ("not reproduced", "reproduced")
