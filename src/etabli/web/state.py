"""The state that all pages share: the runs, the models, the training."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.report import run_folder
from etabli.web.api import NotFound
from etabli.web.model_cache import ModelCache, ModelSpec
from etabli.web.trainer import Trainer

REFRESH_SECONDS = 1.5
SNAPSHOT_SECONDS = 0.3
RECENT_SECONDS = 120


@dataclass(frozen=True)
class RunSummary:
    """A run in the list of runs; ``total`` counts experiments times seeds.

    ``dataset`` is the title of what it read in the place of MNIST.
    """

    name: str
    created: str
    data: str
    dataset: str
    experiments: list[str]
    seeds: list[int]
    done: int
    total: int
    running: bool


class PlaygroundState:
    """The runs under ``home``, the models trained in them, and the training under way."""

    def __init__(self, home: Path, specs: Iterable[ModelSpec], shipped: Path | None = None) -> None:
        self.home = Path(home)
        self.models = ModelCache(self.home, specs, shipped)
        self.trainer = Trainer(self.home)
        self._lock = threading.Lock()
        self._refreshed = self._read = 0.0
        self._snapshot: dict[str, object] = {}

    def snapshot(self) -> dict[str, object]:
        """Return models, training and runs; clients that ask at the same time share one read."""
        with self._lock:
            now = time.monotonic()
            if now - self._refreshed > REFRESH_SECONDS:
                self.models.refresh()
                self._refreshed = time.monotonic()
            if now - self._read > SNAPSHOT_SECONDS:
                self._snapshot = {
                    "models": self.models.state(),
                    "training": self.trainer.state(),
                    "runs": [vars(run) for run in self.list_runs()],
                }
                self._read = time.monotonic()
            return self._snapshot

    def list_runs(self) -> list[RunSummary]:
        """List every readable run, newest first."""
        summaries = []
        for folder in run_folder.find_runs(self.home):
            try:
                summaries.append(self._summarize(folder))
            except (EtabliError, OSError):
                continue
        return summaries

    def _summarize(self, folder: Path) -> RunSummary:
        record = run_folder.read_run(folder)
        seed_runs = [
            run_folder.seed_run_folder(folder, name, seed)
            for name in record.experiments
            for seed in record.seeds
        ]
        done = sum(run_folder.record_path(each).exists() for each in seed_runs)
        return RunSummary(
            name=folder.name,
            created=record.created.isoformat(),
            data=record.data,
            dataset=record.dataset_title if record.is_other_data else "",
            experiments=record.experiments,
            seeds=record.seeds,
            done=done,
            total=len(seed_runs),
            running=done < len(seed_runs) and self._is_being_written(folder, seed_runs),
        )

    def _is_being_written(self, folder: Path, seed_runs: list[Path]) -> bool:
        """Return whether our own training writes the run, or one of its files changed recently."""
        training = self.trainer.state()
        if training["state"] == "running" and training["run"] == folder.name:
            return True
        files = [folder / "run.json", *(file for each in seed_runs for file in each.glob("*"))]
        return time.time() - max(file.stat().st_mtime for file in files) < RECENT_SECONDS

    def find_run(self, name: str) -> Path:
        """Return the folder of a run; the name is compared with those found, never made a path."""
        for folder in run_folder.find_runs(self.home):
            if folder.name == name:
                return folder
        raise NotFound(_("there is no run of that name"))

    def close(self) -> None:
        """Stop the training and the loading of models."""
        self.trainer.stop()
        self.models.close()
