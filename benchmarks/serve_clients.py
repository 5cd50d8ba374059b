"""Serve many clients of the playground at once: errors, and growth of memory.

    python benchmarks/serve_clients.py RUNS [--clients 50] [--seconds 60] [--page PAGE]

Starts ``etabli serve`` on RUNS in a separate process; every client requests pages, runs, digits,
backpropagation, poems (streamed) and words in turn over loopback. Memory is the resident set of the
server at every sixth of the time, and its growth per request in between. Prints one JSON document;
``--page`` also writes a summary to a Markdown page.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import httpx
import psutil

from etabli.core import environment

STROKES = [[[0.3, 0.2], [0.65, 0.2], [0.55, 0.5], [0.45, 0.85]]]
EXPECTED = {200, 409}  # 409: the model of the page is not trained


def choose_request(generator: random.Random) -> tuple[str, str, dict | None]:
    """Choose a request: its kind, its URL, its body."""
    step = generator.randrange(60)
    points = [[generator.uniform(-1, 1), 0.5], [0.5, -1.0]]
    small = {"step": step, "learning_rate": 1.0, "x": points, "labels": [0, 1]}
    text = {"prompt": "souvent, p", "length": 60, "seed": generator.randrange(1000)}
    return generator.choice(
        [
            ("page", generator.choice(["/", "/runs", "/digits", "/poetry", "/backprop"]), None),
            ("static", generator.choice(["/static/page.css", "/static/js/common.js"]), None),
            ("runs", "/api/runs", None),
            ("digits", "/api/digits", {"strokes": STROKES}),
            ("digits", "/api/digits", {"strokes": STROKES}),
            ("backprop", "/api/backprop", small),
            ("poetry", "/api/poetry/write", text),
            ("stream", "/api/poetry/stream?length=40", None),
            ("words", "/api/words", None),
            ("events", "/api/events", None),
        ]
    )


async def run_client(
    base: str, until: float, seed: int, statuses: Counter, times: dict[str, list[float]]
) -> None:
    """Send one request after another, with short pauses."""
    generator = random.Random(seed)
    async with httpx.AsyncClient(base_url=base, timeout=30) as session:
        while time.monotonic() < until:
            kind, address, body = choose_request(generator)
            started = time.monotonic()
            try:
                status = await _send(session, kind, address, body)
            except Exception as error:
                status = type(error).__name__
            times.setdefault(kind, []).append(time.monotonic() - started)
            statuses[f"{kind} {status}"] += 1
            await asyncio.sleep(generator.uniform(0.02, 0.2))


async def _send(session: httpx.AsyncClient, kind: str, address: str, body: dict | None) -> int:
    if kind in ("stream", "events"):
        async with session.stream("GET", address) as response:
            async for _line in response.aiter_lines():
                if kind == "events":
                    break  # the server has to notice the disconnect
            return response.status_code
    response = await (session.post(address, json=body) if body else session.get(address))
    return response.status_code


async def run_clients(base: str, clients: int, seconds: float, memory: object) -> dict[str, object]:
    """Run all clients; return their responses and the server's memory (``memory()``) over time."""
    statuses: Counter = Counter()
    times: dict[str, list[float]] = {}
    until = time.monotonic() + seconds
    tasks = [
        asyncio.create_task(run_client(base, until, seed, statuses, times))
        for seed in range(clients)
    ]
    samples = []
    for _sixth in range(6):
        await asyncio.sleep(seconds / 6)
        samples.append((sum(statuses.values()), memory()))
    await asyncio.gather(*tasks)
    errors = {key: count for key, count in statuses.items() if not _is_expected(key)}
    return {
        "clients": clients,
        "seconds": seconds,
        "requests": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "errors": errors,
        "memory_mb": [round(size / 2**20, 1) for _count, size in samples],
        "growth_in_bytes_per_request": [
            round((size - before) / max(1, count - fewer))
            for (fewer, before), (count, size) in pairwise(samples)
        ],
        "median_ms": {
            kind: round(1000 * sorted(each)[len(each) // 2], 1)
            for kind, each in sorted(times.items())
        },
    }


def _is_expected(key: str) -> bool:
    status = key.split()[1]
    return status.isdigit() and int(status) in EXPECTED


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    command = [sys.executable, "-m", "etabli", "serve", "--runs", str(given.runs), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        base = server.stdout.readline().split()[-1].rstrip("/")
        wait_until_loaded(base)
        memory = psutil.Process(server.pid).memory_info
        found = asyncio.run(run_clients(base, given.clients, given.seconds, lambda: memory().rss))
    finally:
        server.terminate()
        server.wait(10)
    print(json.dumps(found, indent=1))
    if given.page:
        write_block(given.page, "clients", summarize(found))
    sys.exit(1 if found["errors"] else 0)


def summarize(found: dict[str, object]) -> list[str]:
    """Return the result as one sentence."""
    memory, errors = found["memory_mb"], sum(found["errors"].values())
    return [
        f"{found['clients']} clients for {found['seconds']:g} s: {found['requests']:,} requests, "
        f"**{errors} errors**; memory {memory[0]} MB after {found['seconds'] / 6:g} s, "
        f"**{memory[-1]} MB** at the end "
        f"(median response of a page {found['median_ms']['page']} ms, of a digit "
        f"{found['median_ms']['digits']} ms)."
    ]


def write_block(page: Path, name: str, lines: list[str]) -> None:
    """Replace the block of that name in a Markdown page, with the date and the machine."""
    text, start, end = (
        page.read_text(encoding="utf-8"),
        f"<!-- {name}: written by benchmarks/ -->",
        f"<!-- end of {name} -->",
    )
    before, _mark, rest = text.partition(start)
    machine = environment.describe_machine()
    # 5-minute average: above the number of cores, wall-clock times mean little.
    busy = f"load {os.getloadavg()[1]:.0f}"
    where = (
        f"*{date.today().isoformat()}, {machine['processor']}, {machine['cores']} cores, {busy}.*"
    )
    page.write_text(
        "\n".join([before + start, *lines, "", where, end]) + rest.partition(end)[2],
        encoding="utf-8",
    )


def wait_until_loaded(base: str) -> None:
    """Wait until every available model is loaded."""
    with httpx.stream("GET", f"{base}/api/events", timeout=120) as response:
        lines = response.iter_lines()
        for line in lines:
            if line == "event: models" and not {'"state":"loading"', '"state":"waiting"'} & set(
                _parts(next(lines))
            ):
                return


def _parts(line: str) -> list[str]:
    return line.replace("{", ",").split(",")


if __name__ == "__main__":
    main()
