"""Several processes that train as one: how they meet, how each learns that another was lost, how they part.

JAX joins them (``jax.distributed``). What it does when one dies is an abort after a while, without a sentence; so each
process also holds a connection to the first one, which the system closes the moment that either end dies.
"""

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _
from etabli.training import data_parallel

__all__ = ["check", "connect", "devices_of_cpu", "disconnect"]

_GOODBYE = b"."
_A_DAY = 86_400
_connections: list[socket.socket] = []


def check(coordinator: str | None, processes: int, process: int | None) -> tuple[str, int]:
    """Host and port of the coordinator; ``BadSetting`` where what was given cannot be joined."""
    host, _colon, port = (coordinator or "").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadSetting(
            _("several processes need an address where they meet"),
            expected="--coordinator HOST:PORT",
            got=coordinator,
            fix=_(
                "Give all of them the same: a name of the machine that runs process 0, and a free port on it."
            ),
        )
    if process is None or not 0 <= process < processes:
        raise BadSetting(
            _("each process needs a number of its own"),
            expected=_("--process-id from 0 to {last}").format(last=processes - 1),
            got=process,
        )
    return host, int(port)


def devices_of_cpu(count: int | None) -> None:
    """Let the processor pass for several devices. To be called before JAX computes anything."""
    if count:
        import jax

        jax.config.update("jax_num_cpu_devices", count)
        jax.config.update("jax_enable_compilation_cache", False)


def connect(address: tuple[str, int], processes: int, process: int, patience: int = 300) -> None:
    """Wait for all processes, at most ``patience`` seconds."""
    import jax

    jax.config.update(
        "jax_enable_compilation_cache", False
    )  # what is compiled for several is not kept: untried
    place = f"{address[0]}:{address[1]}"
    try:
        jax.distributed.initialize(
            place, processes, process, coordinator_bind_address=place, initialization_timeout=patience,
            shutdown_timeout_seconds=_A_DAY,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        raise EtabliError(
            _("the {count} processes did not come together at {place}").format(
                count=processes, place=place
            ),
            got=str(error).strip().splitlines()[0],
            fix=_("Start each of them within {seconds} seconds, with numbers from 0.").format(
                seconds=patience
            ),
        ) from error


def watch(host: str, lost: Callable[[int], None]) -> None:
    """From now on ``lost(process)`` is called, in a thread, when a process ends without ``leave``."""
    import jax

    host = host.strip("[]")
    if jax.process_index() == 0:
        listener = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        told = data_parallel.broadcast_from_main(
            {"port": listener.getsockname()[1], "token": secrets.token_hex(16)}
        )
        _accept(listener, told["token"], jax.process_count() - 1, lost)
        return
    told = data_parallel.broadcast_from_main(None)
    line = socket.create_connection((host, told["port"]), timeout=300)
    line.settimeout(None)
    line.sendall(f"{told['token']} {jax.process_index():8d}".encode())
    _guard(line, 0, lost)


def _accept(listener: socket.socket, token: str, count: int, lost: Callable[[int], None]) -> None:
    listener.settimeout(300)
    with listener:
        while len(_connections) < count:
            line, _address = listener.accept()
            line.settimeout(10)
            with suppress(OSError):
                said = (
                    line.recv(len(token) + 9, socket.MSG_WAITALL).decode("ascii", "replace").split()
                )
                if len(said) == 2 and secrets.compare_digest(said[0], token):
                    line.settimeout(None)
                    _guard(line, int(said[1]), lost)
                    continue
            line.close()


def _guard(line: socket.socket, other: int, lost: Callable[[int], None]) -> None:
    """Read until the other end says goodbye or falls silent; a machine without power is found out by keep-alives."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    _connections.append(line)

    def listen() -> None:
        try:
            said = line.recv(1)
        except OSError:
            said = b""
        if said != _GOODBYE:
            lost(other)

    threading.Thread(target=listen, name=f"peer-{other}", daemon=True).start()


def disconnect() -> None:
    """Say goodbye, and wait until all have."""
    import jax

    for line in _connections:
        with suppress(OSError):
            line.sendall(_GOODBYE)
    jax.distributed.shutdown()
    for line in _connections:
        line.close()
    _connections.clear()
