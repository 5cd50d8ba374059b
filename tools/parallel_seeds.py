"""The seeds of an experiment in processes of their own, each on its share of the cores.

Nets as small as those of the practicals do not fill two cores: two seeds side by side end sooner than one after the
other. Each seed has a run folder of its own under ``.apart``; what is finished moves into the run.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.connection import wait
from pathlib import Path

from etabli import experiments
from etabli.core.atomic_files import lock_folder
from etabli.core.errors import EtabliError
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder

__all__ = ["run"]

APART = ".apart"


def run(
    experiment: str,
    folder: Path,
    source: Source,
    seeds: Sequence[int],
    processes: int,
    tell: Callable[[int], None],
) -> None:
    """Run the seeds that ``folder`` lacks, ``processes`` at a time; ``tell(seed)`` of each that is finished.

    A seed that failed is not there afterwards, and its log stays in its folder: ``runner.run`` on ``folder`` does what
    is left, and says what is wrong. Interrupted, the same call goes on.
    """
    folder = Path(folder)
    places = {seed: folder / APART / f"{experiment}-{seed}" for seed in seeds}
    waiting = [
        seed
        for seed in seeds
        if not run_folder.is_finished(run_folder.seed_run_folder(folder, experiment, seed))
    ]
    if processes < 2 or len(waiting) < 2:
        return
    context, at_work = multiprocessing.get_context("spawn"), {}
    try:
        while waiting or at_work:
            while waiting and len(at_work) < processes:
                seed = waiting.pop(0)
                task = (experiment, places[seed], source, seed, seeds[0])
                with _share(processes):
                    process = context.Process(target=_one, args=task, daemon=True)
                    process.start()
                at_work[process.sentinel] = process, seed
            for sentinel in wait(list(at_work)):
                _process, seed = at_work.pop(sentinel)
                if _moved(experiment, seed, places[seed], folder):
                    tell(seed)
    finally:
        for process, _seed in at_work.values():
            process.terminate()
            process.join()


def _one(experiment: str, place: Path, source: Source, seed: int, first: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    with (
        (place / "log.txt").open("a", encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        try:
            runner.run_experiments(
                experiments.select_experiments([experiment]),
                place,
                source,
                seeds=[seed],
                first=first,
            )
        except EtabliError as refusal:
            print(refusal, file=log)


@contextmanager
def _share(processes: int) -> Iterator[None]:
    """The environment of a process that is started in it: its share of the cores."""
    threads = (
        str(max(1, len(os.sched_getaffinity(0)) // processes))
        if hasattr(os, "sched_getaffinity")
        else "1"
    )
    eigen = "" if threads != "1" else "--xla_cpu_multi_thread_eigen=false"
    ours = {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {eigen}".strip(),
    }
    before = {key: os.environ.get(key) for key in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def _moved(experiment: str, seed: int, place: Path, folder: Path) -> bool:
    """Take the piece of a seed into the run; whether it is finished."""
    made, wanted = (run_folder.seed_run_folder(each, experiment, seed) for each in (place, folder))
    if not run_folder.is_finished(made):
        return False
    with lock_folder(folder):
        shutil.rmtree(wanted, ignore_errors=True)
        wanted.parent.mkdir(parents=True, exist_ok=True)
        made.rename(wanted)
        shutil.rmtree(place, ignore_errors=True)
        if not any((folder / APART).iterdir()):
            (folder / APART).rmdir()
    return True
