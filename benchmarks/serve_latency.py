"""How fast the playground answers one person: the first page after the command, a digit, a poem, a caption, a photo.

    python benchmarks/serve_latency.py RUNS [--page docs/playground.md]

Starts ``etabli serve`` on RUNS (with trained models) several times for the first page, then asks the loaded server
over loopback. Prints milliseconds: median, quartiles and largest on the clock, and the mean that the server took of
the processor, which a busy machine does not lengthen; one JSON document; with ``--page`` also the table there.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
from serve_clients import STROKES, wait_until_loaded, write_block

STARTS, TURNS = 5, 30
BARS = {
    "first page": 1000,
    "a digit": 50,
    "a poem's first character": 200,
    "captions of a photo": 1000,
}


def started(runs: Path) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "etabli", "serve", "--runs", str(runs), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().split()[-1].rstrip("/")


def ended(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(10)


def first_page(runs: Path) -> float:
    """From the command to the whole first page; returns the seconds of the processor that the server took."""
    server, base = started(runs)
    httpx.get(f"{base}/", timeout=120).raise_for_status()
    worked = processor(server.pid)
    ended(server)
    return worked


def processor(pid: int) -> float:
    """Seconds of the processor that a process has taken."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def first_character(base: str) -> None:
    """Until the first character of a poem has come."""
    with httpx.stream("GET", f"{base}/api/poetry/stream?length=20", timeout=30) as response:
        next(line for line in response.iter_lines() if line == "event: letter")


def milliseconds(
    call: Callable[[], object], turns: int, pid: int | None = None
) -> dict[str, float]:
    """``pid``: the server that answers; without it ``call`` returns the seconds of the processor itself."""
    taken, worked = [], []
    before = processor(pid) if pid else 0.0
    for _turn in range(turns):
        started_at = time.perf_counter()
        worked.append(call())
        taken.append(1000 * (time.perf_counter() - started_at))
    spent = processor(pid) - before if pid else sum(worked)
    low, middle, high = statistics.quantiles(taken, n=4, method="inclusive")
    return {
        name: round(value, 1)
        for name, value in zip(("low", "median", "high"), (low, middle, high), strict=True)
    } | {"largest": round(max(taken), 1), "processor": round(1000 * spent / turns, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    runs = given.runs
    found = {"first page": milliseconds(lambda: first_page(runs), STARTS)}
    server, base = started(runs)
    try:
        wait_until_loaded(base)
        with httpx.Client(base_url=base, timeout=60) as session:
            scene = session.get("/api/photo/scene?seed=3").content
            png = {"content-type": "image/png"}
            calls = {
                "a digit": lambda: session.post(
                    "/api/digits", json={"strokes": STROKES}
                ).raise_for_status(),
                "a poem's first character": lambda: first_character(base),
                "captions of a photo": lambda: session.post(
                    "/api/captions", content=scene, headers=png
                ).raise_for_status(),
                "classes of a photo": lambda: session.post(
                    "/api/transfer", content=scene, headers=png
                ).raise_for_status(),
            }
            for name, call in calls.items():
                call()
                found[name] = milliseconds(call, TURNS, server.pid)
    finally:
        ended(server)
    print(json.dumps(found, indent=1))
    if given.page:
        write_block(given.page, "latency", table(found))


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """The times as Markdown, each beside what it must stay under."""
    lines = [
        f"| | bar | median | quartiles | largest of {TURNS} ({STARTS} starts) | of the processor |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in found.items():
        bar = f"{BARS[name]} ms" if name in BARS else ""
        between = f"{each['low']} to {each['high']} ms"
        spent = f"{each['processor']} ms"
        lines.append(
            f"| {name} | {bar} | **{each['median']} ms** | {between} | {each['largest']} ms | {spent} |"
        )
    return lines


if __name__ == "__main__":
    main()
