"""Digits while six large photos are captioned: waiting times, and memory of the server.

    python benchmarks/serve_photos.py RUNS [--megapixels 48] [--format jpeg]

Starts ``etabli serve`` on RUNS (with trained models), posts six photos of 48 million pixels at
once as no browser does (the page reduces them first), and asks for a digit every 50 ms meanwhile.
Prints one JSON document: the digits' milliseconds, the seconds of the photos, and the largest
resident set of the server.
"""

import argparse
import io
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image
from serve_clients import STROKES, wait_until_loaded
from serve_latency import start_server, stop_server

N_PHOTOS = 6


def make_photo(megapixels: float, kind: str) -> bytes:
    """Return a photo of 4 x 3 with the noise of a camera."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((width, width * 3 // 4)).save(stream, kind, quality=80)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path)
    parser.add_argument("--megapixels", type=float, default=48)
    parser.add_argument("--format", default="jpeg")
    given = parser.parse_args()
    photo = make_photo(given.megapixels, given.format)
    server, base = start_server(given.runs)
    try:
        wait_until_loaded(base)
        print(json.dumps(measure(base, photo, psutil.Process(server.pid)), indent=1))
    finally:
        stop_server(server)


def measure(base: str, photo: bytes, process: psutil.Process) -> dict[str, float]:
    """Send the photos at once, and digits until all of them are answered."""
    ask = {"strokes": STROKES}
    headers = {"content-type": "image/jpeg"}
    taken, memory, done = [], [process.memory_info().rss], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            memory.append(process.memory_info().rss)

    with httpx.Client(base_url=base, timeout=300) as session, ThreadPoolExecutor(8) as pool:
        session.post("/api/digits", json=ask).raise_for_status()
        pool.submit(watch)
        started = time.perf_counter()
        address = f"{base}/api/captions"
        sent = [
            pool.submit(httpx.post, address, content=photo, headers=headers, timeout=300)
            for _photo in range(N_PHOTOS)
        ]
        while not all(each.done() for each in sent):
            before = time.perf_counter()
            session.post("/api/digits", json=ask).raise_for_status()
            taken.append(1000 * (time.perf_counter() - before))
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        done.set()
    statuses = sorted({each.result().status_code for each in sent})
    return {
        "photo, megabytes": round(len(photo) / 1e6, 1),
        "statuses": statuses,
        "photos, seconds": round(seconds, 2),
        "digits": len(taken),
        "digit, median ms": round(statistics.median(taken), 1),
        "digit, largest ms": round(max(taken), 1),
        "memory before, MB": round(memory[0] / 1e6),
        "memory at most, MB": round(max(memory) / 1e6),
    }


if __name__ == "__main__":
    main()
