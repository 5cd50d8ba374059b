"""The server process: a socket that is bound at once, and uvicorn on it."""

import ctypes
import os
import socket
from pathlib import Path

from etabli.errors import Refusal
from etabli.i18n import _
from etabli.web.guard import Door

LOOPBACK = "127.0.0.1"
ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


class Server:
    """One playground on one port. ``run`` serves until it is stopped."""

    def __init__(self, home: Path, *, host: str | None = None, port: int = 8008, language: str = "en") -> None:
        self.home, self.language = Path(home), language
        self.door = Door.at(host)
        self.socket = bound(host or LOOPBACK, port)

    @property
    def address(self) -> str:
        """What one opens, with the token where there is one."""
        port = self.socket.getsockname()[1]
        host = self.door.host
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        if ":" in host:
            host = f"[{host}]"
        token = f"?token={self.door.token}" if self.door.token else ""
        return f"http://{host}:{port}/{token}"

    def run(self) -> None:
        """Serve until Ctrl-C."""
        import uvicorn

        from etabli.web.app import make_app

        few_arenas()
        app = make_app(self.home, self.door, self.language)

        class Closing(uvicorn.Server):
            """Tells the open streams that the server ends, so that it need not wait for them."""

            def handle_exit(self, sig: int, frame: object) -> None:
                app.state.closing.set()
                super().handle_exit(sig, frame)

        config = uvicorn.Config(
            app,
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=2,
            limit_concurrency=1000,
        )
        Closing(config).run(sockets=[self.socket])


def few_arenas() -> bool:
    """Two heaps for all threads; whether the C library took it (glibc does).

    glibc gives every thread a heap of its own, in which holes stay: with fifty clients the process grew by some 300
    bytes a request for minutes, with no object more. With two it stands still (``make bench-playground``).
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(ARENA_MAX, 2))
    except (AttributeError, OSError, TypeError):
        return False


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; refuses an address that is not this machine's and a port that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off (40 ms an answer) only where the protocol is named.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise Refusal(
            _("cannot serve at {host}, port {port} ({reason})").format(host=host, port=port, reason=error.strerror),
            fix=_("Choose another port with --port, or 0 for a free one."),
        ) from error
    made.listen(256)
    return made
