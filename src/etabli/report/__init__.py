"""Reports: run folders become one HTML page that opens without a network."""

import base64
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _, current_language
from etabli.core.version import __version__
from etabli.report import comparison, numbers, run_folder
from etabli.report.claims import ClaimSummary, summarize_claims
from etabli.report.run_folder import Problem, ReportItem, Run, ScoreSummary, SeedRun

HOME = Path(__file__).parent
_LARGE_IMAGE = 60_000  # bytes of a PNG
Keeps = Callable[[Path, SeedRun, ReportItem], bool]
"""Whether a page shows an item, by its folder and its seed run."""


class Shown(NamedTuple):
    """An item of a report as the page shows it.

    ``source`` is a data URL for an image, or the link to a page; ``size`` is the width and height
    of an image; ``is_drawing`` holds for a chart without photographs, which dark mode inverts.
    """

    item: ReportItem
    source: str = ""
    size: tuple[int, int] | None = None
    is_drawing: bool = False


@dataclass(frozen=True)
class Section:
    """An experiment of a run: all its seeds, and the report items of the first."""

    first: SeedRun
    seed_runs: list[SeedRun]
    summaries: list[ScoreSummary]
    shown: list[Shown]

    @property
    def practical(self) -> str:
        """The first part of the experiment's name: ``tp1`` of ``tp1.mlp``."""
        return self.first.experiment.partition(".")[0]

    @property
    def headline(self) -> ScoreSummary | None:
        """The score that sums up the experiment; the first where it names none."""
        named = (each for each in self.summaries if each.score == self.first.headline)
        return next(named, self.summaries[0] if self.summaries else None)

    @property
    def verdicts(self) -> dict[str, int]:
        """How many claims of the lab report have each verdict."""
        return dict(Counter(claim.verdict for claim in self.claims))

    @property
    def claims(self) -> list[ClaimSummary]:
        """The claims of the lab report, evaluated over all seeds."""
        return summarize_claims(self.seed_runs)


@dataclass(frozen=True)
class RunContents:
    """All that a page shows of a run; ``problems`` are records that cannot be read."""

    folder: Path
    record: Run
    sections: list[Section]
    summaries: list[ScoreSummary]
    problems: list[Problem]

    @property
    def numbered(self) -> list[tuple[str, str, ReportItem]]:
        """Number, experiment and item of what reproduces a figure of the lab report, in order."""
        found = [
            (item.number, section.first.experiment, item)
            for section in self.sections
            for item in section.first.report_items
            if item.number
        ]
        return sorted(found, key=lambda each: int(each[0]) if each[0].isdigit() else 0)

    @property
    def practicals(self) -> list[tuple[str, list[Section]]]:
        """The sections, grouped by practical."""
        groups = groupby(self.sections, key=lambda each: each.practical)
        return [(name, list(group)) for name, group in groups]


def write_report(runs: Path | Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one run, or the comparison of several; return the path.

    Args:
        runs: A run folder, or several.
        out: The HTML file (default: ``report.html`` in the folder of the run, ``comparison.html``
            next to the first of several).
    """
    folders = [Path(runs)] if isinstance(runs, str | Path) else [Path(each) for each in runs]
    first = folders[0]
    path = out or (first / "report.html" if len(folders) == 1 else first.parent / "comparison.html")
    text = render_report(folders)
    with atomic_write(path) as stream:
        stream.write(text)
    return path


def is_report(path: Path) -> bool:
    """Return whether a file is a page that Établi wrote."""
    try:
        with path.open("rb") as stream:
            return b'<meta name="generator" content="etabli">' in stream.read(2000)
    except OSError:
        return False


def render_report(folders: Sequence[Path], back: str = "", keep: Keeps | None = None) -> str:
    """Render one run, or a comparison of several, as HTML in the current language.

    ``back`` is the address of the page to go back to; a file has none. ``keep`` says of each item,
    by its folder and seed run, whether it is shown.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HOME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(
        _=_,
        numbers=numbers,
        comparison=comparison,
        version=__version__,
        language=current_language(),
    )
    name = "report.html" if len(folders) == 1 else "comparison.html"
    style = (HOME / "templates" / "style.css").read_text(encoding="utf-8")
    return environment.get_template(name).render(
        runs=[read_contents(folder, keep=keep) for folder in folders], style=style, back=back
    )


def read_contents(run: Path, *, with_images: bool = True, keep: Keeps | None = None) -> RunContents:
    """Read all that a page shows of a run, in the current language; images are optional."""
    record = run_folder.read_run(run)
    found, problems = run_folder.read_seed_runs(run)
    summaries = run_folder.summarize_scores(run)
    sections = []
    for name in record.experiments:
        own = [(folder, each) for folder, each in found if each.experiment == name]
        if own:
            folder, first = own[0]
            sections.append(
                Section(
                    first,
                    [each for _folder, each in own],
                    [each for each in summaries if each.experiment == name],
                    [
                        _show(Path(run), folder, item)
                        for item in first.report_items
                        if with_images and (keep is None or keep(folder, first, item))
                    ],
                )
            )
    return RunContents(Path(run), record, sections, summaries, problems)


def _show(run: Path, folder: Path, item: ReportItem) -> Shown:
    path = folder / item.file
    if item.kind == "page":
        return Shown(item, path.relative_to(run).as_posix())
    if item.kind != "figure" or not path.exists():
        return Shown(item)
    try:
        return _embed_svg(item, path) if path.suffix == ".svg" else _embed_pixels(item, path)
    except (OSError, ValueError, SyntaxError):  # a broken figure costs that figure only
        return Shown(item)


def measure_figure(path: Path) -> tuple[tuple[int, int] | None, bool]:
    """Return width and height of a figure, and whether it is a drawing; None for a broken file."""
    try:
        return _measure(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, SyntaxError):  # the last: of a PNG that is cut off
        return None, False


@lru_cache(maxsize=1000)
def _measure(path: Path, _changed: int) -> tuple[tuple[int, int] | None, bool]:
    from PIL import Image

    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size, False
    text = path.read_text(encoding="utf-8")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    size = (round(float(box[1]) * 4 / 3), round(float(box[2]) * 4 / 3)) if box else None
    return size, "<image" not in text


def _embed_svg(item: ReportItem, path: Path) -> Shown:
    """Embed a drawing as text: base64 would make it a third larger."""
    text = re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))
    source = "data:image/svg+xml," + quote(text, safe=" =:/;,'()!*@$&+?")
    return Shown(item, source, *measure_figure(path))


def _embed_pixels(item: ReportItem, path: Path) -> Shown:
    """Embed an image; a large one as WebP, at a fifth of the size of a PNG with photographs."""
    import io

    from PIL import Image

    raw, kind = path.read_bytes(), "png"
    with Image.open(io.BytesIO(raw)) as image:
        size = image.size
        if len(raw) > _LARGE_IMAGE:
            stream = io.BytesIO()
            image.save(stream, "webp", quality=88)
            raw, kind = stream.getvalue(), "webp"
    return Shown(item, f"data:image/{kind};base64,{base64.b64encode(raw).decode()}", size)
