"""The playground as an ASGI application, and the server process that runs it."""

import ctypes
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from types import FrameType

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etabli import pretrained
from etabli.core.errors import EtabliError
from etabli.core.i18n import _, current_language, use_language
from etabli.report import HOME as REPORT_HOME
from etabli.web import invitation, pages, rendering
from etabli.web.api import Endpoint, NotFound, error_response, handle_errors, openapi_schema
from etabli.web.pages.cells import Interpreter
from etabli.web.security import LOOPBACK, AccessPolicy, SecurityMiddleware
from etabli.web.sse import StreamLimiter
from etabli.web.state import PlaygroundState

LANGUAGE_COOKIE = "etabli_language"
WORKER_THREADS, PHOTO_THREADS = 4, 1  # photos in a queue of their own: others do not wait for them
_M_ARENA_MAX = -8  # of malloc.h


def make_app(
    home: Path,
    policy: AccessPolicy | None = None,
    language: str = "en",
    shipped: Path | None = None,
    pyodide: str | None = None,
) -> Starlette:
    """Create the application of the playground.

    Args:
        home: The folder of your runs.
        policy: Which addresses may ask, and with which token; by default this machine's only.
        language: The language of a browser that asks for none.
        shipped: The folder of the shipped nets; without it, only those of your runs are used.
        pyodide: The folder or the address of Pyodide, with which the cells of practical 1 run.

    Returns:
        The application, with its state in ``app.state.playground``.
    """
    state, closing = PlaygroundState(home, pages.MODELS, shipped), threading.Event()
    policy, interpreter = policy or AccessPolicy(), Interpreter(pyodide)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        closing.set()
        state.close()

    app = Starlette(
        routes=[*_make_routes(state), *interpreter.routes()],
        middleware=[
            Middleware(LanguageMiddleware, language=language),
            Middleware(SecurityMiddleware, policy=policy),
        ],
        exception_handlers={HTTPException: _respond_not_found},
        lifespan=lifespan,
    )
    app.state.playground, app.state.closing, app.state.policy = state, closing, policy
    app.state.interpreter = interpreter
    return app


def _make_routes(state: PlaygroundState) -> list[Route | Mount]:
    limiter, photos = CapacityLimiter(WORKER_THREADS), CapacityLimiter(PHOTO_THREADS)
    schema = Endpoint(
        "/api/schema", lambda _state, _params: _describe_endpoints(current_language())
    )
    return [
        *(_page_route(page) for page in rendering.ALL_PAGES),
        *(
            endpoint.route(state, photos if endpoint.upload else limiter)
            for endpoint in (*pages.ENDPOINTS, schema)
        ),
        *pages.stream_routes(state, StreamLimiter()),
        *pages.file_routes(state),
        Route("/static/report.css", _serve_report_style),
        Mount("/static", _RevalidatedFiles(directory=rendering.HERE / "static")),
    ]


@cache
def _describe_endpoints(_language: str) -> dict[str, object]:
    return openapi_schema([*pages.ENDPOINTS, *pages.STREAMS])


def _page_route(page: rendering.Page) -> Route:
    async def show(request: Request) -> Response:
        async def work() -> Response:
            try:
                values = pages.template_values(request, page)
            except NotFound:  # a run that was deleted: a page, as for any unknown address
                return rendering.render_missing(request)
            return rendering.render(page, request, **values)

        return await handle_errors(work)

    return Route(page.path, show)


async def _serve_report_style(_request: Request) -> Response:
    """Serve the style sheet of the reports, which the pages share."""
    path = REPORT_HOME / "templates" / "style.css"
    return FileResponse(path, headers={"cache-control": "no-cache"})


async def _respond_not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if request.url.path.startswith("/api/"):
        return error_response(_("There is nothing at this address."), status)
    return rendering.render_missing(request, status)


class _RevalidatedFiles(StaticFiles):
    """Static files that the browser revalidates on every use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


class LanguageMiddleware:
    """Sets the language of a request: ``?lang=``, kept in a cookie, or the server's default."""

    def __init__(self, app: ASGIApp, language: str) -> None:
        self.app, self.language = app, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        query = request.query_params.get("lang")
        cookie = request.cookies.get(LANGUAGE_COOKIE)
        language = rendering.choose_language(query, cookie, self.language)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and query == language:
                cookie = f"{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Lax; Max-Age=31536000"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        with use_language(language):
            await self.app(scope, receive, send_with_cookie)


class Server:
    """A playground on one port, which it binds at once. ``run`` serves until it is stopped."""

    def __init__(
        self,
        home: Path,
        *,
        host: str | None = None,
        port: int = 8008,
        language: str = "en",
        pyodide: str | None = None,
    ) -> None:
        self.home, self.language, self.pyodide = Path(home), language, pyodide
        Interpreter(pyodide)  # a folder without Pyodide is an error before the port is bound
        self.policy = AccessPolicy.for_host(host)
        self.socket = bind_socket(host or LOOPBACK, port)

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self.socket.getsockname()[1])

    @property
    def address(self) -> str:
        """The URL to open, with the teacher's token if there is one."""
        return invitation.teacher_url(self.policy, self.port)

    @property
    def class_addresses(self) -> list[str]:
        """The URLs for a class, by number and by name; on loopback there are none."""
        return invitation.class_urls(self.policy, self.port)

    def make_app(self) -> Starlette:
        """Return the application to serve; its state has ``closing``, an event."""
        return make_app(
            self.home, self.policy, self.language, pretrained.FOLDER, pyodide=self.pyodide
        )

    def run(self) -> None:
        """Serve until Ctrl-C."""
        import uvicorn

        limit_malloc_arenas()
        app = self.make_app()

        class ClosingServer(uvicorn.Server):
            """Closes the open streams first, so that shutting down does not wait for them."""

            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
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
        ClosingServer(config).run(sockets=[self.socket])


def limit_malloc_arenas() -> bool:
    """Limit glibc to two heaps for all threads; return whether the C library accepted it.

    glibc gives every thread its own heap, which fragments: with fifty clients the process grew by
    some 300 bytes a request although no object was kept. With two heaps it does not grow
    (``make bench-playground``).
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2))
    except (AttributeError, OSError, TypeError):
        return False


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ``EtabliError`` if address or port are not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm (40 ms per response) only where the protocol is given.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, TypeError, ValueError) as error:  # the latter: no name of a host
        listening.close()
        raise EtabliError(
            _("cannot serve at {host}, port {port} ({reason})").format(
                host=host, port=port, reason=getattr(error, "strerror", error)
            ),
            fix=_("Choose another port with --port, or 0 for a free one."),
        ) from error
    listening.listen(256)
    return listening
