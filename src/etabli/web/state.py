"""What the pages share: the runs folder, the shelf of models, the trainer; and the one state that they follow.

A module that is imported when it is first used, so that the first page need not wait for it.
"""

import importlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.report import run_folder
from etabli.web.api import NotServed
from etabli.web.model_cache import Shelf, Tool
from etabli.web.trainer import Trainer

LOOK_SECONDS = 1.5
STATE_SECONDS = 0.3
RECENT_SECONDS = 120


@dataclass(frozen=True)
class Brief:
    """A run in one line."""

    name: str
    created: str
    data: str
    experiments: list[str]
    seeds: list[int]
    done: int
    pieces: int
    running: bool


class Studio:
    """One served playground."""

    def __init__(self, home: Path, tools: Iterable[Tool], language: str = "en") -> None:
        self.home, self.language = Path(home), language
        self.shelf = Shelf(self.home, tools)
        self.trainer = Trainer(self.home)
        self._lock = threading.Lock()
        self._looked = self._read = 0.0
        self._state: dict[str, object] = {}

    def state(self) -> dict[str, object]:
        """Tools, training and runs as they are now; many clients share one look at the disk."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked > LOOK_SECONDS:
                self.shelf.look()
                self._looked = time.monotonic()
            if now - self._read > STATE_SECONDS:
                self._state = {
                    "tools": self.shelf.state(),
                    "job": self.trainer.state(),
                    "runs": [vars(brief) for brief in self.briefs()],
                }
                self._read = time.monotonic()
            return self._state

    def briefs(self) -> list[Brief]:
        """Every run that can be read, newest first."""
        found = []
        for folder in run_folder.find_runs(self.home):
            try:
                found.append(self._brief(folder))
            except (EtabliError, OSError):
                continue
        return found

    def _brief(self, folder: Path) -> Brief:
        record = run_folder.read_run(folder)
        places = [
            run_folder.seed_run_folder(folder, name, seed)
            for name in record.experiments
            for seed in record.seeds
        ]
        done = sum((place / "piece.json").exists() for place in places)
        return Brief(
            name=folder.name,
            created=record.created.isoformat(),
            data=record.data,
            experiments=record.experiments,
            seeds=record.seeds,
            done=done,
            pieces=len(places),
            running=done < len(places) and self._is_written(folder, places),
        )

    def _is_written(self, folder: Path, places: list[Path]) -> bool:
        """Whether somebody writes in the run now: our own training, or files that changed a moment ago."""
        job = self.trainer.state()
        if job["state"] == "running" and job["run"] == folder.name:
            return True
        files = [folder / "run.json", *(file for place in places for file in place.glob("*"))]
        return time.time() - max(file.stat().st_mtime for file in files) < RECENT_SECONDS

    def run_folder(self, name: str) -> Path:
        """The folder of a run by its name, which is compared with those that stand there and never made a path."""
        for folder in run_folder.find_runs(self.home):
            if folder.name == name:
                return folder
        raise NotServed(_("there is no run of that name"))

    def close(self) -> None:
        self.trainer.stop()
        self.shelf.close()


class Lazy:
    """``np = Lazy("numpy")``; annotations that name it stand in files with postponed evaluation."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self._name), attribute)
