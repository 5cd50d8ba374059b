"""Training in several processes: connect, detect lost processes, disconnect.

JAX connects them (``jax.distributed``), but when one dies it aborts the others after a while
without an explanation. So each process also keeps a socket to the main one, which the operating
system closes as soon as either end dies.
"""

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _
from etabli.training import data_parallel

__all__ = ["connect", "disconnect", "parse_coordinator", "set_cpu_devices"]

_DISCONNECT = b"."
_A_DAY = 86_400
_connections: list[socket.socket] = []


def parse_coordinator(
    coordinator: str | None, processes: int, process: int | None
) -> tuple[str, int]:
    """Return the host and port of the coordinator.

    Raise ``BadSetting`` if the options are not valid.
    """
    host, _colon, port = (coordinator or "").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadSetting(
            _("several processes need the address of a coordinator"),
            expected="--coordinator HOST:PORT",
            got=coordinator,
            fix=_(
                "Give all processes the same one: "
                "the machine that runs process 0, and a free port on it."
            ),
        )
    if process is None or not 0 <= process < processes:
        raise BadSetting(
            _("each process needs a different number"),
            expected=_("--process-id from 0 to {last}").format(last=processes - 1),
            got=process,
        )
    return host, int(port)


def set_cpu_devices(count: int | None) -> None:
    """Split the CPU into several JAX devices; call this before JAX computes anything."""
    if count:
        import jax

        jax.config.update("jax_num_cpu_devices", count)
        jax.config.update("jax_enable_compilation_cache", False)


def connect(address: tuple[str, int], processes: int, process: int, timeout: int = 300) -> None:
    """Connect with all processes; raise ``EtabliError`` after ``timeout`` seconds."""
    import jax

    # The cache of compiled code has not been tested with multi-process programs.
    jax.config.update("jax_enable_compilation_cache", False)
    place = f"{address[0]}:{address[1]}"
    try:
        jax.distributed.initialize(
            place,
            processes,
            process,
            coordinator_bind_address=place,
            initialization_timeout=timeout,
            shutdown_timeout_seconds=_A_DAY,
        )
    except (RuntimeError, ValueError) as error:
        raise EtabliError(
            _("the {count} processes did not connect at {place}").format(
                count=processes, place=place
            ),
            got=str(error).strip().splitlines()[0],
            fix=_("Start each of them within {seconds} seconds, with numbers from 0.").format(
                seconds=timeout
            ),
        ) from error


def watch_processes(host: str, lost: Callable[[int], None]) -> None:
    """Call ``lost(process)``, in a thread, when a process ends without ``disconnect``."""
    import jax

    host = host.strip("[]")
    if jax.process_index() == 0:
        listener = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        port, token = listener.getsockname()[1], secrets.token_hex(16)
        data_parallel.broadcast_from_main([port, token])
        _accept(listener, token, jax.process_count() - 1, lost)
        return
    port, token = data_parallel.broadcast_from_main(None)
    connection = socket.create_connection((host, port), timeout=300)
    connection.settimeout(None)
    connection.sendall(f"{token} {jax.process_index():8d}".encode())
    _monitor(connection, 0, lost)


def _accept(listener: socket.socket, token: str, count: int, lost: Callable[[int], None]) -> None:
    listener.settimeout(300)
    with listener:
        while len(_connections) < count:
            connection, _address = listener.accept()
            connection.settimeout(10)
            with suppress(OSError):
                message = connection.recv(len(token) + 9, socket.MSG_WAITALL)
                words = message.decode("ascii", "replace").split()
                if len(words) == 2 and secrets.compare_digest(words[0], token):
                    connection.settimeout(None)
                    _monitor(connection, int(words[1]), lost)
                    continue
            connection.close()


def _monitor(connection: socket.socket, other: int, lost: Callable[[int], None]) -> None:
    """Read until the other end disconnects or dies; keep-alives detect the loss of power."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    _connections.append(connection)

    def listen() -> None:
        try:
            message = connection.recv(1)
        except OSError:
            message = b""
        if message != _DISCONNECT:
            lost(other)

    threading.Thread(target=listen, name=f"process-{other}", daemon=True).start()


def disconnect() -> None:
    """Disconnect from the other processes, and wait until all have disconnected."""
    import jax

    for connection in _connections:
        with suppress(OSError):
            connection.sendall(_DISCONNECT)
    jax.distributed.shutdown()
    for connection in _connections:
        connection.close()
    _connections.clear()
