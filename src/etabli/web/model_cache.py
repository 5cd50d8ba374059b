"""The trained models of the pages: of your runs, or shipped; loaded once, in the background.

A thread loads one model at a time, those of the open page first. When a newer run contains a model,
it replaces the loaded one as soon as it is loaded itself; where it cannot be loaded, its error is
shown and the next older run is tried.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etabli.core.errors import EtabliError
from etabli.core.i18n import LANGUAGES, _, use_language
from etabli.data.catalog.source import Source
from etabli.report import run_folder
from etabli.web.api import NotFound, NotReady, strip_paths

logger = logging.getLogger("etabli.web")
_MAX_OTHERS = 6  # models that are not the default ones of their pages


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk: its run, and the folder and record of the seed run that trained it."""

    run: Path
    folder: Path
    record: run_folder.SeedRun
    version: tuple[str, int]  # the folder and when its record was written; 0 of a shipped one

    @property
    def is_shipped(self) -> bool:
        return self.version[1] == 0


@dataclass(frozen=True)
class ModelSpec:
    """A model that a page needs: the experiment that trains it, its files, and how to load it.

    ``needs`` is the data set whose images a shipped net's page shows. A model of no experiment is
    found by ``find``, and its absence is not shown. Where the page has a menu of your runs, the
    shipped net may come first.
    """

    key: str
    experiment: str
    files: tuple[str, ...]
    load: Callable[[TrainedModel], object]
    needs: str = ""
    is_shipped_first: bool = False
    find: Callable[[], TrainedModel | None] | None = None


@dataclass(frozen=True)
class LoadError:
    """Why the model of a run could not be loaded."""

    run: str
    error: EtabliError

    def describe(self, is_replaced: bool) -> str:
        """Return the message, with the run's name where an older run's model is in use."""
        sentence = strip_paths(str(self.error))
        return f"{self.run}: {sentence}" if is_replaced else sentence


@dataclass
class Slot:
    """The state of one model: what was found, what is loaded, and why others could not be."""

    spec: ModelSpec
    state: str = (
        "missing"  # missing, absent (without an experiment), waiting, loading, ready, failed
    )
    found: TrainedModel | None = None
    loaded: TrainedModel | None = None
    model: object = None
    errors: dict[tuple[str, int], LoadError] = field(default_factory=dict)  # by version
    error: LoadError | None = None  # of a version newer than the loaded one

    def describe_error(self) -> str:
        return self.error.describe(self.model is not None) if self.error else ""


def find_trained(
    home: Path, spec: ModelSpec, shipped: Path | None = None
) -> Iterator[TrainedModel]:
    """Find the finished seed runs that have every file of the model, the best candidates first.

    Your runs, newest first. Where the folder ``shipped`` has a net that was trained on full data,
    and the data that its page shows are here, your runs on sample data come after it. Runs on other
    data than MNIST are left out: the page of the digits draws digits.
    """
    if spec.find is not None:
        yield from filter(None, [spec.find()])
        return
    own = find_shipped(shipped, spec) if shipped else None
    if own and spec.is_shipped_first:
        yield own
        own = None
    behind = []
    for run in run_folder.find_runs(home):
        try:
            found = find_in_run(run, spec)
        except (EtabliError, OSError):
            continue  # a corrupt record must not hide the other runs; its own page shows the error
        if found and own and found.record.data == "sample":
            behind.append(found)
        elif found:
            yield found
    yield from [own, *behind] if own else []


def find_shipped(shipped: Path, spec: ModelSpec) -> TrainedModel | None:
    """Return the shipped net of a model, if there is one and the data that it needs are here."""
    folder = run_folder.seed_run_folder(shipped, spec.experiment, 0)
    is_complete = all((folder / name).exists() for name in (run_folder.RECORD, *spec.files))
    if not is_complete or (spec.needs and not Source.full().path(spec.needs).is_dir()):
        return None
    return TrainedModel(shipped, folder, run_folder.read_seed_run(folder), (str(folder), 0))


def find_in_run(run: Path, spec: ModelSpec) -> TrainedModel | None:
    """Find the first finished seed run of a run that has every file of the model."""
    record = run_folder.read_run(run)
    for seed in record.seeds if spec.experiment in record.experiments else ():
        folder = run_folder.seed_run_folder(run, spec.experiment, seed)
        path = run_folder.record_path(folder)
        if path.exists() and all((folder / name).exists() for name in spec.files):
            seed_run = run_folder.read_seed_run(folder)
            if not (seed_run.interrupted or seed_run.is_other_data):
                version = (str(folder), path.stat().st_mtime_ns)
                return TrainedModel(run, folder, seed_run, version)
    return None


