"""How far a run is: a small file that the process writes while it trains, and pages read.

``RUN/.progress.json`` is replaced at most twice a second and removed when the run is finished. A
run whose process was killed keeps it: the lock of the folder says that nobody writes anymore.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from etabli.core.atomic_files import is_locked
from etabli.core.errors import EtabliError
from etabli.core.i18n import LANGUAGES, use_language
from etabli.core.progress import Step, follow_epochs
from etabli.report import numbers
from etabli.report.run_folder import FileRecord, Text, read_record

__all__ = ["LiveProgress", "Progress", "describe_progress", "read_progress"]

FILE = ".progress.json"
WRITE_SECONDS = 0.5
MEASURED_SECONDS = 0.5


class Progress(FileRecord):
    """What a run is doing: experiment ``number`` of ``total``, and the task within it."""

    experiment: str
    title: Text
    seed: int
    number: int
    total: int
    started: float
    written: float
    label: Text = ""
    is_epochs: bool = False
    done: float = 0.0
    steps: float | None = None
    task_started: float = 0.0
    measured_from: float = 0.0
    measured_at: float = 0.0
    numbers: dict[str, float | None] = Field(default_factory=dict)

    def remaining(self, now: float) -> float | None:
        """Estimate the seconds that the task still takes; None where nothing is done yet.

        The first step is left out where others follow: it includes compiling, or what an earlier
        process did.
        """
        own, since = self.done - self.measured_at, self.measured_from
        if own <= 0:
            own, since = self.done, self.task_started
        if not self.steps or own <= 0 or self.written - since < MEASURED_SECONDS:
            return None
        whole = (self.steps - self.done) * (self.written - since) / own
        return max(0.0, whole - (now - self.written))


class LiveProgress:
    """Writes the progress of a run to its folder."""

    def __init__(self, run: Path | str) -> None:
        self.path = Path(run) / FILE
        self.now: Progress | None = None

    def begin(self, **described: Any) -> None:
        """Start a seed run: the fields of ``Progress`` that are known before its first task."""
        self.now = Progress(started=time.time(), written=0.0, **described)
        self._write(force=True)

    @contextmanager
    def task(self, shown: Step, label: str, total: float | None, is_epochs: bool) -> Iterator[Step]:
        """Follow a task: yield a step that moves ``shown`` and the file on."""
        if self.now is None:
            yield shown
            return
        task = self.now.model_copy(
            update={"label": label, "steps": total, "is_epochs": is_epochs, "done": 0.0}
            | {"task_started": time.time(), "measured_from": 0.0, "numbers": {}}
        )
        before, self.now = self.now, task
        self._write(force=True)
        whole = 0.0

        def step(advance: float = 1, **values: object) -> None:
            nonlocal whole
            whole += advance
            shown(advance, **values)
            self._move(task, whole, lambda: _floats(values))

        def within(fraction: float, values: Callable[[], Mapping[str, float]]) -> None:
            if is_epochs:
                self._move(task, whole + fraction, values)

        with follow_epochs(within):
            yield step
        self.now = before
        self._write(force=True)

    def _move(self, task: Progress, done: float, values: Callable[[], Mapping[str, float]]) -> None:
        task.done = done
        if not task.measured_from:
            task.measured_from, task.measured_at = time.time(), done
        if self.now is task and self._is_due():
            task.numbers = {**task.numbers, **values()}
            self._write()

    def _is_due(self) -> bool:
        return self.now is not None and abs(time.time() - self.now.written) >= WRITE_SECONDS

    def _write(self, force: bool = False) -> None:
        if self.now is None or not (force or self._is_due()):
            return
        self.now.written = time.time()
        # Not flushed to the disk, as atomic_write does: twice a second that would slow training.
        part = self.path.with_name(f"{FILE}.part")
        try:
            part.write_text(self.now.model_dump_json(), encoding="utf-8")
            part.replace(self.path)
        except OSError:  # a full disk stops the run where it writes its results, with a sentence
            part.unlink(missing_ok=True)

    def end(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)


def _floats(values: Mapping[str, object]) -> dict[str, float]:
    return {name: float(each) for name, each in values.items() if isinstance(each, int | float)}


def read_progress(run: Path) -> Progress | None:
    """Read how far a run is; None where it is finished, or written by an older version."""
    try:
        return read_record(Path(run) / FILE, Progress)
    except EtabliError:
        return None


def describe_progress(run: Path) -> dict[str, object] | None:
    """Describe how far a run is, in every language, for pages that follow it.

    ``running`` says whether a process holds the lock of the run; ``elapsed`` and ``remaining`` are
    seconds of the current task.
    """
    progress = read_progress(run)
    if progress is None:
        return None
    running = is_locked(run)
    now = time.time() if running else progress.written
    since = progress.task_started or progress.started
    return {
        "experiment": progress.experiment,
        "seed": progress.seed,
        "number": progress.number,
        "total": progress.total,
        "running": running,
        "is_epochs": progress.is_epochs,
        "done": progress.done,
        "steps": progress.steps,
        "elapsed": round(now - since, 1),
        "remaining": progress.remaining(now),
        "texts": {language: _texts(run, language) for language in LANGUAGES},
    }


def _texts(run: Path, language: str) -> dict[str, object]:
    with use_language(language):
        progress = read_progress(run)
        if progress is None:
            return {"title": "", "label": "", "numbers": []}
        return {
            "title": progress.title,
            "label": progress.label,
            "numbers": [
                f"{numbers.score_label(name)} {numbers.format_score(name, value)}"
                for name, value in progress.numbers.items()
            ],
        }
