"""Endpoints: a path, a pydantic model of the parameters, and a function that answers.

The routes and the OpenAPI schema (``/api/schema``) are derived from them. Every error becomes one
sentence without a path of this machine; a traceback never reaches the page.
"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from etabli.core.atomic_files import parse_json
from etabli.core.errors import DataMissing, EtabliError, FolderBusy, UnknownName
from etabli.core.i18n import _, translate_library_message
from etabli.web.security import TeacherOnly, require_teacher

MAX_JSON_BYTES = 256 * 1024
MAX_UPLOAD_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 20
logger = logging.getLogger("etabli.web")


class Params(BaseModel):
    """The parameters of an endpoint: typed, bounded, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False, defer_build=True)


class NoParams(Params):
    """No parameters."""


class TooLarge(EtabliError):
    """A request body larger than the limit."""


class NotReady(EtabliError):
    """A model that is not trained, or not loaded yet."""


class NotFound(EtabliError):
    """A page, an image or a file that does not exist."""


_STATUS = {
    TooLarge: 413,
    NotReady: 409,
    FolderBusy: 409,
    TeacherOnly: 403,
    NotFound: 404,
    UnknownName: 404,
    DataMissing: 404,
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; ``handler(state, params)`` runs in a worker thread and returns plain values.

    It may also return a ``Response``. With ``upload`` the body is a file, passed as bytes:
    ``handler(state, params, body)``. With ``stream`` the endpoint only describes server-sent
    events in the schema; their route is defined separately. ``teacher_only`` refuses the class.
    """

    path: str
    handler: Callable[..., object]
    params: type[Params] = NoParams
    method: str = "GET"
    upload: bool = False
    stream: bool = False
    teacher_only: bool = False
    summary: str = ""

    def route(self, state: object, limiter: CapacityLimiter) -> Route:
        async def handle(request: Request) -> Response:
            return await handle_errors(lambda: self._answer(request, state, limiter))

        return Route(self.path, handle, methods=[self.method])

    async def _answer(self, request: Request, state: object, limiter: CapacityLimiter) -> Response:
        if self.teacher_only:
            require_teacher(request)
        if self.method == "POST" and not self.upload:
            values = await _read_json(request)
        else:
            values = {**request.query_params, **request.path_params}
        values.pop("lang", None)
        arguments: list[object] = [state, self.params.model_validate(values)]
        if self.upload:
            arguments.append(await read_body(request, MAX_UPLOAD_BYTES))
        answer = await to_thread.run_sync(self.handler, *arguments, limiter=limiter)
        return answer if isinstance(answer, Response) else json_response(answer)


async def handle_errors(work: Callable[[], Awaitable[Response]]) -> Response:
    """Return the response of ``work``, or one with the message of its error."""
    try:
        return await work()
    except ValidationError as error:
        return error_response(describe_validation_error(error), 422)
    except EtabliError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return error_response(strip_paths(str(error)), status)
    except ClientDisconnect:
        return Response(status_code=400)
    except TimeoutError:
        return error_response(_("The request took too long to arrive."), 408)
    except Exception:
        logger.exception("a request failed")
        return error_response(
            _("Something went wrong on the server; see its terminal for details."), 500
        )


def describe_validation_error(error: ValidationError) -> str:
    """Return the first problem of a request as a sentence."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or _("the request")
    return _("{place}: {problem}.").format(
        place=name, problem=translate_library_message(first["msg"])
    )


def strip_paths(sentence: str) -> str:
    """Shorten every absolute path in a sentence to its last component."""
    return re.sub(r"(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\",;:]+[\\/])+([^\s\\/'\",;:]*)", r"\1", sentence)


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body, of at most ``limit`` bytes, within ``BODY_SECONDS``."""
    too_large = TooLarge(
        _("the request is too large"), expected=_("at most {count} kB").format(count=limit // 1024)
    )
    announced = request.headers.get("content-length") or "0"
    if not announced.isdigit() or int(announced) > limit:
        raise too_large
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    return bytes(body)


async def _read_json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise EtabliError(_("the request is not JSON"), expected="content-type: application/json")
    try:
        document = parse_json(await read_body(request, MAX_JSON_BYTES) or b"{}")
    except (ValueError, RecursionError):
        raise EtabliError(_("the request is not JSON")) from None
    if not isinstance(document, dict):
        raise EtabliError(_("the request is not a JSON object"))
    return document


def to_json(document: object) -> str:
    """Return compact JSON, with ``null`` for NaN and infinities."""
    return json.dumps(
        replace_nonfinite(document), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def json_response(document: object, status: int = 200) -> Response:
    """Return a JSON response."""
    content = to_json(document).encode("utf-8", "replace")
    return Response(content, status, media_type="application/json")


def error_response(sentence: str, status: int) -> Response:
    """Return an error as the pages expect it."""
    return json_response({"error": sentence}, status)


def replace_nonfinite(value: object) -> object:
    """Replace numbers that are not finite by ``None`` in nested dicts and lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: replace_nonfinite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [replace_nonfinite(each) for each in value]
    return value


def openapi_schema(endpoints: list[Endpoint]) -> dict[str, object]:
    """Describe the endpoints as OpenAPI 3.1."""
    paths: dict[str, dict[str, object]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {"openapi": "3.1.0", "info": {"title": "Établi", "version": "1"}, "paths": paths}


def _operation(endpoint: Endpoint) -> dict[str, object]:
    schema = endpoint.params.model_json_schema()
    ok: dict[str, object] = {"description": "OK"}
    if endpoint.stream:
        ok["content"] = {"text/event-stream": {}}
    operation: dict[str, object] = {"summary": _(endpoint.summary), "responses": {"200": ok}}
    if endpoint.method == "POST" and not endpoint.upload:
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        return operation
    operation["parameters"] = [
        {
            "name": name,
            "in": "path" if f"{{{name}" in endpoint.path else "query",
            "required": name in schema.get("required", []),
            "schema": kind,
        }
        for name, kind in schema.get("properties", {}).items()
    ]
    if endpoint.upload:
        binary = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"content": {"image/*": binary}}
    return operation
