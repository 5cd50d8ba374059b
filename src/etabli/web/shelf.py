"""The trained models that the pages play with: found in the runs folder, loaded once, in the background.

A thread loads one tool at a time, the one asked for first; meanwhile the page shows that it is on its way. When a
newer run holds the model, it is loaded beside the old one and takes its place.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from etabli import runs
from etabli.errors import Refusal
from etabli.i18n import _
from etabli.web.endpoint import NotReady, without_paths

log = logging.getLogger("etabli.web")


@dataclass(frozen=True)
class Found:
    """Where a model lies: the run, the piece that trained it, and the files of that piece."""

    run: Path
    piece: Path
    record: runs.Piece

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
    """The place of a tool on the shelf."""

    tool: Tool
    state: str = "missing"  # missing, waiting, loading, ready, failed
    found: Found | None = None
    stamp: object = None
    thing: object = None
    problem: str = ""
    changed: threading.Event = field(default_factory=threading.Event)


def newest(home: Path, tool: Tool) -> Found | None:
    """The newest finished piece under the runs folder that has every file of the tool."""
    for run in runs.find_runs(home):
        try:
            found = _in_run(run, tool)
        except (Refusal, OSError):
            continue  # a broken record of one run does not hide the others; its own page tells
        if found:
            return found
    return None


def _in_run(run: Path, tool: Tool) -> Found | None:
    record = runs.read_run(run)
    if tool.experiment not in record.experiments:
        return None
    for seed in record.seeds:
        piece = runs.piece_folder(run, tool.experiment, seed)
        if (piece / "piece.json").exists() and all((piece / name).exists() for name in tool.files):
            known = runs.read_piece(piece)
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
            found = newest(self.home, place.tool)
            with self._lock:
                if found is None:
                    if place.thing is None and place.state not in ("loading", "waiting"):
                        place.state = "missing"
                elif found.stamp != place.stamp:
                    place.found, place.stamp, place.state = found, found.stamp, "waiting"
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
                place.state, found = "loading", place.found
            self._load(place, found)

    def _load(self, place: Place, found: Found) -> None:
        thing, problem = None, ""
        try:
            thing = place.tool.load(found)
        except Refusal as refusal:
            problem = without_paths(str(refusal))
        except Exception:  # a file of another version can fail in any library; the page says so and lives on
            log.exception("could not load %s", place.tool.key)
            problem = _("this model could not be loaded; train it again")
        with self._lock:
            place.problem = problem
            place.thing = thing if thing is not None else place.thing
            if place.state == "loading":
                place.state = "failed" if thing is None else "ready"
            place.changed.set()

    def get(self, key: str) -> object:
        """The loaded tool; refuses with a sentence while there is none."""
        place = self._places[key]
        if place.thing is not None:
            return place.thing
        if place.state in ("waiting", "loading"):
            raise NotReady(_("the model is being loaded"), fix=_("It will answer in a moment."))
        if place.state == "failed":
            raise NotReady(place.problem)
        raise NotReady(
            _("no trained model was found"),
            fix=_("Train one with: {command}").format(command=f"etabli run {place.tool.experiment}"),
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
    told: dict[str, object] = {"state": place.state, "experiment": place.tool.experiment, "problem": place.problem}
    if place.found is not None:
        record = place.found.record
        told |= {"run": place.found.run.name, "data": record.data}
    return told
