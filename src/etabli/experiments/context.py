"""The context of a seed run: it hands out data, seeds and progress, and records what is shown.

Everything is written to the folder of the seed run at once, so that a web page can follow and
nothing is lost on an interruption.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core import cache
from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting
from etabli.core.i18n import TranslatableStr, _
from etabli.core.progress import Reporter, Silent, Step
from etabli.data.catalog.source import Source
from etabli.data.formats.known_sets import Identity
from etabli.experiments.spec import ExperimentSpec
from etabli.metrics.score import Score
from etabli.report import numbers, run_folder
from etabli.report.live import LiveProgress
from etabli.report.run_folder import ClaimRecord, ReportItem
from etabli.training import checkpoint as checkpoints
from etabli.training.checkpoint import CHECKPOINTS_DIR, Checkpoint


class RunContext:
    """What one experiment with one seed works on.

    Args:
        experiment: The specification of the experiment.
        folder: The folder of the seed run; what an earlier attempt showed is removed from it.
        source: Sample or full data.
        seed: The seed of everything random.
        is_first_seed: Whether this seed draws the figures of the report.
        reporter: Where progress is shown (default: nowhere).
        digits: What is in the place of MNIST, for experiments that read it.
        live: Where the progress is written for pages that follow it (default: nowhere).
    """

    def __init__(
        self,
        experiment: ExperimentSpec,
        folder: Path,
        source: Source,
        seed: int,
        *,
        is_first_seed: bool = True,
        reporter: Reporter | None = None,
        digits: Identity | None = None,
        live: LiveProgress | None = None,
    ) -> None:
        self.experiment, self.folder, self.source = experiment, Path(folder), source
        self.seed, self.is_first_seed = seed, is_first_seed
        self.reporter = reporter or Silent()
        self.live = live or LiveProgress(folder)
        self.scores: dict[str, Score] = {}
        self.claims: list[ClaimRecord] = []
        self.report_items: list[ReportItem] = []
        self.digits = digits
        self.is_comparable = not self.is_other_data
        self.data = set(() if self.is_sample or self.is_other_data else experiment.data)
        self._remove_shown()

    @property
    def is_sample(self) -> bool:
        return self.source.kind == "sample"

    @property
    def is_other_data(self) -> bool:
        """Whether other data than MNIST are in its place, of which the lab report says nothing."""
        return not (self.is_sample or self.digits is None or self.digits.is_mnist)

    def _remove_shown(self) -> None:
        """Remove what an earlier attempt showed; checkpoints and models stay, to resume from."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (run_folder.RECORD, run_folder.RECORD_OF_0_1):
            (self.folder / name).unlink(missing_ok=True)
        for curve in self.folder.glob("*.jsonl"):
            curve.unlink()
        shutil.rmtree(self.folder / "figures", ignore_errors=True)

    # progress ------------------------------------------------------------------------------------

    @contextmanager
    def progress(
        self, label: str, total: float | None = None, *, is_epochs: bool = False
    ) -> Iterator[Step]:
        """Start a task: ``with context.progress("net", 20) as step: step(1, loss=0.3)``.

        ``is_epochs``: the steps are epochs, of which training loops report parts.
        """
        with (
            self.reporter.task(_(label), total) as shown,
            self.live.task(shown, _(label), total, is_epochs) as step,
        ):
            yield step

    def print_line(self, text: str) -> None:
        """Print a line on the terminal; it is not recorded."""
        self.reporter.print_line(text)

    # numbers -------------------------------------------------------------------------------------

    def score(self, name: str, score: Score) -> None:
        """Record a score with its recipe; raise ``BadSetting`` if it is not finite.

        A score that is undefined, for a reason that its recipe says, is recorded without a value.
        """
        if not np.isfinite(score.value) and not score.is_undefined:
            raise BadSetting(
                _("the score {name} is {value}").format(name=name, value=score.value),
                fix=_("The training diverged: try a lower learning rate."),
            )
        self.scores[name] = score

    def withhold_published(self) -> None:
        """Omit the published values: this run is not comparable with them."""
        self.is_comparable = False

    def log(self, curve: str, **row: float) -> None:
        """Append a row to a history; it is on disk when this returns."""
        with (self.folder / f"{curve}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({key: _plain(value) for key, value in row.items()}) + "\n")

    def history(self, curve: str) -> list[dict[str, float]]:
        """Return the rows logged so far."""
        return run_folder.read_curve(self.folder, curve)

    def claim(self, key: str, measured: str, **values: float) -> None:
        """Record a claim with its verdict, which its conditions reach from the measured values.

        On sample data, and on other data than those that it is about, it is not evaluated.

        Args:
            key: The claim, by its name in the specification.
            measured: What was measured, in a sentence.
            **values: The values that the conditions of the claim name.
        """
        claim = next((each for each in self.experiment.claims if each.key == key), None)
        if claim is None:
            raise KeyError(f"{self.experiment.name} has no claim {key!r}")
        verdict = claim.evaluate({name: float(value) for name, value in values.items()})
        is_about = not self.is_other_data and self.data.issuperset(claim.data)
        self.claims.append(
            ClaimRecord(
                key=key,
                says=_(claim.says),
                where=_(claim.where),
                about=claim.is_about,
                condition=claim.condition,
                verdict=verdict if is_about and not self.is_sample else "not_evaluated",
                measured="" if self.is_other_data else measured,
            )
        )

    # report items --------------------------------------------------------------------------------

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
    ) -> Iterator[Any]:
        """Yield axes to draw on; the figure is saved when the block ends.

        Args:
            key: Name of the file, without its suffix.
            title: Title, for the report.
            caption: Sentences below the figure.
            number: The figure of the lab report that this one reproduces.
            panels: Rows and columns; with more than one panel a flat array of axes is yielded.
            size: Width and height in inches.
            image: ``"svg"``, or ``"png"`` for many thousand points.
        """
        from etabli.viz.style import create_figure, save_figure

        figure, axes = create_figure(panels, size)
        yield axes
        path = self.folder / "figures" / f"{key}.{image}"
        with atomic_write(path, "wb") as stream:
            save_figure(figure, stream, image)
        self._add("figure", key, title, caption, number=number, file=f"figures/{path.name}")

    def table(
        self,
        key: str,
        *,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        caption: str = "",
        number: str = "",
        shares: Sequence[int] | None = None,
    ) -> None:
        """Add a table to the report; numbers stay numbers.

        Args:
            key: Name of the table.
            title: Title, for the report.
            columns: Headings.
            rows: Cells.
            caption: Sentences below the table.
            number: The figure of the lab report that this table reproduces.
            shares: The columns of shares, which are shown in percent (default: those whose heading
                names a score that is a share).
        """
        if shares is None:
            shares = [place for place, each in enumerate(columns) if _names_share(each)]
        self._add(
            *("table", key, title, caption),
            number=number,
            columns=[_(each) for each in columns],
            rows=[[_plain(cell) for cell in row] for row in rows],
            shares=list(shares),
        )

    def note(self, text: str) -> None:
        """Add a paragraph to the report."""
        self.report_items.append(ReportItem(kind="note", text=text))

    def note_edges(self, chosen: Mapping[str, tuple[float, Sequence[float]]]) -> None:
        """Say which chosen values are the least or the greatest of those to choose from.

        Args:
            chosen: Name -> the value, and the values that it was chosen from.
        """
        at_edge = [
            f"{name} = {value:g}"
            for name, (value, grid) in chosen.items()
            if len(grid) > 1 and value in (min(grid), max(grid))
        ]
        if at_edge:
            text = _(
                "Chosen at the edge of the candidate values, so values beyond it may be "
                "better: {names}."
            )
            self.note(text.format(names=", ".join(at_edge)))

    def page(self, key: str, html: str, *, title: str, caption: str = "") -> None:
        """Add an HTML page (an explorer, a gallery) that the report links to."""
        with atomic_write(self.folder / f"{key}.html") as stream:
            stream.write(html)
        self._add("page", key, title, caption, file=f"{key}.html")

    def _add(self, kind: Any, key: str, title: str, caption: str, **more: Any) -> None:
        item = ReportItem(kind=kind, key=key, title=_(title), caption=_(caption), **more)
        self.report_items.append(item)

    # files ---------------------------------------------------------------------------------------

    def save_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> Path:
        """Write arrays (weights, points) as ``<name>.safetensors``; return the path."""
        from safetensors.numpy import save

        path = self.folder / f"{name}.safetensors"
        with atomic_write(path, "wb") as stream:
            stream.write(save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))
        return path

    def path(self, name: str) -> Path:
        """Return the path of a file of this seed run, for callers that write it in one step."""
        return self.folder / name

    def checkpoint_path(self, *key: object) -> Path:
        """Return the checkpoint file of a training; ``key`` is all that distinguishes trainings.

        The file survives an interruption and is removed when the seed run is finished.
        """
        return checkpoints.checkpoint_path(self.folder / CHECKPOINTS_DIR, self.seed, *key)

    def checkpoint(self, *key: object) -> Checkpoint:
        """Return the checkpoint of the training of this key, as an interruption left it."""
        return Checkpoint(self.checkpoint_path(*key))

    def resume(self, checkpoint: Checkpoint, step: Step, curve: str = "") -> None:
        """Show how far a checkpoint had come: log its rows again and move the progress on."""
        for row in checkpoint.rows if curve else ():
            self.log(curve, **row)
        if checkpoint.epoch:
            step(checkpoint.epoch)

    def log_and_checkpoint(self, checkpoint: Checkpoint, curve: str, **row: float) -> None:
        """Append a row to a history and to the rows that a checkpoint keeps."""
        checkpoint.rows.append({key: _plain(value) for key, value in row.items()})
        if curve:
            self.log(curve, **row)

    def cached(self, name: str, key: object, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        """Return arrays that depend on ``key`` alone, from the cache if it has them."""
        return cache.load_or_compute(name, key, compute)


def _names_share(heading: str) -> bool:
    """Return whether the heading of a column names a score that is a share."""
    text = heading.source if isinstance(heading, TranslatableStr) else heading
    return numbers.is_share(text.replace(" ", "_")) or text == "F1"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
