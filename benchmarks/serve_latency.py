"""Latency of the playground for one user: first page, digit, poem, caption, photo.

    python benchmarks/serve_latency.py RUNS [--page docs/playground.md]

Starts ``etabli serve`` on RUNS (with trained models) several times for the first page, then sends
requests over loopback. Prints milliseconds as one JSON document: median, quartiles and maximum of
the wall-clock time, and the mean processor time of the server, which does not depend on the load of
the machine; ``--page`` also writes the table to a Markdown page.
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
LIMITS = {
    "first page": 800,
    "a digit": 20,
    "a poem's first character": 200,
    "captions of a photo": 1000,
}


def start_server(runs: Path) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "etabli", "serve", "--runs", str(runs), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().split()[-1].rstrip("/")


def stop_server(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(10)


def first_page(runs: Path) -> float:
    """Start a server and request the first page; return the server's processor time in seconds."""
    server, base = start_server(runs)
    httpx.get(f"{base}/", timeout=120).raise_for_status()
    worked = processor_seconds(server.pid)
    stop_server(server)
    return worked


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process in seconds."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def first_character(base: str) -> None:
    """Wait for the first character of a poem."""
    with httpx.stream("GET", f"{base}/api/poetry/stream?length=20", timeout=30) as response:
        next(line for line in response.iter_lines() if line == "event: character")


def milliseconds(
    call: Callable[[], object], turns: int, pid: int | None = None
) -> dict[str, float]:
    """Measure calls; without ``pid``, of the server, ``call`` itself returns its processor time."""
    taken, worked = [], []
    before = processor_seconds(pid) if pid else 0.0
    for _turn in range(turns):
        started_at = time.perf_counter()
        worked.append(call())
        taken.append(1000 * (time.perf_counter() - started_at))
    spent = processor_seconds(pid) - before if pid else sum(worked)
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
    server, base = start_server(runs)
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
        stop_server(server)
    print(json.dumps(found, indent=1))
    if given.page:
        write_block(given.page, "latency", table(found))


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """Return the times and their limits as a Markdown table."""
    lines = [
        f"| | limit | median | quartiles | largest of {TURNS} ({STARTS} starts) | CPU time |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in found.items():
        bar = f"{LIMITS[name]} ms" if name in LIMITS else ""
        between = f"{each['low']} to {each['high']} ms"
        spent = f"{each['processor']} ms"
        lines.append(
            f"| {name} | {bar} | **{each['median']} ms** | {between} | {each['largest']} ms "
            f"| {spent} |"
        )
    return lines


if __name__ == "__main__":
    main()
