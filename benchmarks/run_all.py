"""Run all benchmarks in one go and write docs/benchmarks.md: ``make bench``.

    python benchmarks/run_all.py [--rounds N] [--minutes N] [--list] [NAME ...]

Each benchmark is a process of its own. One that fails or takes too long stops no other: the page
and the last lines name it. With names, only those run, and the others keep what they had.
"""

import argparse
import contextlib
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import write_page
from harness import HOME, LOAD_AT_START, PLACE, describe_run

LIMIT = 900  # seconds for one benchmark
NOT_REACHED = "this run did not reach it"
# In this order; at the end what a short time may leave out.
PLAN = (
    "startup",
    "mlp_epoch",
    "mlp_epoch --one-thread",
    "mlp_keras_epoch",
    "cnn_epoch",
    "rnn_epoch",
    "lstm_epoch",
    "caption_epoch",
    "caption_decoding",
    "generation",
    "feature_extraction --images 64 --memory",
    "feature_extraction --images 64 --backbone mobilenet_v2",
    "int8_features --repeats 3 --accuracy",
    "neighborhood_hit",
    "neighbor_search --points 20000 --repeats 2",
    "placing",
    "glove_reading",
    "table_reading",
    "explorer_drawing",
    "exclusive_classes --draws 4",
    "unfamiliar_images",
    "tsne",
    "image_commands --repeats 2",
    "first_use",
    "million_points",
    "tsne_mnist",
    "class_marking --repeats 1",
    "streamed_transfer --only-streamed",
)
LEFT_OUT = {
    "gpu": "needs a GPU: `make bench-gpu`; one H200 was measured on 2026-11-27, "
    "docs/decisions/0024-work-is-arranged-by-device.md",
    "serve_latency": "needs trained models: `make bench-playground`, in docs/playground.md",
    "serve_clients": "needs trained models: `make bench-playground`, in docs/playground.md",
    "serve_photos": "needs trained models and six photos of 48 megapixels; by hand",
    "published_pages": "measures pages in a browser; by hand, in docs/tools/publish.md",
    "caption_animals": "needs a captioner that full data trained for hours; by hand",
    "FIt-SNE": "its package (fitsne 1.2.1, of 2021) cannot be installed from its index: it does "
    "not declare Cython and needs FFTW; openTSNE has the same algorithm",
}
# Whole commands: in the environment of a user, as Keras imports TensorFlow where it finds it.
COMMANDS = (
    "class_marking", "first_use", "image_commands", "million_points", "startup",
    "streamed_transfer",
)  # fmt: skip
HELPERS = ("harness", "keras_baseline", "run_all", "write_page")  # not benchmarks


def run(command: str) -> str:
    """Run one benchmark; return why it has no outcome, or nothing."""
    name, *options = shlex.split(command)
    before = _stamps()
    words = [choose_python(name), str(HOME / "benchmarks" / f"{name}.py"), *options]
    log = PLACE / "errors.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(words, stderr=stream, start_new_session=True)
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return f"stopped after {LIMIT} seconds"
        finally:
            _end(process)
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        print("\n".join(lines[-20:]), flush=True)
        return f"failed: {lines[-1] if lines else f'exit status {status}'}"
    return "" if _stamps() != before else "no outcome: it needs the full data, in ETABLI_DATA"


def choose_python(name: str) -> str:
    """Return the interpreter of a benchmark: that of ``make setup`` for whole commands."""
    users = HOME / ".venv" / "bin" / "python"
    return str(users) if name in COMMANDS and users.exists() else sys.executable


def _stamps() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in PLACE.glob("*.json")}


def _end(process: subprocess.Popen) -> None:
    """End a benchmark and the processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_all(commands: list[str], whole: bool, minutes: float = math.inf) -> dict[str, str]:
    """Run benchmarks, writing the page after each; return the reason of each without outcome.

    After ``minutes`` no further one starts.
    """
    started, failed = time.time(), {}
    os.environ["BENCH_RUN"] = time.strftime("%Y-%m-%dT%H:%M:%S")
    PLACE.mkdir(exist_ok=True)
    for path in PLACE.glob("*.json"):
        path.unlink()
    for number, command in enumerate(commands, 1):
        if time.time() - started > 60 * minutes:
            return failed | dict.fromkeys(commands[number - 1 :], NOT_REACHED)
        print(f"== {command} ({number} of {len(commands)})", flush=True)
        begun = time.time()
        if reason := run(command):
            failed[command] = reason
        print(f"   {reason or 'done'}, {time.time() - begun:.0f} s", flush=True)
        waiting = dict.fromkeys(commands[number:], NOT_REACHED)
        write_page.update(
            {
                "id": os.environ["BENCH_RUN"],
                "seconds": round(time.time() - started),
                "failed": failed | waiting,
                "left_out": LEFT_OUT,
                **describe_run(),
            }
            if whole
            else None
        )
    return failed


def main() -> None:
    """Run the benchmarks that are asked for, and report what has no outcome."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    parser.add_argument(
        "--rounds", type=int, help="at most so many rounds each (0: one call, to try)"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="after so many, no further one starts"
    )
    parser.add_argument("--list", action="store_true", help="print what would run, and stop")
    asked = parser.parse_args()
    commands = [each for each in PLAN if not asked.names or each.split()[0] in asked.names]
    if unknown := {*asked.names} - {each.split()[0] for each in PLAN}:
        raise SystemExit(f"not among the benchmarks: {', '.join(sorted(unknown))} (--list)")
    if asked.list:
        print("\n".join(commands))
        return
    if asked.rounds is not None:
        os.environ["BENCH_ROUNDS"] = str(asked.rounds)
    print(f"load at the start: {LOAD_AT_START:.2f}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the running one, too
    failed = run_all(commands, not asked.names, asked.minutes)
    print(write_page.PAGE)
    if failed:
        print("\n".join(["", "No outcome:", *(f"  {k}: {v}" for k, v in failed.items())]))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
