"""The server: an address at once, a token where a host is given, no traceback on Ctrl-C."""

import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from etabli.core.errors import EtabliError
from etabli.web.app import Server, bind_socket, limit_malloc_arenas


def start_server(*options: str) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "etabli", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, process.stdout.readline().split()[-1]


def test_the_command_prints_its_address_serves_and_stops_without_a_traceback(tmp_path):
    process, address = start_server("--runs", str(tmp_path))
    try:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
        stream = urllib.request.urlopen(
            f"{address}api/events", timeout=30
        )  # an open stream does not delay the shutdown
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert time.monotonic() - started < 8
        stream.close()
    finally:
        process.kill()
    output = process.stderr.read()
    assert "Traceback" not in output


def test_a_given_host_is_served_with_a_token_only(tmp_path):
    process, address = start_server("--runs", str(tmp_path), "--host", "127.0.0.1")
    try:
        base, _question, token = address.partition("?token=")
        assert len(token) >= 32
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(base, timeout=30)
        request = urllib.request.Request(base, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.kill()


def test_a_port_in_use_is_refused_with_a_fix():
    with bind_socket("127.0.0.1", 0) as taken, pytest.raises(EtabliError, match="--port"):
        Server(".", port=taken.getsockname()[1])


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(EtabliError, match=r"cannot serve at 192\.0\.2\.1"):
        Server(".", host="192.0.2.1", port=0)


def test_the_command_imports_nothing_heavy_before_it_answers():
    code = (
        "import sys; from etabli.web.app import make_app; make_app('.');"
        "heavy = ('keras', 'jax', 'matplotlib', 'sklearn', 'openTSNE', 'scipy', 'segno');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.stdout.strip() == "[]"


def test_responses_are_sent_without_delay():
    """asyncio sets TCP_NODELAY only if the listening socket names its protocol."""
    with bind_socket("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_glibc_accepts_the_limit_of_malloc_arenas():
    assert limit_malloc_arenas() is (platform.libc_ver()[0] == "glibc")


def test_an_unknown_address_is_a_page_in_the_frame(client):
    for address in ("/nowhere", "/runs/deleted"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "text/html" in answer.headers["content-type"]
        assert 'href="/runs"' in answer.text and "<h1>" in answer.text
    assert client.get("/api/nowhere").json()["error"]
