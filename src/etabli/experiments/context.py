"""The bench that a story works on: it hands out data, seeds and progress, and keeps what the story shows.

A story calls it from top to bottom; everything lands in the folder of its piece at once, so that a web page can
follow and nothing is lost on an interruption.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from etabli.core import cache
from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting
from etabli.core.i18n import Told, _
from etabli.core.progress import Reporter, Silent, Step
from etabli.data.catalog.source import Source
from etabli.experiments.spec import Experiment
from etabli.metrics.score import Score
from etabli.report import run_folder
from etabli.training.checkpoint import UNFINISHED, Memory, path_of


class Bench:
    """What one story with one seed works on. ``first`` says whether this seed draws the figures."""

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        source: Source,
        seed: int,
        *,
        first: bool = True,
        reporter: Reporter | None = None,
    ) -> None:
        self.experiment, self.folder, self.source = experiment, Path(folder), source
        self.seed, self.first = seed, first
        self.reporter = reporter or Silent()
        self.scores: dict[str, Score] = {}
        self.claims: list[run_folder.ClaimRecord] = []
        self.exhibits: list[run_folder.Exhibit] = []
        self.sentences: dict[str, run_folder.Sentence] = {}
        self.comparable = True
        self._clear()

    @property
    def is_sample(self) -> bool:
        return self.source.kind == "sample"

    def _clear(self) -> None:
        """Forget what a former attempt showed; checkpoints and models stay, so that a training can resume."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "piece.json").unlink(missing_ok=True)
        for curve in self.folder.glob("*.jsonl"):
            curve.unlink()
        shutil.rmtree(self.folder / "figures", ignore_errors=True)

    # progress ------------------------------------------------------------------------------------------------

    def progress(self, label: str, total: float | None = None) -> AbstractContextManager[Step]:
        """A task with ``total`` steps: ``with bench.progress("epochs", 20) as step: step(1, loss=0.3)``."""
        return self.reporter.task(_(label), total)

    def say(self, text: str) -> None:
        """A line on the terminal, not kept."""
        self.reporter.say(text)

    # numbers -------------------------------------------------------------------------------------------------

    def score(self, name: str, score: Score) -> None:
        """Keep a number with its recipe; one that is not finite is refused."""
        if not np.isfinite(score.value):
            raise BadSetting(
                _("the score {name} came out as {value}").format(name=name, value=score.value),
                fix=_("The training diverged: try a lower rate."),
            )
        self.scores[name] = score

    def withhold_published(self) -> None:
        """Say that this run stands in for the published one: nothing published is set beside its scores."""
        self.comparable = False

    def log(self, curve: str, **row: float) -> None:
        """Append a row to a history; it is on disk when this returns."""
        with (self.folder / f"{curve}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({key: _number(value) for key, value in row.items()}) + "\n")

    def history(self, curve: str) -> list[dict[str, float]]:
        """The rows logged so far."""
        return run_folder.read_curve(self.folder, curve)

    def claim(self, key: str, verdict: str, measured: str) -> None:
        """Say whether a claim of the card holds, and what was measured."""
        known = {claim.key: claim for claim in self.experiment.claims}
        if key not in known:
            raise KeyError(f"{self.experiment.name} has no claim {key!r} on its card")
        claim = known[key]
        self.claims.append(
            run_folder.ClaimRecord(
                key=key,
                says=self.heading(claim.says),
                where=self.heading(claim.where),
                verdict=verdict,
                measured=self.written(measured),
            )
        )

    # exhibits ------------------------------------------------------------------------------------------------

    @contextmanager
    def figure(
        self,
        key: str,
        *,
        title: str,
        caption: str = "",
        number: str = "",
        panels: tuple[int, int] = (1, 1),
        size: tuple[float, float] = (7.0, 4.5),
        image: str = "svg",
    ) -> Iterator[object]:
        """Axes to draw on (one, or a flat array of ``panels``), saved when the block ends.

        ``number`` is the figure of the lab report that this one answers to; ``image="png"`` for many thousand points.
        """
        from etabli.viz.style import new_figure, save

        figure, axes = new_figure(panels, size)
        yield axes
        path = self.folder / "figures" / f"{key}.{image}"
        with atomic_write(path, "wb") as stream:
            save(figure, stream, image)
        self.exhibits.append(
            run_folder.Exhibit(
                kind="figure",
                key=key,
                title=self.heading(title),
                caption=self.heading(caption),
                number=number,
                file=f"figures/{path.name}",
            )
        )

    def table(
        self,
        key: str,
        *,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        caption: str = "",
    ) -> None:
        """A table of the report; numbers stay numbers."""
        self.exhibits.append(
            run_folder.Exhibit(
                kind="table",
                key=key,
                title=self.heading(title),
                caption=self.heading(caption),
                columns=[self.heading(column) for column in columns],
                rows=[[self.written(_number(cell)) for cell in row] for row in rows],
            )
        )

    def note(self, text: str) -> None:
        """A paragraph of the report."""
        self.exhibits.append(run_folder.Exhibit(kind="note", text=self.written(text)))

    def page(self, key: str, html: str, *, title: str, caption: str = "") -> None:
        """An HTML page of its own (an explorer, a gallery) that the report links to."""
        with atomic_write(self.folder / f"{key}.html") as stream:
            stream.write(html)
        shown = {"title": self.heading(title), "caption": self.heading(caption)}
        self.exhibits.append(run_folder.Exhibit(kind="page", key=key, file=f"{key}.html", **shown))

    def written(self, text: object) -> object:
        """A text as the record keeps it: in the language of the source, with its message beside it."""
        if not isinstance(text, Told):
            return text
        if text:
            blanks = {name: self.written(piece) for name, piece in text.blanks.items()}
            self.sentences[text.source] = run_folder.Sentence(message=text.message, blanks=blanks)
        return text.source

    def heading(self, text: str) -> str:
        """A title, caption or column, which a reader looks up in the catalogue: only its blanks need keeping."""
        told = _(text)
        return self.written(told) if told.blanks else told.source

    # what is kept --------------------------------------------------------------------------------------------

    def keep(self, name: str, arrays: dict[str, np.ndarray]) -> Path:
        """Write arrays (weights, points) as ``<name>.safetensors``."""
        from safetensors.numpy import save

        path = self.folder / f"{name}.safetensors"
        with atomic_write(path, "wb") as stream:
            stream.write(save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))
        return path

    def path(self, name: str) -> Path:
        """The path of a file of this piece (a model), for those who write it themselves, in one step."""
        return self.folder / name

    def training(self, *key: object) -> Path:
        """The file of a training under way, its name a hash of ``key``: all that makes two trainings different.

        It survives an interruption of the story, and goes when the piece is finished.
        """
        return path_of(self.folder / UNFINISHED, self.seed, *key)

    def memory(self, *key: object) -> Memory:
        """The memory of the training of this key, as an interrupted story left it."""
        return Memory(self.training(*key))

    def go_on(self, memory: Memory, step: Step, curve: str = "") -> None:
        """Show how far a memory had come: its rows are logged again, the progress moves on."""
        for row in memory.rows if curve else ():
            self.log(curve, **row)
        if memory.done:
            step(memory.done)

    def log_kept(self, memory: Memory, curve: str, **row: float) -> None:
        """Append a row to a history and to what a memory will keep."""
        memory.rows.append({key: _number(value) for key, value in row.items()})
        if curve:
            self.log(curve, **row)

    def cached(self, name: str, key: object, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        """Arrays that depend on ``key`` alone: computed once, then read from the cache."""
        return cache.arrays(name, key, compute)


def _number(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
