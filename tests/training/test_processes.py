"""How processes connect, and how one notices that another is gone, without JAX."""

import socket
import threading

import pytest

from etabli.core.errors import BadSetting
from etabli.training import processes


@pytest.mark.parametrize(
    ("coordinator", "process", "says"),
    [
        (None, 0, "the address of a coordinator"),
        ("host", 0, "the address of a coordinator"),
        (":4567", 0, "the address of a coordinator"),
        ("host:seventy", 0, "the address of a coordinator"),
        ("host:70000", 0, "the address of a coordinator"),
        ("host:4567", None, "--process-id from 0 to 1"),
        ("host:4567", 2, "--process-id from 0 to 1"),
    ],
)
def test_what_cannot_be_joined_is_refused_before_anything_starts(coordinator, process, says):
    with pytest.raises(BadSetting, match=says):
        processes.parse_coordinator(coordinator, 2, process)


def test_an_address_is_a_host_and_a_port():
    assert processes.parse_coordinator("[::1]:4567", 2, 1) == ("[::1]", 4567)


@pytest.fixture
def ends(monkeypatch):
    """A guarded connection, its other end, and an event with the number of who was lost."""
    monkeypatch.setattr(processes, "_connections", [])
    lost, who = threading.Event(), []
    guarded = socket.create_server(("127.0.0.1", 0))
    far = socket.create_connection(guarded.getsockname())
    near, _address = guarded.accept()
    processes._monitor(near, 7, lambda other: (who.append(other), lost.set()))
    yield far, lost, who
    near.close()
    guarded.close()


def test_a_connection_closed_without_the_final_byte_is_lost(ends):
    far, lost, who = ends
    far.close()
    assert lost.wait(10) and who == [7]


def test_a_connection_closed_after_the_final_byte_is_not_lost(ends):
    far, lost, _who = ends
    far.sendall(b".")
    far.close()
    assert not lost.wait(0.3)


def test_a_connection_without_the_token_is_not_counted(monkeypatch):
    monkeypatch.setattr(processes, "_connections", [])
    lost = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        waiting = threading.Thread(
            target=processes._accept, args=(listener, "secret", 1, lost.append)
        )
        waiting.start()
        with socket.create_connection(address) as stranger:
            stranger.sendall(b"guessed        1")
        with socket.create_connection(address) as friend:
            friend.sendall(b"secret        1")
            waiting.join(20)
            assert len(processes._connections) == 1
            friend.sendall(b".")
    assert not lost
