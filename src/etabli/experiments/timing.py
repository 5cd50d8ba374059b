"""How long an experiment takes on this machine: as in a run made here, or estimated."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import EtabliError
from etabli.experiments.spec import ExperimentSpec
from etabli.report import run_folder

__all__ = ["Duration", "estimate_duration", "find_duration", "measure_speed"]

SIDE = 512
REFERENCE_SPEED = 860.0
"""``measure_speed`` on the machine that the ``minutes`` of the specs come from (two cores)."""


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


def estimate_duration(spec: ExperimentSpec, speed: float) -> Duration:
    """Estimate the time of one seed on full data from the ``speed`` of this machine.

    The time of the spec comes from a machine of ``REFERENCE_SPEED``.
    """
    return Duration(60 * spec.minutes * REFERENCE_SPEED / speed)


def measure_speed(seconds: float = 1.0) -> float:
    """Return how many products of two 512 x 512 matrices this machine computes a second.

    In float32, on all cores, as the median over the products of that time.
    """
    matrix = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    matrix @ matrix  # starts the threads
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        started = time.perf_counter()
        matrix @ matrix
        taken.append(time.perf_counter() - started)
    return 1 / statistics.median(taken)
