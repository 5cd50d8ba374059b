"""Reports: run folders become one HTML page that opens without a network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _, current_language
from etabli.core.version import __version__
from etabli.report import numbers, run_folder
from etabli.report.run_folder import ReportItem, Run, ScoreSummary, SeedRun

HOME = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """An experiment of a run: all its seeds, and the report items of the first.

    ``shown`` holds each item with the source of its image (a data URL) or the link to its page.
    """

    first: SeedRun
    seed_runs: list[SeedRun]
    summaries: list[ScoreSummary]
    shown: list[tuple[ReportItem, str]]


@dataclass(frozen=True)
class RunContents:
    """All that a page shows of a run."""

    folder: Path
    record: Run
    sections: list[Section]
    summaries: list[ScoreSummary]


@dataclass(frozen=True)
class ComparedScore:
    """One score in several runs; ``None`` where a run does not have it."""

    experiment: str
    score: str
    published: float | None
    cells: list[ScoreSummary | None]


class ComparedSetting(NamedTuple):
    """A setting and its value in each run."""

    experiment: str
    setting: str
    values: list[object]


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


def render_report(folders: Sequence[Path]) -> str:
    """Render one run, or a comparison of several, as HTML in the current language."""
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
        compare_scores=compare_scores,
        compare_settings=compare_settings,
        version=__version__,
        language=current_language(),
    )
    name = "report.html" if len(folders) == 1 else "comparison.html"
    style = (HOME / "templates" / "style.css").read_text(encoding="utf-8")
    return environment.get_template(name).render(
        runs=[read_contents(folder) for folder in folders], style=style
    )


def read_contents(run: Path) -> RunContents:
    """Read all that a page shows of a run, in the current language."""
    record, found = run_folder.read_run(run), run_folder.list_seed_runs(run)
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
                    [(item, _source(Path(run), folder, item)) for item in first.report_items],
                )
            )
    return RunContents(Path(run), record, sections, summaries)


def _source(run: Path, folder: Path, item: ReportItem) -> str:
    path = folder / item.file
    if item.kind == "page":
        return path.relative_to(run).as_posix()
    if item.kind != "figure" or not path.exists():
        return ""
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def compare_scores(runs: Sequence[RunContents]) -> list[ComparedScore]:
    """Return every score that any of the runs has, in order of appearance."""
    found = [{(each.experiment, each.score): each for each in run.summaries} for run in runs]
    rows = []
    for experiment, score in dict.fromkeys(key for scores in found for key in scores):
        cells = [scores.get((experiment, score)) for scores in found]
        known = (each.published for each in cells if each and each.published is not None)
        rows.append(ComparedScore(experiment, score, next(known, None), cells))
    return rows


def compare_settings(runs: Sequence[RunContents]) -> list[ComparedSetting]:
    """Return the settings whose values are not the same in all runs."""
    settings = [
        {
            (section.first.experiment, name): value
            for section in run.sections
            for name, value in section.first.settings.items()
        }
        for run in runs
    ]
    rows = [
        ComparedSetting(*key, [own.get(key, "—") for own in settings])
        for key in dict.fromkeys(key for own in settings for key in own)
    ]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]
