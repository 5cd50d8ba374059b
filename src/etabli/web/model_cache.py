"""The trained models that the pages play with: found in the runs folder, loaded once, in the background.

A thread loads one tool at a time, the one asked for first; meanwhile the page shows that it is on its way. When a
newer run holds the model, it is loaded beside the old one and takes its place; one that cannot be loaded is told, and
the next older one is tried.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from etabli.core.errors import EtabliError
from etabli.core.i18n import LANGUAGES, _, use_language
from etabli.report import run_folder
from etabli.web.api import NotReady, without_paths

log = logging.getLogger("etabli.web")


@dataclass(frozen=True)
class Found:
    """Where a model lies: the run, the piece that trained it, and the files of that piece."""

    run: Path
    piece: Path
    record: run_folder.SeedRun

    @property
    def stamp(self) -> tuple[str, int]:
        """Changes when the piece is trained anew."""
        return str(self.piece), (self.piece / "piece.json").stat().st_mtime_ns


@dataclass(frozen=True)
class Tool:
    """Something to play with: which experiment trains it, the files that it needs, and how it is loaded."""

    key: str
    experiment: str
    files: tuple[str, ...]
    load: Callable[[Found], object]


@dataclass
class Place:
    """The place of a tool on the shelf: what is wanted or there, and why what was found could not be loaded."""

    tool: Tool
    state: str = "missing"  # missing, waiting, loading, ready, failed
    found: Found | None = None
    stamp: object = None
    thing: object = None
    thing_from: tuple[Found | None, object] = (None, None)
    refused: dict[object, tuple[str, EtabliError]] = field(
        default_factory=dict
    )  # by stamp: the run, and why
    problem: tuple[str, EtabliError] | None = None  # of what is newer than the thing


def newest(home: Path, tool: Tool) -> Found | None:
    """The newest finished piece under the runs folder that has every file of the tool."""
    return next(all_found(home, tool), None)


def all_found(home: Path, tool: Tool) -> Iterator[Found]:
    """The finished pieces that have every file of the tool, one a run, the newest first."""
    for run in run_folder.find_runs(home):
        try:
            found = _in_run(run, tool)
        except (EtabliError, OSError):
            continue  # a broken record of one run does not hide the others; its own page tells
        if found:
            yield found


def _in_run(run: Path, tool: Tool) -> Found | None:
    record = run_folder.read_run(run)
    if tool.experiment not in record.experiments:
        return None
    for seed in record.seeds:
        piece = run_folder.seed_run_folder(run, tool.experiment, seed)
        if (piece / "piece.json").exists() and all((piece / name).exists() for name in tool.files):
            known = run_folder.read_seed_run(piece)
            if not known.interrupted:
                return Found(run, piece, known)
    return None


class Shelf:
    """The tools, and the thread that loads them."""

    def __init__(self, home: Path, tools: Iterable[Tool]) -> None:
        self.home = Path(home)
        self._places = {tool.key: Place(tool) for tool in tools}
        self._wanted: list[str] = []
        self._lock = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """See what the runs folder holds now, and want what is newer than what is loaded."""
        for key, place in self._places.items():
            problem = None
            for found in all_found(self.home, place.tool):
                stamp = found.stamp
                if stamp not in place.refused:
                    break
                problem = problem or place.refused[stamp]
            else:
                found, stamp = None, None
            with self._lock:
                place.problem = problem
                if found is None:
                    if place.thing is None and place.state not in ("loading", "waiting"):
                        place.state = "failed" if problem else "missing"
                elif stamp != place.stamp and stamp not in place.refused:
                    place.found, place.stamp, place.state = found, stamp, "waiting"
                    self._want(key)

    def _want(self, key: str) -> None:
        if key not in self._wanted:
            self._wanted.append(key)
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="etabli-shelf", daemon=True)
            self._thread.start()
        self._lock.notify_all()

    def hurry(self, keys: Iterable[str]) -> None:
        """Somebody opened the page of these tools: load them before the others."""
        with self._lock:
            first = [key for key in keys if key in self._wanted]
            self._wanted = first + [key for key in self._wanted if key not in first]

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._wanted and not self._closed:
                    self._lock.wait()
                if self._closed:
                    return
                place = self._places[self._wanted.pop(0)]
                place.state, found, stamp = "loading", place.found, place.stamp
            self._load(place, found, stamp)

    def _load(self, place: Place, found: Found, stamp: object) -> None:
        try:
            thing = place.tool.load(found)
        except EtabliError as refusal:
            self._refuse(place, found, stamp, refusal)
        except (
            Exception
        ):  # a file of another version can fail in any library; the page says so and lives on
            log.exception("could not load %s", place.tool.key)
            self._refuse(
                place,
                found,
                stamp,
                EtabliError(_("this model could not be loaded; train it again")),
            )
        else:
            with self._lock:
                place.thing, place.thing_from = thing, (found, stamp)
                if place.state == "loading":
                    place.state = "ready"

    def _refuse(self, place: Place, found: Found, stamp: object, refusal: EtabliError) -> None:
        """Note why, go back to the thing that is there, and look for an older one where there is none."""
        with self._lock:
            place.refused[stamp] = place.problem = (found.run.name, refusal)
            if place.state == "loading" and place.thing is not None:
                (place.found, place.stamp), place.state = place.thing_from, "ready"
            elif place.state == "loading":
                place.state = "failed"
        self.look()

    def get(self, key: str) -> object:
        """The loaded tool; refuses with a sentence while there is none."""
        place = self._places[key]
        if place.thing is not None:
            return place.thing
        if place.state in ("waiting", "loading"):
            raise NotReady(_("the model is being loaded"), fix=_("It will answer in a moment."))
        if place.state == "failed":
            raise NotReady(_sentence(place.problem, place.thing))
        raise NotReady(
            _("no trained model was found"),
            fix=_("Train one with: {command}").format(
                command=f"etabli run {place.tool.experiment}"
            ),
        )

    def has(self, key: str) -> bool:
        return self._places[key].thing is not None

    def state(self) -> dict[str, dict[str, object]]:
        """Each tool's state and where its model came from, for the page."""
        return {key: _told(place) for key, place in self._places.items()}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.notify_all()


def _told(place: Place) -> dict[str, object]:
    told: dict[str, object] = {
        "state": place.state,
        "experiment": place.tool.experiment,
        "problem": {},
    }
    problem, thing = place.problem, place.thing
    for language in (
        LANGUAGES if problem else ()
    ):  # all pages share one state, each reads its own language
        with use_language(language):
            told["problem"][language] = _sentence(problem, thing)
    if place.found is not None:
        record = place.found.record
        told |= {"run": place.found.run.name, "data": record.data}
    return told


def _sentence(problem: tuple[str, EtabliError], thing: object) -> str:
    """The problem, and whose it is where an older run stands in."""
    run, refusal = problem
    sentence = without_paths(str(refusal))
    return sentence if thing is None else f"{run}: {sentence}"
