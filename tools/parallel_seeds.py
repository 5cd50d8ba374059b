"""The seeds of an experiment in parallel processes, each with its share of the cores.

Nets as small as those of the practicals do not fill two cores: two seeds in parallel finish sooner
than one after the other. Each seed has a run folder below ``.separate``; what is finished moves
into the run.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.connection import wait
from pathlib import Path

from etabli import experiments
from etabli.core import cache
from etabli.core.atomic_files import lock_folder
from etabli.core.errors import EtabliError
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder

SEPARATE = ".separate"
CACHE = ".cache"
"""Where a run that has to measure keeps what its seeds share, below its folder."""


def run_seeds(
    experiment: str,
    folder: Path,
    source: Source,
    seeds: Sequence[int],
    processes: int,
    on_finished: Callable[[int], None],
) -> None:
    """Run the seeds that ``folder`` lacks, ``processes`` at a time.

    A seed that failed leaves its log in its folder: ``runner.run_experiments`` on ``folder`` then
    does what is left and says what is wrong. After an interruption the same call resumes.

    Args:
        experiment: Name of the experiment.
        folder: The run folder.
        source: Sample or full data.
        seeds: The seeds; the first draws the figures.
        processes: Number of processes.
        on_finished: Called with each seed that is finished.
    """
    folder = Path(folder)
    folders = {seed: folder / SEPARATE / f"{experiment}-{seed}" for seed in seeds}
    waiting = [
        seed
        for seed in seeds
        if not run_folder.is_finished(run_folder.seed_run_folder(folder, experiment, seed))
    ]
    if processes < 2 or len(waiting) < 2:
        return
    record = folder / "run.json"
    if record.exists() and run_folder.read_run(folder).data != source.kind:
        return  # the runner says that the folder holds another run
    context, running = multiprocessing.get_context("spawn"), {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                seed = waiting.pop(0)
                task = (experiment, folders[seed], source, seed, seeds[0], folder / CACHE)
                with _limit_threads(processes):
                    process = context.Process(target=_run_seed, args=task, daemon=True)
                    process.start()
                running[process.sentinel] = process, seed
            for sentinel in wait(list(running)):
                _process, seed = running.pop(sentinel)
                if _move(experiment, seed, folders[seed], folder):
                    on_finished(seed)
    finally:
        for process, _seed in running.values():
            process.terminate()
            process.join()


def _run_seed(
    experiment: str, own: Path, source: Source, seed: int, first: int, results: Path
) -> None:
    own.mkdir(parents=True, exist_ok=True)
    with (
        (own / "log.txt").open("a", encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
        cache.use_cache_folder(results),
    ):
        try:
            runner.run_experiments(
                experiments.select_experiments([experiment]),
                own,
                source,
                seeds=[seed],
                first=first,
            )
        except EtabliError as error:
            print(error, file=log)


@contextmanager
def _limit_threads(processes: int) -> Iterator[None]:
    """Set the environment of processes that are started inside: their share of the cores."""
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


def _move(experiment: str, seed: int, own: Path, folder: Path) -> bool:
    """Move a seed run into the run; return whether it is finished."""
    made, wanted = (run_folder.seed_run_folder(each, experiment, seed) for each in (own, folder))
    if not run_folder.is_finished(made):
        return False
    with lock_folder(folder):
        shutil.rmtree(wanted, ignore_errors=True)
        wanted.parent.mkdir(parents=True, exist_ok=True)
        made.rename(wanted)
        shutil.rmtree(own, ignore_errors=True)
        if not any((folder / SEPARATE).iterdir()):
            (folder / SEPARATE).rmdir()
    return True
