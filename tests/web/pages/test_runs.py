"""The runs as the pages read them; no other file can be read."""

import json
from urllib.parse import quote

import pytest

from etabli.web.api import NotFound
from etabli.web.pages.runs import serve_file
from etabli.web.sse import read_new_rows


def test_every_run_is_listed(client):
    found = client.get("/api/runs").json()
    assert {run["name"] for run in found} == {"first", "second"}
    assert all(run["done"] == run["total"] and not run["running"] for run in found)


def test_a_run_on_full_data_has_published_and_measured_scores(client):
    run = client.get("/api/runs/second").json()
    assert run["scores"][0] == {
        "experiment": "tp0.tiny",
        "score": "test_accuracy",
        "label": "test accuracy",
        "published": "91.59 %",
        "measured": "90.00 %",
        "difference": "-1.59 points",
        "recipe": "data:none | n:10",
    }


def test_a_run_on_sample_data_has_no_published_score(client):
    assert client.get("/api/runs/first").json()["scores"][0]["published"] == "—"


def test_two_runs_are_compared_with_the_settings_that_differ(client):
    both = client.get("/api/compare", params={"a": "first", "b": "second"}).json()
    assert both["scores"][0]["measured"] == ["90.50 ± 0.71 %", "90.00 %"]
    assert {row["setting"]: row["values"] for row in both["settings"]} == {
        "epochs": ["2", "3"],
        "learning_rate": ["0.5", "0.9"],
    }


def test_the_histories_of_a_run_are_its_rows(client):
    found = client.get("/api/runs/second/curves").json()
    assert [row["epoch"] for row in found[0]["rows"]] == [1, 2, 3]


def test_rows_are_read_once_and_incomplete_ones_later(tmp_path):
    folder = tmp_path / "tp0.tiny" / "seed-0"
    folder.mkdir(parents=True)
    history, offsets = folder / "train.jsonl", {}
    history.write_text('{"epoch": 1}\n{"epo')
    assert [each["rows"] for each in read_new_rows(tmp_path, offsets)] == [[{"epoch": 1}]]
    assert read_new_rows(tmp_path, offsets) == []
    with history.open("a") as stream:
        stream.write('ch": 2}\n')
    again = read_new_rows(tmp_path, offsets)
    assert again[0]["rows"] == [{"epoch": 2}]
    assert not again[0]["restarted"]
    history.write_text('{"epoch": 9}\n')
    assert read_new_rows(tmp_path, offsets)[0]["restarted"]


def test_the_full_report_is_rendered_in_the_language_of_the_page(client):
    assert '<html lang="fr">' in client.get("/runs/first/report.html?lang=fr").text
    assert '<html lang="en">' in client.get("/runs/first/report.html?lang=en").text


def test_a_page_written_by_an_experiment_runs_without_an_origin(client):
    answer = client.get("/runs/first/tp0.tiny/seed-0/page.html")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        "../second/run.json",
        "../../etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "..\\second\\run.json",
        "tp0.tiny/../../second/run.json",
        ".lock",
        "tp0.tiny/seed-0/.hidden.json",
        "tp0.tiny",
        "run.json\0.svg",
        "tp0.tiny/seed-0/train.exe",
    ],
)
def test_no_path_leaves_the_run(client, small_runs, name):
    with pytest.raises(NotFound):
        serve_file(small_runs / "first", name)
    answer = client.get(f"/runs/first/{quote(name, safe='')}")
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_link_out_of_the_run_is_not_followed(client, small_runs, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    link = small_runs / "first" / "link.json"
    link.symlink_to(secret)
    try:
        assert client.get("/runs/first/link.json").status_code == 404
    finally:
        link.unlink()


@pytest.mark.parametrize("name", ["first/..", "%2e%2e", "../first", "nothing", "first\0", "FIRST"])
def test_only_the_name_of_an_existing_run_is_accepted(client, name):
    assert client.get(f"/api/runs/{quote(name, safe='')}").status_code == 404


def test_a_corrupt_record_hides_no_other_run_and_shows_no_path(client, small_runs):
    broken = small_runs / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    try:
        assert {run["name"] for run in client.get("/api/runs").json()} == {"first", "second"}
        answer = client.get("/api/runs/broken")
        assert answer.status_code == 400
        assert str(small_runs) not in answer.text
        assert "run.json" in json.loads(answer.text)["error"]
    finally:
        (broken / "run.json").unlink()
        broken.rmdir()
