"""The playground as an ASGI application: pages, endpoints, streams and files behind one guard."""

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

from etabli.i18n import _, speaking
from etabli.report import HOME as REPORT_HOME
from etabli.web import following, pages, rooms
from etabli.web.endpoint import Endpoint as Asked
from etabli.web.endpoint import Nothing, answered, reply, schema
from etabli.web.guard import Door, Guard
from etabli.web.studio import Studio

LANGUAGE_COOKIE = "etabli_language"
WORKERS = 4


def make_app(home: Path, door: Door | None = None, language: str = "en") -> Starlette:
    """The application that serves the runs under ``home`` through ``door``."""
    studio = Studio(home, rooms.TOOLS, language)
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
    document = schema([*rooms.ENDPOINTS, *rooms.STREAMS])
    told = Asked("/api/schema", lambda _studio, _question: document, Nothing)
    return [
        *(_page_route(page) for page in (*pages.PAGES, pages.COMPARE_PAGE, pages.RUN_PAGE)),
        *(each.route(studio, limiter) for each in (*rooms.ENDPOINTS, told)),
        *rooms.stream_routes(studio, following.Streams()),
        *rooms.file_routes(studio),
        Route("/static/house.css", _house_style),
        Mount("/static", Revalidated(directory=pages.HERE / "static")),
    ]


def _page_route(page: pages.Page) -> Route:
    async def show(request: Request) -> Response:
        async def work() -> Response:
            return pages.render(page, request, **rooms.page_values(request, page))

        return await answered(work)

    return Route(page.path, show)


async def _house_style(request: Request) -> Response:
    """The style of the reports, which the pages build on."""
    return FileResponse(REPORT_HOME / "templates" / "style.css", headers={"cache-control": "no-cache"})


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
        language = pages.language_of(asked, request.cookies.get(LANGUAGE_COOKIE), self.language)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and asked == language:
                cookie = f"{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Lax; Max-Age=31536000"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        with speaking(language):
            await self.app(scope, receive, sending)
