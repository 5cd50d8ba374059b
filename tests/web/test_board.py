"""The board: reports need both tokens, and only the teacher sees who is stuck."""

import time

import pytest
from web.playground import TestClient

from etabli import exercises
from etabli.core.errors import BadSetting, EtabliError
from etabli.nn.grading import Finding
from etabli.pipelines.check import CheckResult
from etabli.pipelines.course import board
from etabli.pipelines.course.assignment import Assignment
from etabli.pipelines.course.students import Student
from etabli.web.board import make_board_app
from etabli.web.security import AccessPolicy

ADA, ZOE = Student("1", "Ada <b>"), Student("2", "Zoé")
SOFTMAX = exercises.get_exercise("tp1.softmax")
GIVEN = Assignment("tp1.softmax", (SOFTMAX,), (ADA, ZOE), "key")
POLICY = AccessPolicy("0.0.0.0", "class-token", "teacher-token")


@pytest.fixture
def shown(tmp_path):
    """A board, and a client of its page."""
    made = board.Board(GIVEN, tmp_path)
    app = make_board_app(made, POLICY, "http://10.0.0.1:8010/?token=class-token")
    with TestClient(app, base_url="http://127.0.0.1:8010") as client:
        yield made, client


def report(client, token: str, right: list[str], bearer: str = "class-token"):
    document = {"token": token, "exercise": SOFTMAX.name, "right": right}
    headers = {"Authorization": f"Bearer {bearer}"}
    return client.post("/api/report", json=document, headers=headers)


def test_a_report_needs_the_token_of_the_class_and_that_of_a_student(shown):
    made, client = shown
    assert report(client, GIVEN.make_token(ADA), [], bearer="wrong").status_code == 401
    assert report(client, "0" * 16, []).status_code == 400
    assert made.cells == {}
    assert report(client, GIVEN.make_token(ADA), ["softmax.p", "no item"]).status_code == 200
    assert made.cells["1", SOFTMAX.name].right == 1


def test_the_teacher_sees_who_has_passed_and_the_class_does_not(shown):
    made, client = shown
    report(client, GIVEN.make_token(ADA), list(SOFTMAX.items))
    page = client.get("/", headers={"Authorization": "Bearer teacher-token"})
    assert page.status_code == 200
    assert "✓</td>" in page.text and "Ada &lt;b&gt;" in page.text and "1/2</td>" in page.text
    assert client.get("/", headers={"Authorization": "Bearer class-token"}).status_code == 403
    french = client.get("/?lang=fr", headers={"Authorization": "Bearer teacher-token"})
    assert "La classe au travail" in french.text
    assert made.cells["1", SOFTMAX.name].is_passed


def test_stuck_is_the_time_since_an_item_became_right(tmp_path, monkeypatch):
    made, token = board.Board(GIVEN, tmp_path), GIVEN.make_token(ADA)
    first, second = SOFTMAX.items
    moments = [(100, []), (200, [first]), (300, [first]), (400, []), (500, [second])]
    since = []
    for moment, right in moments:
        monkeypatch.setattr(board.time, "time", lambda moment=moment: float(moment))
        made.report(token, SOFTMAX.name, right)
        since.append(made.cells["1", SOFTMAX.name].since)
    assert since == [100, 200, 200, 200, 500]


def test_a_board_that_is_started_again_knows_the_reports(tmp_path):
    made = board.Board(GIVEN, tmp_path)
    made.report(GIVEN.make_token(ZOE), SOFTMAX.name, SOFTMAX.items)
    with made.path.open("a") as file:
        file.write('["2", "tp1.so')  # a kill
    again = board.Board(GIVEN, tmp_path)
    assert again.cells["2", SOFTMAX.name].is_passed
    assert [student for student, _cells in again.list_rows()] == [ADA, ZOE]


def test_a_check_is_reported_with_the_token_of_the_file_and_to_the_address_only(
    shown, tmp_path, monkeypatch
):
    import requests

    made, client = shown
    sent = []

    def post(url, *, json, headers, timeout):
        sent.append(url)
        return client.post(url, json=json, headers=headers)

    monkeypatch.setattr(requests, "post", post)
    items = tuple(exercises.ItemResult(name, True, "right", "", "") for name in SOFTMAX.items)
    finding = Finding("softmax", "p", True, 0.0, "right")
    result = CheckResult((finding,), "", "", SOFTMAX.name, items)
    path = tmp_path / "mine.py"
    path.write_text(f"# etabli class: Ada {GIVEN.make_token(ADA)}\nx = 1\n")
    board.report_check("http://127.0.0.1:8010/?token=class-token", path, result)
    assert sent == ["http://127.0.0.1:8010/api/report"]
    assert made.cells["1", SOFTMAX.name].is_passed
    with pytest.raises(EtabliError, match="rejected"):
        board.report_check("http://127.0.0.1:8010/?token=other", path, result)
    path.write_text("x = 1\n")
    with pytest.raises(BadSetting, match="no token"):
        board.report_check("http://127.0.0.1:8010/", path, result)


def test_a_board_that_does_not_answer_is_named(tmp_path):
    items = tuple(exercises.ItemResult(name, True, "right", "", "") for name in SOFTMAX.items)
    path = tmp_path / "mine.py"
    path.write_text("# etabli class: Ada 0123456789abcdef\n")
    started = time.monotonic()
    with pytest.raises(EtabliError, match="does not answer"):
        result = CheckResult((), "", "", SOFTMAX.name, items)
        board.report_check("http://127.0.0.1:9/", path, result)
    assert time.monotonic() - started < 10
