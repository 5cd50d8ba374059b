"""A run folder, read, becomes one HTML page that opens without a network."""

import base64
from collections.abc import Sequence
from pathlib import Path

from etabli import __version__
from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _, current_language
from etabli.report import numbers, run_folder

HOME = Path(__file__).parent


def write(run: Path, out: Path | None = None) -> Path:
    """Write the report of one run, by default as ``report.html`` in its folder; returns the path."""
    return _write(out or Path(run) / "report.html", [Path(run)])


def write_comparison(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write several runs side by side, by default as ``comparison.html`` beside the first; returns the path."""
    return _write(
        out or Path(folders[0]).parent / "comparison.html", [Path(folder) for folder in folders]
    )


def rendered(folders: Sequence[Path]) -> str:
    """The page of one run, or of several side by side, as HTML in the current language."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HOME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(
        _=_, numbers=numbers, compare=numbers, version=__version__, language=current_language()
    )
    name = "report.html" if len(folders) == 1 else "comparison.html"
    style = (HOME / "templates" / "style.css").read_text(encoding="utf-8")
    return environment.get_template(name).render(
        runs=[contents(folder) for folder in folders], style=style
    )


def _write(path: Path, folders: list[Path]) -> Path:
    text = rendered(folders)
    with atomic_write(path) as stream:
        stream.write(text)
    return path


def contents(run: Path) -> dict[str, object]:
    """All that a page says about a run, as plain values."""
    record = run_folder.read_run(run)
    found = [
        (place, run_folder.translate_record(piece))
        for place, piece in run_folder.list_seed_runs(run)
    ]
    summaries = run_folder.summarize_scores(run)
    chapters = []
    for name in record.experiments:
        own = [(place, piece) for place, piece in found if piece.experiment == name]
        if own:
            chapters.append(
                _chapter(Path(run), own, [each for each in summaries if each.experiment == name])
            )
    return {"folder": str(run), "record": record, "chapters": chapters, "summaries": summaries}


def _chapter(
    run: Path, own: list[tuple[Path, run_folder.SeedRun]], summaries: list[run_folder.ScoreSummary]
) -> dict[str, object]:
    place, piece = own[0]
    return {
        "piece": piece,
        "pieces": [each for _place, each in own],
        "summaries": summaries,
        "published": {each.score: each for each in piece.published},
        "exhibits": [_shown(run, place, exhibit) for exhibit in piece.exhibits],
    }


def _shown(run: Path, place: Path, exhibit: run_folder.Exhibit) -> dict[str, object]:
    """An exhibit with its picture inlined, or with the way to its page."""
    path = place / exhibit.file
    shown = {"exhibit": exhibit, "picture": "", "link": ""}
    if exhibit.kind == "figure" and path.exists():
        kind = "svg+xml" if path.suffix == ".svg" else "png"
        shown["picture"] = (
            f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        )
    if exhibit.kind == "page":
        shown["link"] = path.relative_to(run).as_posix()
    return shown
