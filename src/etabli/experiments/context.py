"""The context that a story works on: it hands out data, seeds and progress, and keeps what the story shows.

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
from etabli.core.i18n import TranslatableStr, _
from etabli.core.progress import Reporter, Silent, Step
from etabli.data.catalog.source import Source
from etabli.experiments.spec import ExperimentSpec
from etabli.metrics.score import Score
from etabli.report import run_folder
from etabli.training import checkpoint as checkpoints
from etabli.training.checkpoint import CHECKPOINTS_DIR, Checkpoint


class RunContext:
    """What one story with one seed works on. ``first`` says whether this seed draws the figures."""

    def __init__(
        self,
        experiment: ExperimentSpec,
        folder: Path,
        source: Source,
        seed: int,
        *,
        is_first_seed: bool = True,
        reporter: Reporter | None = None,
    ) -> None:
        self.experiment, self.folder, self.source = experiment, Path(folder), source
        self.seed, self.is_first_seed = seed, is_first_seed
        self.reporter = reporter or Silent()
        self.scores: dict[str, Score] = {}
        self.claims: list[run_folder.ClaimRecord] = []
        self.report_items: list[run_folder.Exhibit] = []
        self.sentences: dict[str, run_folder.Sentence] = {}
        self.is_comparable = True
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
        """A task with ``total`` steps: ``with context.progress("epochs", 20) as step: step(1, loss=0.3)``."""
        return self.reporter.task(_(label), total)

    def print_line(self, text: str) -> None:
        """A line on the terminal, not kept."""
        self.reporter.print_line(text)

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
        self.is_comparable = False

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
                measured=self.to_record(measured),
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
        self.report_items.append(
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
        self.report_items.append(
            run_folder.Exhibit(
                kind="table",
                key=key,
                title=self.heading(title),
                caption=self.heading(caption),
                columns=[self.heading(column) for column in columns],
                rows=[[self.to_record(_number(cell)) for cell in row] for row in rows],
            )
        )

    def note(self, text: str) -> None:
        """A paragraph of the report."""
        self.report_items.append(run_folder.Exhibit(kind="note", text=self.to_record(text)))

    def page(self, key: str, html: str, *, title: str, caption: str = "") -> None:
        """An HTML page of its own (an explorer, a gallery) that the report links to."""
        with atomic_write(self.folder / f"{key}.html") as stream:
            stream.write(html)
        shown = {"title": self.heading(title), "caption": self.heading(caption)}
        self.report_items.append(
            run_folder.Exhibit(kind="page", key=key, file=f"{key}.html", **shown)
        )

    def to_record(self, text: object) -> object:
        """A text as the record keeps it: in the language of the source, with its message beside it."""
        if not isinstance(text, TranslatableStr):
            return text
        if text:
            blanks = {name: self.to_record(piece) for name, piece in text.blanks.items()}
            self.sentences[text.source] = run_folder.Sentence(message=text.message, blanks=blanks)
        return text.source

    def heading(self, text: str) -> str:
        """A title, caption or column, which a reader looks up in the catalogue: only its blanks need keeping."""
        told = _(text)
        return self.to_record(told) if told.blanks else told.source

    # what is kept --------------------------------------------------------------------------------------------

    def save_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> Path:
        """Write arrays (weights, points) as ``<name>.safetensors``."""
        from safetensors.numpy import save

        path = self.folder / f"{name}.safetensors"
        with atomic_write(path, "wb") as stream:
            stream.write(save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))
        return path

    def path(self, name: str) -> Path:
        """The path of a file of this piece (a model), for those who write it themselves, in one step."""
        return self.folder / name

    def checkpoint_path(self, *key: object) -> Path:
        """The file of a training under way, its name a hash of ``key``: all that makes two trainings different.

        It survives an interruption of the story, and goes when the piece is finished.
        """
        return checkpoints.checkpoint_path(self.folder / CHECKPOINTS_DIR, self.seed, *key)

    def checkpoint(self, *key: object) -> Checkpoint:
        """The memory of the training of this key, as an interrupted story left it."""
        return Checkpoint(self.checkpoint_path(*key))

    def resume(self, memory: Checkpoint, step: Step, curve: str = "") -> None:
        """Show how far a memory had come: its rows are logged again, the progress moves on."""
        for row in memory.rows if curve else ():
            self.log(curve, **row)
        if memory.done:
            step(memory.done)

    def log_and_checkpoint(self, memory: Checkpoint, curve: str, **row: float) -> None:
        """Append a row to a history and to what a memory will keep."""
        memory.rows.append({key: _number(value) for key, value in row.items()})
        if curve:
            self.log(curve, **row)

    def cached(self, name: str, key: object, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        """Arrays that depend on ``key`` alone: computed once, then read from the cache."""
        return cache.cached_arrays(name, key, compute)


def _number(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
