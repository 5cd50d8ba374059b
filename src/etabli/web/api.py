"""An endpoint is a path, a pydantic model of what it takes, and a function that answers.

From the table of them come the routes and the schema (``/api/schema``); here stands the public edge: every mistake
becomes one sentence without a path, nothing becomes a traceback on the page.
"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from etabli.core.atomic_files import parse_json
from etabli.core.errors import DataMissing, EtabliError, FolderBusy, UnknownName
from etabli.core.i18n import _, translate_library_message

JSON_BYTES = 256 * 1024
UPLOAD_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 20
log = logging.getLogger("etabli.web")


class Question(BaseModel):
    """What an endpoint takes: typed, bounded, nothing beside it."""

    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class Nothing(Question):
    """An endpoint that takes nothing."""


class TooLarge(EtabliError):
    """More bytes than the page takes."""


class NotReady(EtabliError):
    """A page whose model is not trained, or not loaded yet."""


class NotServed(EtabliError):
    """A page, a picture or a file that is not here."""


STATUS = {
    TooLarge: 413,
    NotReady: 409,
    FolderBusy: 409,
    NotServed: 404,
    UnknownName: 404,
    DataMissing: 404,
}


@dataclass(frozen=True)
class Endpoint:
    """``answer(studio, question)`` runs in a worker thread and returns plain values, or a ``Response``.

    With ``upload`` the body is a file, handed over as bytes: ``answer(studio, question, body)``. With ``stream`` it
    only describes server-sent events, whose route stands in its room.
    """

    path: str
    answer: Callable[..., object]
    question: type[Question] = Nothing
    method: str = "GET"
    upload: bool = False
    stream: bool = False
    says: str = ""

    def route(self, studio: object, limiter: CapacityLimiter) -> Route:
        async def handle(request: Request) -> Response:
            return await answered(lambda: self._answer(request, studio, limiter))

        return Route(self.path, handle, methods=[self.method])

    async def _answer(self, request: Request, studio: object, limiter: CapacityLimiter) -> Response:
        in_body = self.method == "POST" and not self.upload
        document = (
            await _json_of(request) if in_body else {**request.query_params, **request.path_params}
        )
        document.pop("lang", None)
        arguments = [studio, self.question.model_validate(document)]
        if self.upload:
            arguments.append(await body_of(request, UPLOAD_BYTES))
        found = await to_thread.run_sync(self.answer, *arguments, limiter=limiter)
        return found if isinstance(found, Response) else reply(found)


async def answered(work: Callable[[], Awaitable[Response]]) -> Response:
    """The response of a piece of work, or the sentence of what went wrong."""
    try:
        return await work()
    except ValidationError as error:
        return reply({"error": sentence_of(error)}, 422)
    except EtabliError as refusal:
        status = next((code for kind, code in STATUS.items() if isinstance(refusal, kind)), 400)
        return reply({"error": without_paths(str(refusal))}, status)
    except ClientDisconnect:
        return Response(status_code=400)
    except TimeoutError:
        return reply({"error": _("The request came too slowly.")}, 408)
    except Exception:
        log.exception("a request failed")
        return reply(
            {"error": _("Something went wrong on the server; its terminal says what.")}, 500
        )


def sentence_of(error: ValidationError) -> str:
    """The first thing that is wrong with a question, as a sentence."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or _("the request")
    return _("{place}: {problem}.").format(
        place=place, problem=translate_library_message(first["msg"])
    )


def without_paths(sentence: str) -> str:
    """The sentence with every absolute path cut down to its last name."""
    return re.sub(r"(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\",;:]+[\\/])+([^\s\\/'\",;:]*)", r"\1", sentence)


async def body_of(request: Request, limit: int) -> bytes:
    """The body, of at most ``limit`` bytes, within ``BODY_SECONDS``."""
    too_large = TooLarge(
        _("this is too large to send"), expected=_("at most {count} kB").format(count=limit // 1024)
    )
    if not (request.headers.get("content-length") or "0").isdigit() or (
        int(request.headers.get("content-length") or 0) > limit
    ):
        raise too_large
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    return bytes(body)


async def _json_of(request: Request) -> dict[str, object]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise EtabliError(_("the request is not JSON"), expected="content-type: application/json")
    try:
        document = parse_json(await body_of(request, JSON_BYTES) or b"{}")
    except (ValueError, RecursionError):
        raise EtabliError(_("the request is not JSON")) from None
    if not isinstance(document, dict):
        raise EtabliError(_("the request is not a JSON object"))
    return document


def reply(document: object, status: int = 200) -> Response:
    """JSON; a number that is not finite becomes ``null``."""
    text = json.dumps(finite(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def finite(value: object) -> object:
    """Plain values, with ``None`` in the place of numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


def schema(endpoints: list[Endpoint]) -> dict[str, object]:
    """The endpoints as OpenAPI 3.1."""
    paths: dict[str, dict[str, object]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {"openapi": "3.1.0", "info": {"title": "Établi", "version": "1"}, "paths": paths}


def _operation(each: Endpoint) -> dict[str, object]:
    taken = each.question.model_json_schema()
    operation: dict[str, object] = {
        "summary": _(each.says),
        "responses": {"200": {"description": "OK"}},
    }
    if each.stream:
        operation["responses"]["200"]["content"] = {"text/event-stream": {}}
    if each.method == "POST" and not each.upload:
        operation["requestBody"] = {"content": {"application/json": {"schema": taken}}}
        return operation
    operation["parameters"] = [
        {
            "name": name,
            "in": "path" if f"{{{name}" in each.path else "query",
            "required": name in taken.get("required", []),
            "schema": kind,
        }
        for name, kind in taken.get("properties", {}).items()
    ]
    if each.upload:
        operation["requestBody"] = {
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}
        }
    return operation
