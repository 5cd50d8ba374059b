"""How long an experiment takes on this machine: as in a run made here, or estimated.

An estimate scales the ``minutes`` of the spec by the other runs on full data made here or, where
there are few, by a measurement of one second.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import EtabliError
from etabli.experiments.spec import ExperimentSpec
from etabli.report import run_folder

__all__ = ["Duration", "compare_runs", "estimate_duration", "find_duration", "measure_speed"]

SIDE = 512
REFERENCE_SPEED = 860.0
"""``measure_speed`` on the machine that the ``minutes`` of the specs come from (two cores)."""
MIN_RUNS = 3


@dataclass(frozen=True)
class Duration:
    """Seconds of one seed run, and the run that took them; None where they are estimated."""

    seconds: float
    run: Path | None = None


def find_duration(spec: ExperimentSpec, kind: str, home: Path) -> Duration | None:
    """Return the time of the newest complete seed run here on ``"sample"`` or ``"full"`` data.

    Only runs with the default settings count, on the data of the lab report.
    """
    settings = spec.settings_for(kind).model_dump(mode="json")
    for folder in run_folder.find_runs(home):
        try:
            found = run_folder.read_seed_runs(folder)[0]
        except EtabliError:
            continue
        for _folder, record in found:
            is_same = (record.experiment, record.data) == (spec.name, kind)
            is_whole = not record.interrupted and not record.is_other_data
            if is_same and is_whole and record.settings == settings:
                return Duration(record.seconds, folder)
    return None


def compare_runs(specs: Sequence[ExperimentSpec], home: Path) -> float | None:
    """Return the ratio of the times measured here on full data to those of the specs.

    It is the median over experiments; ``None`` where fewer than ``MIN_RUNS`` were run.
    """
    found = [(spec, find_duration(spec, "full", home)) for spec in specs]
    ratios = [each.seconds / (60 * spec.minutes) for spec, each in found if each]
    return statistics.median(ratios) if len(ratios) >= MIN_RUNS else None


def estimate_duration(
    spec: ExperimentSpec, specs: Sequence[ExperimentSpec], home: Path
) -> Duration:
    """Estimate the time of one seed on full data, from the runs of other experiments if possible.

    The time of the spec comes from a machine of ``REFERENCE_SPEED``.
    """
    factor = compare_runs(specs, home) or REFERENCE_SPEED / measure_speed()
    return Duration(60 * spec.minutes * factor)


def measure_speed(seconds: float = 1.0) -> float:
    """Return how many products of two 512 x 512 matrices this machine computes a second.

    In float32, on all cores; the fastest product counts, because other work slows most of them.
    """
    matrix = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    matrix @ matrix  # starts the threads
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        started = time.perf_counter()
        matrix @ matrix
        taken.append(time.perf_counter() - started)
    return 1 / min(taken)
