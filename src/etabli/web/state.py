"""The state that all pages share: the runs, the models, the training."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from etabli import report
from etabli.core.atomic_files import is_locked
from etabli.core.errors import EtabliError
from etabli.core.i18n import LANGUAGES, _, current_language, use_language
from etabli.report import live, run_folder
from etabli.report.run_folder import ScoreSummary
from etabli.web.api import NotFound, strip_paths
from etabli.web.model_cache import ModelCache, ModelSpec
from etabli.web.own_models import OwnModels
from etabli.web.trainer import Trainer

REFRESH_SECONDS = 1.5
SNAPSHOT_SECONDS = 0.3
Headlines = list[tuple[str, ScoreSummary]]


@dataclass(frozen=True)
class RunSummary:
    """A run in the list of runs; ``total`` counts experiments times seeds.

    ``stopped``: it is not finished, and no process writes in it.

    ``dataset`` is the title of what it read in the place of MNIST. ``broken`` says why a run cannot
    be read, in each language; the other fields are then empty.
    """

    name: str
    created: str
    data: str = ""
    dataset: str = ""
    experiments: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    done: int = 0
    total: int = 0
    running: bool = False
    stopped: bool = False
    broken: dict[str, str] = field(default_factory=dict)


class PlaygroundState:
    """The runs under ``home``, the models trained in them, and the training under way."""

    def __init__(self, home: Path, specs: Iterable[ModelSpec], shipped: Path | None = None) -> None:
        self.home = Path(home)
        self.models = ModelCache(self.home, specs, shipped)
        self.own_models = OwnModels(self.home)
        self.trainer = Trainer(self.home)
        self._lock = threading.Lock()
        self._refreshed = self._read = 0.0
        self._snapshot: dict[str, object] = {}
        self._headlines: dict[tuple[str, str], tuple[dict[Path, int], Headlines]] = {}

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
                    "progress": self._describe_progress(),
                }
                self._read = time.monotonic()
            return self._snapshot

    def list_runs(self) -> list[RunSummary]:
        """List every run, newest first; one that cannot be read with the reason."""
        return [self.summarize(folder) for folder in self.find_folders()]

    def find_folders(self) -> list[Path]:
        """Return the folder of every run, newest first; last those without a record."""
        return [*run_folder.find_runs(self.home), *run_folder.find_broken_runs(self.home)]

    def _describe_progress(self) -> dict[str, object]:
        """Return how far each run is that is not finished, or was killed."""
        found = ((folder.name, live.describe_progress(folder)) for folder in self.find_folders())
        return {name: progress for name, progress in found if progress is not None}

    def summarize(self, folder: Path) -> RunSummary:
        """Summarize a run for the list."""
        try:
            return self._summarize(folder)
        except (EtabliError, OSError) as error:
            reasons = {code: _explain(folder, code) or str(error) for code in LANGUAGES}
            when = datetime.fromtimestamp(folder.stat().st_mtime, UTC) if folder.exists() else None
            return RunSummary(folder.name, when.isoformat() if when else "", broken=reasons)

    def _summarize(self, folder: Path) -> RunSummary:
        record = run_folder.read_run(folder)
        seed_runs = [
            run_folder.seed_run_folder(folder, name, seed)
            for name in record.experiments
            for seed in record.seeds
        ]
        done = sum(run_folder.record_path(each).exists() for each in seed_runs)
        is_written = done < len(seed_runs) or live.read_progress(folder) is not None
        running = is_written and self._is_being_written(folder)
        return RunSummary(
            name=folder.name,
            created=record.created.isoformat(),
            data=record.data,
            dataset=record.dataset_title if record.is_other_data else "",
            experiments=record.experiments,
            seeds=record.seeds,
            done=done,
            total=len(seed_runs),
            running=running,
            stopped=is_written and not running,
        )

    def list_headlines(self, run: RunSummary) -> Headlines:
        """Return the title and the headline score of each experiment of a run that has one."""
        folder = self.find_run(run.name)
        changed = {
            path: path.stat().st_mtime_ns for path in folder.glob(f"*/seed-*/{run_folder.RECORD}")
        }
        key = (current_language(), run.name)
        if key not in self._headlines or self._headlines[key][0] != changed:
            contents = report.read_contents(folder, with_images=False)
            headlines = [(each.first.title, each.headline) for each in contents.sections]
            named = [(title, each) for title, each in headlines if each is not None]
            self._headlines[key] = changed, named
        return self._headlines[key][1]

    def _is_being_written(self, folder: Path) -> bool:
        """Return whether our own training writes the run, or a process holds its lock."""
        training = self.trainer.state()
        is_own = training["state"] == "running" and training["run"] == folder.name
        return is_own or is_locked(folder)

    def find_run(self, name: str) -> Path:
        """Return the folder of a run; the name is compared with those found, never made a path."""
        for folder in self.find_folders():
            if folder.name == name:
                return folder
        raise NotFound(_("there is no run of that name"))

    def close(self) -> None:
        """Stop the training and the loading of models."""
        self.trainer.stop()
        self.models.close()


def _explain(folder: Path, language: str) -> str:
    """Say why the record of a run cannot be read; empty where it can be."""
    with use_language(language):
        try:
            run_folder.read_run(folder)
        except EtabliError as error:
            return strip_paths(str(error))
    return ""
