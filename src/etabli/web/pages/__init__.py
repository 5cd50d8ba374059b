"""The rooms of the playground, one file a page: its endpoints, its tools, its streams."""

from pathlib import Path

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etabli.core.i18n import N_
from etabli.web import rendering, sse
from etabli.web.api import Endpoint, Question, answered
from etabli.web.model_cache import Tool
from etabli.web.pages import (
    backprop,
    captions,
    digits,
    photo,
    poetry,
    training,
    transfer,
    untangling,
    words,
)
from etabli.web.pages import runs as runs_room
from etabli.web.state import Studio

_ROOMS = (
    runs_room,
    training,
    backprop,
    digits,
    untangling,
    photo,
    poetry,
    words,
    transfer,
    captions,
)
TOOLS: tuple[Tool, ...] = tuple(tool for room in _ROOMS for tool in getattr(room, "TOOLS", ()))
ENDPOINTS: list[Endpoint] = [each for room in _ROOMS for each in room.ENDPOINTS]


class Opened(Question):
    """The page that was opened: its models are loaded first."""

    page: str = Field("", max_length=40)


STREAMS = [
    Endpoint(
        "/api/events",
        answered,
        Opened,
        stream=True,
        says=N_("Models, training and runs, whenever they change"),
    ),
    Endpoint(
        "/api/runs/{run}/events",
        answered,
        runs_room.OneRun,
        stream=True,
        says=N_("The rows of a run"),
    ),
    poetry.STREAM,
]


def page_values(request: Request, page: rendering.Page) -> dict[str, object]:
    """What the template of a page wants beside the frame."""
    if page.key == "run":
        studio: Studio = request.app.state.studio
        return {"run": studio.run_folder(request.path_params["run"]).name}
    return {}


def stream_routes(studio: Studio, streams: sse.Streams) -> list[Route]:
    """The server-sent events: the state of everything, and the curves of one run."""

    async def events(request: Request) -> Response:
        page = rendering.BY_KEY.get(request.query_params.get("page", ""))
        studio.shelf.hurry(page.tools if page else ())
        return streams.response(sse.changes(studio.state, request.app.state.closing))

    async def curves(request: Request) -> Response:
        async def work() -> Response:
            folder: Path = studio.run_folder(request.path_params["run"])
            return streams.response(sse.curves(folder, request.app.state.closing))

        return await answered(work)

    own = [Route("/api/events", events), Route("/api/runs/{run}/events", curves)]
    return own + [
        route
        for room in _ROOMS
        if hasattr(room, "stream_routes")
        for route in room.stream_routes(studio, streams)
    ]


def file_routes(studio: Studio) -> list[Route]:
    """The reports and the files of the runs."""
    return runs_room.file_routes(studio)
