"""Experiments in several processes at a time, and the lines that each prints.

A practical keeps to one process as long as there are others: its experiments share what the
earlier ones computed.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from etabli.core.errors import EtabliError, OutOfMemory
from etabli.core.i18n import _, current_language, translate, use_language
from etabli.core.progress import Reporter, Step
from etabli.report.numbers import describe_task

__all__ = ["run_groups"]

Task = TypeVar("Task")
Run = Callable[[Task, Reporter], None]
_POLL_SECONDS = 0.5
# Threads of NumPy's products that wait for the next one in a loop take a core from the others.
_SHARING_CORES = {"OPENBLAS_THREAD_TIMEOUT": "4"}


def run_groups(
    groups: Sequence[Sequence[Task]],
    jobs: int,
    run: Run[Task],
    *,
    started: Callable[[Task], None],
    print_line: Callable[[str], None],
) -> None:
    """Run the tasks of every group, ``jobs`` at a time, and print the lines of each at its end.

    Args:
        groups: Tasks that can be pickled; a process takes the next one of a group that no other
            process is in, or else of the group with the most left.
        jobs: The number of processes.
        run: A function of a module, of a task and where its progress is shown.
        started: Called with each task when it is given to a process.
        print_line: Called with each line that a finished task printed.

    Raises:
        EtabliError: That of the first task that failed, after the other processes were ended.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    left = [list(group) for group in groups]
    running: dict[Future, int] = {}
    pool = ProcessPoolExecutor(jobs, env=_SHARING_CORES, initializer=_keep_process)
    try:
        while running or any(left):
            while len(running) < jobs and any(left):
                group = _choose_group(left, set(running.values()))
                task = left[group].pop(0)
                started(task)
                future = pool.submit(_run_captured, run, task, current_language(), os.getpid())
                running[future] = group
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                try:
                    lines, error = future.result()
                except BrokenProcessPool as broken:
                    raise OutOfMemory(
                        _("a process ended before its experiment, as where memory is short"),
                        fix=_("Use fewer --jobs."),
                    ) from broken
                for line in lines:
                    print_line(line)
                if error is not None:
                    raise error
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _keep_process() -> None:
    """Keep this process when its memory grows: what one task loaded and compiled serves the next.

    loky replaces a process that has grown by 300 MB, with a warning on the terminal.
    """
    from joblib.externals.loky import process_executor

    process_executor._USE_PSUTIL = False  # without psutil, loky does not measure the memory


def _choose_group(left: Sequence[Sequence[Task]], busy: set[int]) -> int:
    """Return the first group with tasks and without a process, or else the longest one."""
    free = [index for index, tasks in enumerate(left) if tasks and index not in busy]
    return free[0] if free else max(range(len(left)), key=lambda index: len(left[index]))


class _Lines:
    """The reporter of a process: collects lines, one for each task at its end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print_line(self, text: str) -> None:
        self.lines.append(str(text))

    @contextmanager
    def task(self, label: str, total: float | None) -> Iterator[Step]:
        started = time.perf_counter()
        last: dict[str, object] = {}

        def step(advance: float = 1, **numbers: object) -> None:
            last.update(numbers)

        yield step
        self.lines.append(describe_task(label, total, last, time.perf_counter() - started))


def _run_captured(
    run: Run[Task], task: Task, language: str, parent: int
) -> tuple[list[str], EtabliError | None]:
    """Run a task in this process; return its lines, and its error in a form to be pickled."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    shown = _Lines()
    with use_language(language):
        try:
            run(task, shown)
        except EtabliError as error:
            return shown.lines, _copy_error(error)
    return shown.lines, None


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, so that it stops writing to the run folder."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)


def _copy_error(error: EtabliError) -> EtabliError:
    def text(value: object) -> str | None:
        shown = translate(value) if isinstance(value, str) else value
        return None if shown is None else str(shown)

    wrong, given = text(error.wrong) or "", (error.expected, error.got, error.fix)
    expected, got, fix = map(text, given)
    copied = EtabliError(wrong, expected=expected, got=got, fix=fix)
    copied.exit_code = error.exit_code
    return copied