class ModelCache:
    """The models of all pages, and the thread that loads them."""

    def __init__(self, home: Path, specs: Iterable[ModelSpec], shipped: Path | None = None) -> None:
        self.home, self.shipped = Path(home), shipped
        self._slots = {spec.key: Slot(spec) for spec in specs}
        self._queue: list[str] = []
        self._others: dict[tuple[str, str], tuple[TrainedModel, Any]] = {}
        self._others_lock = threading.Lock()
        self._condition = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Search the runs folder, and queue every model that is newer than the loaded one."""
        for key, slot in self._slots.items():
            error = found = None
            for candidate in find_trained(self.home, slot.spec, self.shipped):
                if candidate.version not in slot.errors:
                    found = candidate
                    break
                error = error or slot.errors[candidate.version]
            with self._condition:
                slot.error = error
                if found is None:
                    if slot.model is None and slot.state not in ("loading", "waiting"):
                        missing = "absent" if slot.spec.find else "missing"
                        slot.state = "failed" if error else missing
                elif found.version not in (slot.found and slot.found.version, *slot.errors):
                    slot.found, slot.state = found, "waiting"
                    self._enqueue(key)

    def _enqueue(self, key: str) -> None:
        if key not in self._queue:
            self._queue.append(key)
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="model-loader", daemon=True)
            self._thread.start()
        self._condition.notify_all()

    def prioritize(self, keys: Iterable[str]) -> None:
        """Load the models of the page that was just opened before the others."""
        with self._condition:
            first = [key for key in keys if key in self._queue]
            self._queue = first + [key for key in self._queue if key not in first]

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closed:
                    self._condition.wait()
                if self._closed:
                    return
                slot = self._slots[self._queue.pop(0)]
                slot.state, found = "loading", slot.found
            if found is not None:
                self._load(slot, found)

    def _load(self, slot: Slot, found: TrainedModel) -> None:
        try:
            model = slot.spec.load(found)
        except EtabliError as error:
            self._reject(slot, found, error)
        except Exception:  # files of another version may raise anything in any library
            logger.exception("could not load %s", slot.spec.key)
            sentence = _("this model could not be loaded; train it again")
            self._reject(slot, found, EtabliError(sentence))
        else:
            with self._condition:
                slot.model, slot.loaded = model, found
                if slot.state == "loading":
                    slot.state = "ready"

    def _reject(self, slot: Slot, found: TrainedModel, error: EtabliError) -> None:
        """Keep the error, fall back to the loaded model, and search for an older one."""
        with self._condition:
            slot.errors[found.version] = slot.error = LoadError(found.run.name, error)
            if slot.state == "loading":
                slot.state = "failed"
                if slot.model is not None:
                    slot.found, slot.state = slot.loaded, "ready"
        self.refresh()

    def get(self, key: str) -> Any:
        """Return the loaded model. Raises ``NotReady`` while there is none."""
        slot = self._slots[key]
        if slot.model is not None:
            return slot.model
        if slot.state in ("waiting", "loading"):
            raise NotReady(_("the model is being loaded"), fix=_("It will be ready in a moment."))
        if slot.state == "failed":
            raise NotReady(slot.describe_error())
        raise NotReady(
            _("no trained model was found"),
            fix=_("Train one with: {command}").format(command=f"etabli run {slot.spec.experiment}"),
        )

    def find_all(self, key: str) -> list[TrainedModel]:
        """Find every trained model of a key, the one that is used by default first."""
        found = list(find_trained(self.home, self._slots[key].spec, self.shipped))
        current = {each.run.name: each.version for each in found}
        with self._others_lock:
            for other, (loaded, _model) in list(self._others.items()):
                if other[0] == key and current.get(other[1]) != loaded.version:
                    del self._others[other]  # it was trained again, or deleted
        return found

    def get_of_run(self, key: str, run: str) -> Any:
        """Return the model of the run of that name; the last few are kept.

        Raises:
            NotFound: There is no such run, or it has no such model.
        """
        slot = self._slots[key]
        if not run or (slot.loaded and slot.loaded.run.name == run):
            return self.get(key)
        with self._others_lock:
            if (key, run) not in self._others:
                candidates = find_trained(self.home, slot.spec, self.shipped)
                found = next((each for each in candidates if each.run.name == run), None)
                if found is None:
                    raise NotFound(_("there is no run of that name"))
                while len(self._others) >= _MAX_OTHERS:
                    del self._others[next(iter(self._others))]
                self._others[key, run] = (found, slot.spec.load(found))
            return self._others[key, run][1]

    def has(self, key: str) -> bool:
        """Return whether a model is loaded."""
        return self._slots[key].model is not None

    def state(self) -> dict[str, dict[str, object]]:
        """Return the state of each model and the run that it is from, as the pages show it."""
        return {key: _describe(slot) for key, slot in self._slots.items()}

    def close(self) -> None:
        """Stop the loading thread."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


def _describe(slot: Slot) -> dict[str, object]:
    problems = {}
    for language in LANGUAGES if slot.error else ():  # pages in all languages share this state
        with use_language(language):
            problems[language] = slot.describe_error()
    described: dict[str, object] = {
        "state": slot.state,
        "experiment": slot.spec.experiment,
        "problem": problems,
    }
    if slot.found is not None:
        described |= {"run": slot.found.run.name, "data": slot.found.record.data}
    return described
