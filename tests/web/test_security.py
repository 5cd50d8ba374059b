"""Access control: foreign hosts, foreign origins, missing tokens, pages of other sites."""

import pytest
from web.playground import TestClient

from etabli.web.app import make_app
from etabli.web.pages import ENDPOINTS
from etabli.web.security import AccessPolicy, parse_host

CHANGES = [endpoint for endpoint in ENDPOINTS if endpoint.teacher_only]
LOCAL = "http://127.0.0.1:8008"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8008", "localhost:8008", "[::1]:8008", "LOCALHOST", "127.0.0.2"]
)
def test_loopback_names_are_served(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8008",
        "192.168.1.4",
        "",
        "[::2]",
    ],
)
def test_a_foreign_host_is_refused(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Établi" not in answer.text


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:8008",
        "http://127.0.0.1:9999",
        "http://localhost:8008",
    ],
)
def test_a_foreign_origin_is_refused(client, origin):
    assert client.post("/api/backprop", json={}, headers={"origin": origin}).status_code == 403
    assert client.get("/api/runs", headers={"origin": origin}).status_code == 403


def test_the_same_origin_is_served(client):
    assert client.post("/api/backprop", json={}, headers={"origin": LOCAL}).status_code == 200


def test_other_sites_may_link_to_a_page_but_not_embed_anything(client):
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/api/runs", headers=embedded).status_code == 403
    assert client.get("/", headers=followed).status_code == 200
    assert client.post("/api/backprop", json={}, headers=followed).status_code == 403


def test_a_form_of_another_site_is_not_read_as_json(client):
    answer = client.post("/api/train/stop", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


def test_every_response_has_security_headers(client):
    for path in ("/", "/api/runs", "/static/page.css", "/nothing", "/runs/first/report.html"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


class TestWithAHost:
    """``--host`` serves other machines, so it requires a token."""

    policy = AccessPolicy("0.0.0.0", "secret-token")

    @pytest.fixture
    def outside(self, small_runs):
        with TestClient(make_app(small_runs, self.policy), base_url="http://10.0.0.7:8008") as made:
            yield made

    def test_nothing_is_served_without_the_token(self, outside):
        for path in (
            "/",
            "/api/runs",
            "/static/page.css",
            "/runs/first/report.html",
            "/?token=wrong",
            "/?token=",
        ):
            assert outside.get(path).status_code == 401

    def test_the_token_moves_from_the_url_to_a_cookie(self, outside):
        first = outside.get("/runs?token=secret-token&lang=fr", follow_redirects=False)
        assert first.status_code == 303
        assert first.headers["location"] == "/runs?lang=fr"
        assert "httponly" in first.headers["set-cookie"].lower()
        assert "samesite=strict" in first.headers["set-cookie"].lower()
        assert outside.get("/api/runs").status_code == 200

    def test_a_bearer_token_is_accepted(self, outside):
        assert (
            outside.get("/api/runs", headers={"authorization": "Bearer secret-token"}).status_code
            == 200
        )
        assert (
            outside.get("/api/runs", headers={"authorization": "Bearer secret-tokem"}).status_code
            == 401
        )

    def test_the_redirect_stays_on_this_machine(self, outside):
        answer = outside.get("//evil.example/?token=secret-token", follow_redirects=False)
        assert not answer.headers.get("location", "/").startswith("//")

    def test_a_rebound_name_is_refused_before_the_token_is_checked(self, outside):
        answer = outside.get(
            "/?token=secret-token", headers={"host": "evil.example"}, follow_redirects=False
        )
        assert answer.status_code == 421


def test_without_a_host_only_loopback_is_served_without_a_token():
    assert AccessPolicy.for_host(None) == AccessPolicy("127.0.0.1", None)


def test_every_given_host_gets_two_new_tokens_that_cannot_be_guessed():
    first, second = AccessPolicy.for_host("0.0.0.0"), AccessPolicy.for_host("127.0.0.1")
    tokens = {first.token, second.token, first.teacher_token, second.teacher_token}
    assert len(tokens) == 4
    assert len(first.token) >= 12 and len(first.teacher_token) >= 32


class TestTwoRoles:
    """The class opens every page; only the teacher changes something for all."""

    policy = AccessPolicy("0.0.0.0", "for-the-class", "for-the-teacher")

    @pytest.fixture
    def outside(self, small_runs):
        with TestClient(make_app(small_runs, self.policy), base_url="http://10.0.0.7:8008") as made:
            yield made

    def test_trainings_are_for_the_teacher(self):
        assert {"/api/train", "/api/train/stop"} <= {each.path for each in CHANGES}

    @pytest.mark.parametrize("change", CHANGES, ids=lambda each: f"{each.method} {each.path}")
    def test_the_class_changes_nothing(self, outside, change):
        """Each is refused before its parameters are read."""
        outside.get("/?token=for-the-class")
        answer = outside.request(change.method, change.path.replace("{run}", "first"))
        assert answer.status_code == 403
        assert "teacher" in answer.json()["error"]

    def test_the_class_opens_every_page_and_draws_digits(self, outside):
        assert 'data-role="class"' in outside.get("/?token=for-the-class").text
        assert outside.get("/runs/first").status_code == 200
        assert outside.post("/api/digits", json={"strokes": []}).status_code == 200

    def test_the_teacher_stops_the_training(self, outside):
        assert 'data-role="teacher"' in outside.get("/?token=for-the-teacher").text
        assert outside.post("/api/train/stop", json={}).status_code == 200

    def test_on_this_machine_alone_everyone_is_the_teacher(self, client):
        assert 'data-role="teacher"' in client.get("/").text
        assert client.post("/api/train/stop", json={}).status_code == 200


def test_the_names_that_a_network_announces_are_served(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "VM.example.org")
    policy = AccessPolicy("0.0.0.0", "for-the-class", "for-the-teacher")
    for name in ("vm.local:8008", "vm", "VM.Example.org", "10.0.0.7:8008"):
        assert policy.accepts_host(name), name
    for name in ("other.local", "vm.example.com", "local", "vm.local.evil.example"):
        assert not policy.accepts_host(name), name
    assert not AccessPolicy().accepts_host("vm.local")


def test_the_name_in_a_host_header_is_without_port_and_brackets():
    assert [parse_host(each) for each in ("A:1", "[::1]:80", "", "b")] == ["a", "::1", "", "b"]
