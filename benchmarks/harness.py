"""How every benchmark measures: side by side in one process run, interleaved, medians and spread.

A benchmark is a script that calls ``compare`` and then ``conclude``; ``make bench`` runs them all
and writes ``docs/benchmarks.md`` from what they left in ``.bench/``.
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

from etabli.core import environment

HOME = Path(__file__).parent.parent
PLACE = HOME / ".bench"


@dataclass
class Timing:
    """Seconds of one candidate: the first call apart (compilation, caches), then every repeat."""

    name: str
    first: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The lower and upper quartile."""
        if len(self.seconds) < 2:
            return self.seconds[0], self.seconds[0]
        low, _middle, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


def compare(
    candidates: dict[str, Callable[[], object]], repeats: int = 7, *, quiet: bool = False
) -> dict[str, Timing]:
    """Time candidates: one warm-up call each, then ``repeats`` rounds in alternating order."""
    timings = {name: Timing(name) for name in candidates}
    for name, call in candidates.items():
        timings[name].first = _seconds(call)
    for turn in range(repeats):
        names = list(candidates) if turn % 2 == 0 else list(reversed(candidates))
        for name in names:
            timings[name].seconds.append(_seconds(candidates[name]))
        if not quiet:
            shown = ", ".join(f"{name} {timings[name].seconds[-1]:.3f} s" for name in candidates)
            print(f"  round {turn + 1}/{repeats}: {shown}", flush=True)
    return timings


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def ratio(timings: dict[str, Timing], slower: str, faster: str) -> float:
    """Return the median over rounds of the quotients, so that a slow minute harms both alike."""
    pairs = zip(timings[slower].seconds, timings[faster].seconds, strict=True)
    return statistics.median(slow / fast for slow, fast in pairs)


def conclude(
    key: str,
    what: str,
    timings: dict[str, Timing],
    ratios: dict[str, tuple[float, str]],
    notes: str = "",
) -> None:
    """Print the outcome and store it for ``docs/benchmarks.md``, with the options of the script.

    ``ratios`` maps a sentence ("times faster than scikit-learn") to (ratio, bar), the bar as text,
    such as ">= 1.5".
    """
    for timing in timings.values():
        low, high = timing.spread
        print(
            f"{timing.name:40} {timing.median:9.4f} s  [{low:.4f}, {high:.4f}]  first "
            f"{timing.first:.2f} s"
        )
    for sentence, (value, bar) in ratios.items():
        print(f"{value:.2f} {sentence} (bar {bar})")
    PLACE.mkdir(exist_ok=True)
    document = {
        "key": key,
        "what": what,
        "options": shlex.join(sys.argv[1:]),
        "date": date.today().isoformat(),
        "threads": {
            name: os.environ.get(name, "")
            for name in ("OMP_NUM_THREADS", "XLA_FLAGS")
            if name in os.environ
        },
        "machine": environment.describe_machine(),
        "versions": environment.installed_versions(),
        "timings": [
            {**asdict(each), "median": each.median, "spread": each.spread}
            for each in timings.values()
        ],
        "ratios": [
            {"sentence": text, "value": value, "bar": bar} for text, (value, bar) in ratios.items()
        ],
        "notes": notes,
    }
    (PLACE / f"{key}.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8"
    )
