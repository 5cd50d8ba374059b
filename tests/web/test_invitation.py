"""How a class joins: addresses by number, a QR code in the terminal and on the teacher's page."""

import re
import socket
from collections import namedtuple

import pytest
from web.playground import TestClient
from web.test_app import start_server

from etabli.web import invitation
from etabli.web.app import make_app
from etabli.web.security import AccessPolicy

Interface = namedtuple("Interface", "family address")
POLICY = AccessPolicy("0.0.0.0", "for-the-class", "for-the-teacher")
V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def network(monkeypatch):
    """A machine called vm, with a cable, a link-local address and one of IPv6."""
    found = {
        "lo": [Interface(V4, "127.0.0.1"), Interface(V6, "::1")],
        "wifi": [Interface(V4, "169.254.3.4"), Interface(V6, "fe80::1%wifi")],
        "cable": [Interface(V6, "2001:db8::7"), Interface(V4, "192.168.1.20")],
    }
    monkeypatch.setattr("psutil.net_if_addrs", lambda: found)
    monkeypatch.setattr("socket.gethostname", lambda: "vm")


def test_addresses_are_listed_by_number_then_by_name(network):
    assert invitation.class_urls(POLICY, 8008) == [
        "http://192.168.1.20:8008/?token=for-the-class",
        "http://vm.local:8008/?token=for-the-class",
    ]
    assert invitation.list_addresses("::") == ["192.168.1.20", "2001:db8::7"]
    assert invitation.make_url("2001:db8::7", 80, None) == "http://[2001:db8::7]:80/"


def test_a_given_address_is_the_only_one(network):
    policy = AccessPolicy("192.168.1.20", "a", "b")
    assert invitation.class_urls(policy, 1) == ["http://192.168.1.20:1/?token=a"]
    assert invitation.class_urls(AccessPolicy(), 1) == []
    assert invitation.teacher_url(AccessPolicy(), 1) == "http://127.0.0.1:1/"


def modules_of_svg(code: str) -> set[tuple[int, int]]:
    """Return the dark modules (row, column) of the strokes M x y, m dx dy and h length."""
    path = re.search(r'stroke="#000" d="([^"]*)"', code).group(1)
    dark, x, y = set(), 0.0, 0.0
    for name, first, second in re.findall(r"([Mmh])(-?[\d.]+)[ ]?(-?[\d.]+)?", path):
        if name == "h":
            dark |= {(int(y), int(x) + each) for each in range(int(first))}
            x += float(first)
        else:
            x = float(first) + (0 if name == "M" else x)
            y = float(second) + (0 if name == "M" else y)
    return dark


def modules_of_terminal(code: str) -> set[tuple[int, int]]:
    """Return the dark modules of half blocks: a space is two dark ones, one above the other."""
    halves = {" ": (0, 1), "\u2580": (1,), "\u2584": (0,), "\u2588": ()}
    rows = code.splitlines()[:-1]  # the last line is half a margin
    return {
        (2 * down + half, across)
        for down, row in enumerate(rows)
        for across, block in enumerate(row)
        for half in halves[block]
    }


def test_the_terminal_and_the_page_show_the_same_code(network):
    url = invitation.class_urls(POLICY, 8008)[0]
    on_page = modules_of_svg(invitation.draw_as_svg(url))
    assert len(on_page) > 300
    assert modules_of_terminal(invitation.draw_in_terminal(url, "utf-8")) == on_page


def test_a_terminal_without_block_characters_shows_the_code_in_color():
    code = invitation.draw_in_terminal("http://192.168.1.20:8008/", "ascii")
    assert code.isascii() and "\033[" in code


def test_only_the_teacher_sees_the_invitation(small_runs, network):
    with TestClient(make_app(small_runs, POLICY), base_url="http://192.168.1.20:8008") as made:
        shown = made.get("/?token=for-the-teacher").text
        assert "http://192.168.1.20:8008/?token=for-the-class" in shown
        assert "<svg" in shown and "for-the-teacher" not in shown
        made.cookies.clear()
        assert "for-the-class" not in made.get("/?token=for-the-class").text


def test_the_command_prints_both_addresses_and_the_code(tmp_path):
    process, mine = start_server("--runs", str(tmp_path), "--host", "0.0.0.0")
    try:
        process.stdout.readline()
        theirs = process.stdout.readline().strip()
        assert re.fullmatch(r"http://[\d.]+:\d+/\?token=[\w-]{12}", theirs)
        assert mine.partition("?")[0] == theirs.partition("?")[0]
        lines = [process.stdout.readline() for _line in range(10)]
        assert any("\u2588" in line for line in lines)
    finally:
        process.kill()
