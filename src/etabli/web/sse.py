"""Server-sent events: the state of the shelf and of the training, and the curves of a run as they grow."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from anyio import to_thread
from starlette.responses import Response, StreamingResponse

from etabli.core.atomic_files import parse_json
from etabli.core.i18n import _
from etabli.web.api import finite, reply

EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15
MOST_STREAMS = 300
BYTES_A_TURN = 512 * 1024


def event(name: str, document: object) -> bytes:
    """One event as it goes over the wire."""
    text = json.dumps(finite(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


class Streams:
    """How many streams are open: each costs a little, so there is an end to it."""

    def __init__(self) -> None:
        self.open = 0

    def response(self, events: AsyncIterator[bytes]) -> Response:
        if self.open >= MOST_STREAMS:
            return reply({"error": _("too many pages are open")}, 503)
        return StreamingResponse(self._counted(events), media_type="text/event-stream")

    async def _counted(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            async for each in events:
                yield each
        finally:
            self.open -= 1
            await events.aclose()


async def changes(
    read: Callable[[], dict[str, object]], closing: threading.Event
) -> AsyncIterator[bytes]:
    """An event for each part of the state whenever it changes; a comment now and then keeps the line open."""
    last: dict[str, object] = {}
    spoken = time.monotonic()
    while not closing.is_set():
        state = await to_thread.run_sync(read)
        for name, part in state.items():
            if last.get(name) != part:
                spoken = time.monotonic()
                yield event(name, part)
        last = state
        if time.monotonic() - spoken > HEARTBEAT_SECONDS:
            spoken = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(EVERY_SECONDS)


async def curves(run: Path, closing: threading.Event) -> AsyncIterator[bytes]:
    """The rows of every history of a run: first those that stand, then each as it is written."""
    offsets: dict[Path, int] = {}
    spoken = time.monotonic()
    while not closing.is_set():
        found = await to_thread.run_sync(new_rows, run, offsets)
        for document in found:
            spoken = time.monotonic()
            yield event("rows", document)
        if time.monotonic() - spoken > HEARTBEAT_SECONDS:
            spoken = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(EVERY_SECONDS)


async def paced(items: Iterator[object], seconds: float) -> AsyncIterator[object]:
    """The items of a generator that computes, each in a worker thread, at most one in so many seconds."""
    over = object()
    while True:
        started = time.monotonic()
        item = await to_thread.run_sync(next, items, over)
        if item is over:
            return
        yield item
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))


def new_rows(run: Path, offsets: dict[Path, int]) -> list[dict[str, object]]:
    """What was written to the histories since ``offsets``, which it moves on; a shorter file begins anew."""
    found = []
    for path in sorted(run.glob("*/seed-*/*.jsonl")):
        try:
            rows, anew = _rows(path, offsets)
        except OSError:
            continue
        if rows:
            found.append(
                {
                    "experiment": path.parts[-3],
                    "seed": path.parts[-2].removeprefix("seed-"),
                    "curve": path.stem,
                    "anew": anew,
                    "rows": rows,
                }
            )
    return found


def _rows(path: Path, offsets: dict[Path, int]) -> tuple[list[object], bool]:
    offset = offsets.get(path, 0)
    if path.stat().st_size < offset:
        offset = 0
    with path.open("rb") as stream:
        stream.seek(offset)
        text = stream.read(BYTES_A_TURN)
    whole = text[: text.rfind(b"\n") + 1]
    anew = offset == 0
    offsets[path] = offset + len(whole)
    rows = []
    for line in whole.splitlines():
        try:
            rows.append(parse_json(line))
        except ValueError:
            break
    return [row for row in rows if isinstance(row, dict)], anew
