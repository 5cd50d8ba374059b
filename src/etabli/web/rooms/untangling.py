"""The explorers that the runs wrote: one page each, shown in a frame that can ask nothing of the server."""

from pathlib import Path

from etabli import runs
from etabli.errors import Refusal
from etabli.i18n import N_
from etabli.web.endpoint import Endpoint, Nothing
from etabli.web.shelf import Tool
from etabli.web.studio import Studio

TOOLS = (Tool("untangling", "tp2.untangling", (), lambda found: found),)


def explorers(studio: Studio, question: Nothing) -> list[dict[str, object]]:
    """Every explorer of every run, newest run first, with the figures that stand beside it."""
    return [each for folder in runs.find_runs(studio.home) for each in _of_run(folder)]


def _of_run(folder: Path) -> list[dict[str, object]]:
    try:
        pieces = runs.pieces(folder)
    except (Refusal, OSError):
        return []
    return [
        _told(folder, place, piece, exhibit)
        for place, piece in pieces
        for exhibit in piece.exhibits
        if exhibit.kind == "page" and "explorer" in exhibit.key
    ]


def _told(folder: Path, place: Path, piece: runs.Piece, exhibit: runs.Exhibit) -> dict[str, object]:
    here = place.relative_to(folder).as_posix()
    figures = [each for each in piece.exhibits if each.kind == "figure"]
    return {
        "run": folder.name,
        "experiment": piece.experiment,
        "data": piece.data,
        "title": exhibit.title,
        "file": f"{here}/{exhibit.file}",
        "figures": [{"title": each.title, "caption": each.caption, "file": f"{here}/{each.file}"} for each in figures],
    }


ENDPOINTS = [Endpoint("/api/untangling", explorers, Nothing, says=N_("The explorers of the runs"))]
