"""The pages of the playground, one module each: endpoints, models, streams."""

from itertools import chain

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etabli.core.i18n import N_
from etabli.web import invitation, rendering, sse
from etabli.web.api import Endpoint, Params, handle_errors
from etabli.web.model_cache import ModelSpec
from etabli.web.pages import (
    backprop,
    captions,
    cells,
    digits,
    photo,
    poetry,
    runs,
    training,
    transfer,
    untangling,
    words,
)
from etabli.web.security import is_teacher
from etabli.web.state import PlaygroundState

MODELS: tuple[ModelSpec, ...] = (
    *digits.MODELS,
    *untangling.MODELS,
    *poetry.MODELS,
    *words.MODELS,
    *transfer.MODELS,
    *captions.MODELS,
)
_MODULES = (runs, training, backprop, digits, untangling, photo, poetry, words, transfer, captions)
ENDPOINTS: list[Endpoint] = list(chain.from_iterable(module.ENDPOINTS for module in _MODULES))
file_routes = runs.file_routes


class EventsParams(Params):
    """The open page, whose models are loaded first."""

    page: str = Field("", max_length=40)


STREAMS = [
    Endpoint(
        "/api/events",
        handle_errors,
        EventsParams,
        stream=True,
        summary=N_("Models, training and runs, whenever they change"),
    ),
    Endpoint(
        "/api/runs/{run}/events",
        handle_errors,
        runs.RunParams,
        stream=True,
        summary=N_("The histories of a run, as they are written"),
    ),
    poetry.STREAM,
]


def template_values(request: Request, page: rendering.Page) -> dict[str, object]:
    """Return the values that the template of a page needs in addition to the common ones."""
    if page.key == "overview":
        return _invite(request)
    if page.key == "cells":
        interpreter: cells.Interpreter = request.app.state.interpreter
        return interpreter.values(rendering.Addresses(request.query_params))
    if page.key != "run":
        return {}
    state: PlaygroundState = request.app.state.playground
    return {"run": state.find_run(request.path_params["run"]).name}


def _invite(request: Request) -> dict[str, object]:
    """Return the addresses for a class, and the QR code of the first, which the teacher shows."""
    urls = invitation.class_urls(request.app.state.policy, request.scope["server"][1])
    if not urls or not is_teacher(request):
        return {"invited": []}
    return {"invited": urls, "qr": invitation.draw_as_svg(urls[0])}


def stream_routes(state: PlaygroundState, limiter: sse.StreamLimiter) -> list[Route]:
    """Create the routes of the server-sent events."""

    async def events(request: Request) -> Response:
        page = rendering.BY_KEY.get(request.query_params.get("page", ""))
        state.models.prioritize(page.models if page else ())
        return limiter.respond(sse.stream_changes(state.snapshot, request.app.state.closing))

    async def curves(request: Request) -> Response:
        async def work() -> Response:
            folder = state.find_run(request.path_params["run"])
            return limiter.respond(sse.stream_curves(folder, request.app.state.closing))

        return await handle_errors(work)

    return [
        Route("/api/events", events),
        Route("/api/runs/{run}/events", curves),
        *poetry.stream_routes(state, limiter),
    ]
