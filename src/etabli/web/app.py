"""The playground as an ASGI application: pages, endpoints, streams and files behind one guard.

The server process: a socket that is bound at once, and uvicorn on it.
"""

import ctypes
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etabli.core.errors import EtabliError
from etabli.core.i18n import _, use_language
from etabli.report import HOME as REPORT_HOME
from etabli.web import pages, rendering, sse
from etabli.web.api import Endpoint as Asked
from etabli.web.api import Nothing, answered, reply, schema
from etabli.web.security import Door, Guard
from etabli.web.state import Studio

LANGUAGE_COOKIE = "etabli_language"
WORKERS = 4


def make_app(home: Path, door: Door | None = None, language: str = "en") -> Starlette:
    """The application that serves the runs under ``home`` through ``door``."""
    studio = Studio(home, pages.TOOLS, language)
    app = Starlette(
        routes=_routes(studio),
        middleware=[Middleware(Spoken, language=language), Middleware(Guard, door=door or Door())],
        exception_handlers={HTTPException: _not_found},
        lifespan=_lifespan(studio),
    )
    app.state.studio, app.state.closing = studio, threading.Event()
    return app


def _lifespan(studio: Studio) -> Callable[[Starlette], object]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        app.state.closing.set()
        studio.close()

    return lifespan


def _routes(studio: Studio) -> list[Route | Mount]:
    limiter = CapacityLimiter(WORKERS)
    document = schema([*pages.ENDPOINTS, *pages.STREAMS])
    told = Asked("/api/schema", lambda _studio, _question: document, Nothing)
    return [
        *(
            _page_route(page)
            for page in (*rendering.PAGES, rendering.COMPARE_PAGE, rendering.RUN_PAGE)
        ),
        *(each.route(studio, limiter) for each in (*pages.ENDPOINTS, told)),
        *pages.stream_routes(studio, sse.Streams()),
        *pages.file_routes(studio),
        Route("/static/house.css", _house_style),
        Mount("/static", Revalidated(directory=rendering.HERE / "static")),
    ]


def _page_route(page: rendering.Page) -> Route:
    async def show(request: Request) -> Response:
        async def work() -> Response:
            return rendering.render(page, request, **pages.page_values(request, page))

        return await answered(work)

    return Route(page.path, show)


async def _house_style(request: Request) -> Response:
    """The style of the reports, which the pages build on."""
    return FileResponse(
        REPORT_HOME / "templates" / "style.css", headers={"cache-control": "no-cache"}
    )


async def _not_found(request: Request, error: HTTPException) -> Response:
    if request.url.path.startswith("/api/"):
        return reply({"error": _("There is nothing at this address.")}, error.status_code)
    return PlainTextResponse(_("There is nothing at this address."), error.status_code)


class Revalidated(StaticFiles):
    """The page's own files; the browser asks each time whether they changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


class Spoken:
    """Every request in its language: ``?lang=``, which is remembered in a cookie, or the server's own."""

    def __init__(self, app: ASGIApp, language: str) -> None:
        self.app, self.language = app, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        asked = request.query_params.get("lang")
        language = rendering.language_of(asked, request.cookies.get(LANGUAGE_COOKIE), self.language)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and asked == language:
                cookie = f"{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Lax; Max-Age=31536000"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        with use_language(language):
            await self.app(scope, receive, sending)


LOOPBACK = "127.0.0.1"
ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


class Server:
    """One playground on one port. ``run`` serves until it is stopped."""

    def __init__(
        self, home: Path, *, host: str | None = None, port: int = 8008, language: str = "en"
    ) -> None:
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

        pass

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
        raise EtabliError(
            _("cannot serve at {host}, port {port} ({reason})").format(
                host=host, port=port, reason=error.strerror
            ),
            fix=_("Choose another port with --port, or 0 for a free one."),
        ) from error
    made.listen(256)
    return made
