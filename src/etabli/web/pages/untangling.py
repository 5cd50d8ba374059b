"""The explorers that the runs wrote: one page each, shown in a frame that can ask nothing of the server."""

from pathlib import Path

from etabli.core.errors import EtabliError
from etabli.core.i18n import N_
from etabli.report import run_folder
from etabli.web.api import Endpoint, Nothing
from etabli.web.model_cache import Tool
from etabli.web.state import Studio

DEPTH = "depth"  # the history of tp2.untangling: a row an epoch, a column a layer
TOOLS = (
    Tool(
        "untangling",
        "tp2.untangling",
        (f"{DEPTH}.jsonl",),
        lambda found: run_folder.read_curve(found.piece, DEPTH),
    ),
    Tool("untangling.layers", "tp2.hidden", ("explorer.html",), lambda found: found.run.name),
)


def explorers(studio: Studio, question: Nothing) -> dict[str, object]:
    """Every explorer of every run, newest run first; and the neighborhood hit of each layer after each epoch."""
    depth = studio.shelf.get("untangling") if studio.shelf.has("untangling") else []
    found = [each for folder in run_folder.find_runs(studio.home) for each in _of_run(folder)]
    return {"explorers": found, "depth": depth}


def _of_run(folder: Path) -> list[dict[str, object]]:
    try:
        pieces = [
            (place, run_folder.translate_record(piece))
            for place, piece in run_folder.list_seed_runs(folder)
        ]
    except (EtabliError, OSError):
        return []
    return [
        _told(folder, place, piece, exhibit)
        for place, piece in pieces
        for exhibit in piece.exhibits
        if exhibit.kind == "page" and "explorer" in exhibit.key
    ]


def _told(
    folder: Path, place: Path, piece: run_folder.SeedRun, exhibit: run_folder.Exhibit
) -> dict[str, object]:
    here = place.relative_to(folder).as_posix()
    return {
        "run": folder.name,
        "experiment": piece.experiment,
        "data": piece.data,
        "title": exhibit.title,
        "caption": exhibit.caption,
        "file": f"{here}/{exhibit.file}",
    }


ENDPOINTS = [Endpoint("/api/untangling", explorers, Nothing, says=N_("The explorers of the runs"))]
