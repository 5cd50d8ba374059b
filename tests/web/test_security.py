"""Nobody from outside: foreign hosts, foreign origins, no token, other sites' pages."""

import pytest
from web.playing import TestClient

from etabli.web.app import make_app
from etabli.web.security import Door, host_name

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


def test_the_own_origin_is_served(client):
    assert client.post("/api/backprop", json={}, headers={"origin": LOCAL}).status_code == 200


def test_another_sites_page_cannot_embed_what_is_served_but_may_link_to_it(client):
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/api/runs", headers=embedded).status_code == 403
    assert client.get("/", headers=followed).status_code == 200
    assert client.post("/api/backprop", json={}, headers=followed).status_code == 403


def test_a_form_of_another_site_is_not_read_as_json(client):
    answer = client.post("/api/train/stop", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


def test_every_answer_forbids_what_the_page_does_not_need(client):
    for path in ("/", "/api/runs", "/static/page.css", "/nothing", "/runs/first/report.html"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


class TestWithAHost:
    """``--host`` opens the door to others, so it asks for a token."""

    door = Door("0.0.0.0", "secret-token")

    @pytest.fixture
    def outside(self, small_runs):
        with TestClient(make_app(small_runs, self.door), base_url="http://10.0.0.7:8008") as made:
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

    def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(self, outside):
        first = outside.get("/runs?token=secret-token&lang=fr", follow_redirects=False)
        assert first.status_code == 303
        assert first.headers["location"] == "/runs?lang=fr"
        assert "httponly" in first.headers["set-cookie"].lower()
        assert "samesite=strict" in first.headers["set-cookie"].lower()
        assert outside.get("/api/runs").status_code == 200

    def test_the_token_as_a_bearer_opens_too(self, outside):
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

    def test_a_rebound_name_is_refused_before_the_token_is_looked_at(self, outside):
        answer = outside.get(
            "/?token=secret-token", headers={"host": "evil.example"}, follow_redirects=False
        )
        assert answer.status_code == 421


def test_without_a_host_the_door_is_loopback_and_has_no_token():
    assert Door.at(None) == Door("127.0.0.1", None)


def test_every_given_host_gets_a_new_long_token():
    first, second = Door.at("0.0.0.0"), Door.at("127.0.0.1")
    assert first.token != second.token
    assert min(len(first.token), len(second.token)) >= 32


def test_the_name_in_a_host_header_is_without_port_and_brackets():
    assert [host_name(each) for each in ("A:1", "[::1]:80", "", "b")] == ["a", "::1", "", "b"]
