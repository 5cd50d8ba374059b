"""Server-sent events: the state of the playground, and the curves of a run as they grow."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from anyio import to_thread
from starlette.responses import Response, StreamingResponse

from etabli.core.atomic_files import parse_json
from etabli.core.i18n import _
from etabli.report import numbers
from etabli.web.api import error_response, to_json

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15
MAX_STREAMS = 300
MAX_BYTES_PER_READ = 512 * 1024
T = TypeVar("T")


def format_event(name: str, document: object) -> bytes:
    """Encode an event with a JSON document."""
    return f"event: {name}\ndata: {to_json(document)}\n\n".encode()


class StreamLimiter:
    """The number of open streams, which is bounded."""

    def __init__(self) -> None:
        self.n_open = 0

    def respond(self, events: AsyncGenerator[bytes, None]) -> Response:
        """Stream the events, or refuse where too many streams are open."""
        if self.n_open >= MAX_STREAMS:
            return error_response(_("too many pages are open"), 503)
        return StreamingResponse(self._count(events), media_type="text/event-stream")

    async def _count(self, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        self.n_open += 1
        try:
            async for event in events:
                yield event
        finally:
            self.n_open -= 1
            await events.aclose()


def stream_changes(
    read_state: Callable[[], dict[str, object]], closing: threading.Event
) -> AsyncGenerator[bytes, None]:
    """Stream each part of the state whenever it changes."""
    last: dict[str, object] = {}

    def read_changes() -> list[tuple[str, object]]:
        state = read_state()
        changed = [(name, part) for name, part in state.items() if last.get(name) != part]
        last.update(state)
        return changed

    return _poll(read_changes, closing)


def stream_curves(run: Path, closing: threading.Event) -> AsyncGenerator[bytes, None]:
    """Stream the rows of every history of a run: those written so far, then each new one."""
    offsets: dict[Path, int] = {}
    return _poll(lambda: (("rows", rows) for rows in read_new_rows(run, offsets)), closing)


async def _poll(
    read_events: Callable[[], Iterable[tuple[str, object]]], closing: threading.Event
) -> AsyncGenerator[bytes, None]:
    """Read events at intervals; a comment now and then keeps an idle connection open."""
    last_sent = time.monotonic()
    while not closing.is_set():
        for name, document in await to_thread.run_sync(lambda: list(read_events())):
            last_sent = time.monotonic()
            yield format_event(name, document)
        if time.monotonic() - last_sent > HEARTBEAT_SECONDS:
            last_sent = time.monotonic()
            yield b": keep-alive\n\n"
        await asyncio.sleep(POLL_SECONDS)


async def throttle(items: Iterator[T], seconds: float) -> AsyncGenerator[T, None]:
    """Yield the items of a computing iterator, each from a worker thread, one per ``seconds``."""
    while True:
        started = time.monotonic()
        item = await to_thread.run_sync(next, items, None)
        if item is None:
            return
        yield item
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))


def read_new_rows(run: Path, offsets: dict[Path, int]) -> list[dict[str, object]]:
    """Read the rows written to the histories of a run since ``offsets``, and advance these.

    "restarted" is true for the first rows of a history, and where its file became shorter.
    """
    histories = []
    for path in sorted(run.glob("*/seed-*/*.jsonl")):
        try:
            rows, restarted = _read_rows(path, offsets)
        except OSError:
            continue
        if rows:
            histories.append(
                {
                    "experiment": path.parts[-3],
                    "seed": path.parts[-2].removeprefix("seed-"),
                    "curve": path.stem,
                    "label": numbers.curve_label(path.stem),
                    "columns": _describe_columns(path.stem, rows),
                    "restarted": restarted,
                    "rows": rows,
                }
            )
    return histories


def _describe_columns(curve: str, rows: list[dict[str, object]]) -> dict[str, object]:
    """Return the chart, the line and the unit of each column, in the current language."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: numbers.describe_column(curve, name)._asdict() for name in names}


def _read_rows(path: Path, offsets: dict[Path, int]) -> tuple[list[dict[str, object]], bool]:
    offset = offsets.get(path, 0)
    if path.stat().st_size < offset:
        offset = 0
    with path.open("rb") as stream:
        stream.seek(offset)
        text = stream.read(MAX_BYTES_PER_READ)
    complete = text[: text.rfind(b"\n") + 1]
    offsets[path] = offset + len(complete)
    rows = []
    for line in complete.split(b"\n"):
        try:
            rows.append(parse_json(line))
        except ValueError:
            break
    return [row for row in rows if isinstance(row, dict)], offset == 0
