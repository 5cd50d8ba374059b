"""How every benchmark measures: side by side in one process run, interleaved, medians and spread.

A benchmark is a script that calls ``compare`` and then ``conclude``, which leaves its outcome in
``.bench/``; ``make bench`` (``run_all.py``) runs them all, and ``write_page.py`` writes
``docs/benchmarks.md``.
"""

import json
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import psutil

from etabli.core import environment

HOME = Path(__file__).parent.parent
PLACE = HOME / ".bench"
LOAD_AT_START = os.getloadavg()[0]
OTHER_LIBRARIES = (
    "tensorflow-cpu", "torch", "timm", "openvino", "umap-learn", "pynndescent", "faiss-cpu",
    "usearch", "gensim", "pyarrow",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "XLA_FLAGS", "OPENBLAS_CORETYPE")


class Quotient(float):
    """The median of the quotients of the rounds, with their quartiles."""

    spread: tuple[float, float]

    @classmethod
    def of(cls, values: list[float]) -> "Quotient":
        made = cls(statistics.median(values))
        made.spread = quartiles(values)
        return made


@dataclass
class Timing:
    """Seconds of one candidate: the first call apart (compilation, caches), then every repeat."""

    name: str
    first: float = 0.0
    seconds: list[float] = field(default_factory=list)
    memory_mb: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and upper quartile."""
        return quartiles(self.seconds)


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile; of one value, that value."""
    if len(values) < 2:
        return values[0], values[0]
    low, _middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def count_rounds(repeats: int) -> int:
    """Return the rounds to run: those of the script, at most ``BENCH_ROUNDS``.

    With ``BENCH_ROUNDS=0`` the first call is the only one and counts: to see that a script works.
    """
    return min(repeats, int(os.environ.get("BENCH_ROUNDS", repeats)))


def compare(
    candidates: dict[str, Callable[[], object]],
    repeats: int = 7,
    *,
    quiet: bool = False,
    first_counts: bool = False,
) -> dict[str, Timing]:
    """Time candidates: one first call each, then ``repeats`` rounds in alternating order.

    The memory of a candidate is the most that one of its calls added to what this process and those
    that it started had in memory before.

    Args:
        candidates: What to time, by name.
        repeats: Rounds; ``BENCH_ROUNDS`` may ask for fewer.
        quiet: Whether rounds are not printed.
        first_counts: Whether the first call is the first round: for work of minutes, in which
            compilation does not count.
    """
    timings = {name: Timing(name) for name in candidates}
    for name, call in candidates.items():
        timings[name].first = _measure(call, timings[name])
    repeats, counted = count_rounds(repeats), 0
    if first_counts or not repeats:
        counted = 1
        for timing in timings.values():
            timing.seconds.append(timing.first)
    for turn in range(counted, repeats):
        names = list(candidates) if turn % 2 == 0 else list(reversed(candidates))
        for name in names:
            timings[name].seconds.append(_measure(candidates[name], timings[name]))
        if not quiet:
            shown = ", ".join(f"{name} {timings[name].seconds[-1]:.3f} s" for name in candidates)
            print(f"  round {turn + 1}/{repeats}: {shown}", flush=True)
    return timings


def _measure(call: Callable[[], object], timing: Timing) -> float:
    """Return the seconds of a call, and keep the memory that it added if it is the most so far."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before = {process: _reset_peak(process) for process in processes}
    started = time.perf_counter()
    call()
    seconds = time.perf_counter() - started
    added = [_peak(process) - had for process, had in before.items() if had]
    timing.memory_mb = max(timing.memory_mb or 0.0, sum(added) / 2**20)
    return seconds


def _reset_peak(process: psutil.Process) -> int:
    """Set a process's peak to its present memory (Linux), and return that; 0 if it cannot be."""
    try:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        return process.memory_info().rss
    except (OSError, psutil.Error):
        return 0


def _peak(process: psutil.Process) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
    return found[0] if found else 0


def ratio(timings: dict[str, Timing], slower: str, faster: str) -> Quotient:
    """Return the median over rounds of the quotients, so that a slow minute harms both alike."""
    pairs = zip(timings[slower].seconds, timings[faster].seconds, strict=True)
    return Quotient.of([slow / fast for slow, fast in pairs])


def conclude(
    key: str,
    what: str,
    timings: dict[str, Timing],
    ratios: dict[str, tuple[float, str]],
    notes: str = "",
) -> None:
    """Print the outcome and store it for ``docs/benchmarks.md``, with the options of the script.

    ``ratios`` maps a sentence ("times faster than scikit-learn") to (ratio, bar), the bar as text,
    such as ">= 1.5"; an empty bar for a number that has none.
    """
    for timing in timings.values():
        low, high = timing.spread
        print(
            f"{timing.name:40} {timing.median:9.4f} s  [{low:.4f}, {high:.4f}]  first "
            f"{timing.first:.2f} s"
        )
    for sentence, (value, bar) in ratios.items():
        print(f"{value:.2f} {sentence} (bar {bar or 'none'})")
    PLACE.mkdir(exist_ok=True)
    document = {
        "key": key,
        "what": what,
        "script": Path(sys.argv[0]).stem,
        "options": shlex.join(sys.argv[1:]),
        "run": os.environ.get("BENCH_RUN", ""),
        **describe_run(),
        "timings": [
            {**asdict(each), "median": each.median, "spread": each.spread}
            for each in timings.values()
        ],
        "ratios": [
            {"sentence": text, "value": value, "bar": bar, "spread": getattr(value, "spread", None)}
            for text, (value, bar) in ratios.items()
        ],
        "notes": notes,
    }
    (PLACE / f"{key}.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8"
    )


def describe_run() -> dict[str, object]:
    """Return date, load at the start, machine, thread settings and versions."""
    others = {name: environment.installed_version(name) for name in OTHER_LIBRARIES}
    return {
        "date": date.today().isoformat(),
        "load": round(LOAD_AT_START, 2),
        "threads": {name: os.environ[name] for name in THREADS if name in os.environ},
        "machine": environment.describe_machine(),
        "versions": environment.installed_versions()
        | {name: version for name, version in others.items() if version},
    }
