"""The runs as the pages read them; no other file can be read."""

import json
import shutil
from urllib.parse import quote

import pytest
from web.playground import TestClient

from etabli.core.atomic_files import lock_folder
from etabli.web.api import NotFound
from etabli.web.app import make_app
from etabli.web.pages.runs import serve_file
from etabli.web.security import TOKEN_COOKIE, AccessPolicy
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
    both = client.get("/api/compare", params={"runs": "first/second"}).json()
    assert both["scores"][0]["measured"] == ["90.50 ± 0.71 %", "90.00 %"]
    assert both["scores"][0]["differences"][0]["text"].startswith("not comparable")
    assert {row["setting"]: row["values"] for row in both["settings"]} == {
        "data": ["sample data", "full data"],
        "seeds": ["0, 1", "0"],
        "epochs": ["2", "3"],
        "learning_rate": ["0.5", "0.9"],
    }


@pytest.mark.parametrize(
    "runs", ["first", "first/first", "first/nothing", "", "/".join("abcdefghijkl")]
)
def test_what_cannot_be_compared_is_refused(client, runs):
    assert client.get("/api/compare", params={"runs": runs}).status_code in (400, 404)


def test_the_histories_of_a_run_are_its_rows_with_plain_names(client):
    found = client.get("/api/runs/second/curves").json()
    assert [row["epoch"] for row in found[0]["rows"]] == [1, 2, 3]
    assert found[0]["columns"]["loss"] == {
        "score": "loss",
        "title": "loss",
        "line": "training",
        "unit": "nats",
    }
    french = client.get("/api/runs/second/curves?lang=fr").json()
    assert french[0]["columns"]["loss"]["title"] == "perte"


def test_the_list_has_the_headline_score_of_each_experiment(client):
    found = {run["name"]: run for run in client.get("/api/runs").json()}
    assert [(each["experiment"], each["text"]) for each in found["first"]["scores"]] == [
        ("tp0.tiny", "90.50 ± 0.71 %")
    ]


def test_a_figure_has_its_size_before_it_is_loaded(client):
    figure = client.get("/api/runs/first").json()["sections"][0]["figures"][0]
    assert figure["width"] > figure["height"] > 100
    assert figure["is_drawing"]


def test_a_run_without_its_record_is_listed_as_broken_and_can_be_deleted(small_runs, tmp_path):
    home = tmp_path / "runs"
    shutil.copytree(small_runs, home)
    (home / "first" / "run.json").unlink()
    (home / "notes").mkdir()
    with TestClient(make_app(home), base_url="http://127.0.0.1:8008") as client:
        listed = {run["name"]: run["broken"] for run in client.get("/api/runs").json()}
        assert set(listed) == {"first", "second"}
        assert "run.json" in listed["first"]
        assert client.post("/api/runs/delete", json={"run": "first"}).json() == {"left": []}
    assert sorted(path.name for path in home.iterdir()) == ["notes", "second"]


def test_a_run_that_stopped_names_the_command_that_resumes_it(small_runs, tmp_path):
    home = tmp_path / "runs"
    shutil.copytree(small_runs, home)
    (home / "second" / "tp0.tiny" / "seed-0" / "seed_run.json").unlink()
    with TestClient(make_app(home), base_url="http://127.0.0.1:8008") as client:
        second = client.get("/api/runs/second").json()
        assert not second["running"]
        assert second["resume"] == (
            "etabli run tp0.tiny --data full --set learning_rate=0.9 --out runs/second"
        )
        assert client.get("/api/runs/first").json()["resume"] == ""
        with lock_folder(home / "second"):
            assert client.get("/api/runs/second").json()["running"]
            answer = client.post("/api/runs/delete", json={"run": "second"})
            assert answer.status_code == 409
    assert (home / "second" / "run.json").exists()


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
        listed = {run["name"]: run["broken"] for run in client.get("/api/runs").json()}
        assert set(listed) == {"first", "second", "broken"}
        assert not listed["first"]
        assert "run.json" in listed["broken"]
        assert str(small_runs) not in listed["broken"]
        answer = client.get("/api/runs/broken")
        assert answer.status_code == 400
        assert str(small_runs) not in answer.text
        assert "run.json" in json.loads(answer.text)["error"]
    finally:
        (broken / "run.json").unlink()
        broken.rmdir()


def test_the_class_neither_renames_nor_deletes_runs(small_runs):
    policy = AccessPolicy("0.0.0.0", "for-the-class", "for-the-teacher")
    with TestClient(make_app(small_runs, policy), base_url="http://127.0.0.1:8008") as client:
        for role, name, status in (("class", "first", 403), ("teacher", "nothing", 404)):
            client.cookies.set(TOKEN_COOKIE, f"for-the-{role}")
            assert client.get("/api/runs").status_code == 200
            for path, body in (("delete", {}), ("rename", {"name": "new"})):
                answer = client.post(f"/api/runs/{path}", json={"run": name, **body})
                assert answer.status_code == status, answer.text
    assert (small_runs / "first" / "run.json").exists()
