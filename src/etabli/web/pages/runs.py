"""Runs: the list, one of them, two side by side, their reports and files."""

import re
from pathlib import Path

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from etabli import report
from etabli.core.i18n import N_, _
from etabli.report import numbers, run_folder
from etabli.web.api import Endpoint, Nothing, NotServed, Question, answered
from etabli.web.sse import new_rows
from etabli.web.state import Studio

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
# A page that a story wrote brings its own scripts: it runs without an origin, so that it can ask nothing of the server.
PAGE_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
}


class OneRun(Question):
    """A run by its name."""

    run: str = Field(max_length=255)


class TwoRuns(Question):
    """Two runs by their names."""

    a: str = Field(max_length=255)
    b: str = Field(max_length=255)


def all_runs(studio: Studio, question: Nothing) -> list[dict[str, object]]:
    """Every run in one line, newest first."""
    return [vars(brief) for brief in studio.briefs()]


def one_run(studio: Studio, question: OneRun) -> dict[str, object]:
    """A run: its scores beside the published ones, and a chapter for every experiment."""
    folder = studio.run_folder(question.run)
    record = run_folder.read_run(folder)
    pieces = run_folder.list_seed_runs(folder)
    brief = next((each for each in studio.briefs() if each.name == folder.name), None)
    return {
        "name": folder.name,
        "created": record.created.isoformat(),
        "data": record.data,
        "seeds": record.seeds,
        "running": bool(brief and brief.running),
        "scores": [_score(each) for each in run_folder.summarize_scores(folder)],
        "chapters": [_chapter(folder, name, pieces) for name in record.experiments],
        "machine": record.machine,
        "versions": record.versions,
    }


def _score(each: run_folder.ScoreSummary) -> dict[str, object]:
    return {
        "experiment": each.experiment,
        "score": each.score,
        "published": numbers.shown(each.score, each.published),
        "measured": numbers.shown(each.score, each.value, each.spread),
        "difference": numbers.difference(each.score, each.value, each.published),
        "signature": each.signature + (f" | seeds:{each.n}" if each.n > 1 else ""),
    }


def _chapter(
    folder: Path, name: str, pieces: list[tuple[Path, run_folder.SeedRun]]
) -> dict[str, object]:
    own = [(place, piece) for place, piece in pieces if piece.experiment == name]
    if not own:
        return {
            "experiment": name,
            "done": 0,
            "title": "",
            "figures": [],
            "claims": [],
            "pages": [],
        }
    place, first = own[0][0], run_folder.translate_record(own[0][1])
    return {
        "experiment": name,
        "done": len(own),
        "title": first.title,
        "measures": first.measures,
        "seconds": sum(piece.seconds for _place, piece in own),
        "interrupted": any(piece.interrupted for _place, piece in own),
        "figures": [
            _exhibit(folder, place, each) for each in first.exhibits if each.kind == "figure"
        ],
        "pages": [_exhibit(folder, place, each) for each in first.exhibits if each.kind == "page"],
        "claims": [
            {"says": each.says, "verdict": each.verdict, "measured": each.measured}
            for each in first.claims
        ],
    }


def _exhibit(folder: Path, place: Path, exhibit: run_folder.Exhibit) -> dict[str, object]:
    return {
        "title": exhibit.title,
        "caption": exhibit.caption,
        "number": exhibit.number,
        "file": (place / exhibit.file).relative_to(folder).as_posix(),
    }


def curves(studio: Studio, question: OneRun) -> list[dict[str, object]]:
    """Every row of every history of a run, as it stands."""
    return new_rows(studio.run_folder(question.run), {})


def two_runs(studio: Studio, question: TwoRuns) -> dict[str, object]:
    """Two runs side by side: the scores that any of them has, and the settings that differ."""
    contents = [report.contents(studio.run_folder(name)) for name in (question.a, question.b)]
    rows = []
    for key in numbers.keys(contents):
        cells = numbers.row(contents, key)
        rows.append(
            {
                "experiment": key[0],
                "score": key[1],
                "published": numbers.shown(key[1], numbers.published(cells)),
                "measured": [
                    numbers.shown(key[1], each.value, each.spread) if each else "—"
                    for each in cells
                ],
                "signatures": [each.signature if each else "" for each in cells],
            }
        )
    differing = [
        {"experiment": experiment, "setting": setting, "values": [str(value) for value in values]}
        for experiment, setting, values in numbers.differing(contents)
    ]
    return {"runs": [question.a, question.b], "rows": rows, "settings": differing}


def file_routes(studio: Studio) -> list[Route]:
    """The full report of a run or of two, made anew in the page's language, and the files that it links to."""

    async def full_report(request: Request) -> Response:
        async def work() -> Response:
            folder = studio.run_folder(request.path_params["run"])
            return HTMLResponse(
                report.rendered([folder]), headers={"content-security-policy": REPORT_POLICY}
            )

        return await answered(work)

    async def file(request: Request) -> Response:
        async def work() -> Response:
            return served(
                studio.run_folder(request.path_params["run"]), request.path_params["file"]
            )

        return await answered(work)

    return [Route("/runs/{run}/report.html", full_report), Route("/runs/{run}/{file:path}", file)]


def served(folder: Path, name: str) -> Response:
    """A file of a piece, of a kind that a browser shows; nothing outside of the run, no hidden file, no link out."""
    path = folder / name
    here = folder.resolve()
    kind = KINDS.get(path.suffix.lower())
    odd = re.search(r"(^|/)\.|\\|\0", name) is not None
    if odd or kind is None or not path.resolve().is_relative_to(here) or not path.is_file():
        raise NotServed(_("there is no such file in this run"))
    headers = {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"}
    return FileResponse(path, media_type=kind, headers=headers)


ENDPOINTS = [
    Endpoint("/api/runs", all_runs, Nothing, says=N_("Every run")),
    Endpoint("/api/runs/{run}", one_run, OneRun, says=N_("One run")),
    Endpoint("/api/runs/{run}/curves", curves, OneRun, says=N_("The histories of a run")),
    Endpoint("/api/compare", two_runs, TwoRuns, says=N_("Two runs side by side")),
]
