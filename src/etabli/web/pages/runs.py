"""Runs: the list, a single one, two compared, their reports and files."""

import re
from pathlib import Path

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from etabli import report
from etabli.core.i18n import N_, _
from etabli.report import numbers, run_folder
from etabli.web.api import Endpoint, NoParams, NotFound, Params, handle_errors
from etabli.web.sse import read_new_rows
from etabli.web.state import PlaygroundState

_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
# Pages written by an experiment have their own scripts: they run without an origin and without
# network access, so that they can request nothing from the server.
_PAGE_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".csv": "text/csv; charset=utf-8",
}


class RunParams(Params):
    """A run by its name."""

    run: str = Field(max_length=255)


class CompareParams(Params):
    """Two runs by their names."""

    a: str = Field(max_length=255)
    b: str = Field(max_length=255)


def list_runs(state: PlaygroundState, _params: NoParams) -> list[dict[str, object]]:
    """List every run, newest first."""
    return [vars(run) for run in state.list_runs()]


def get_run(state: PlaygroundState, params: RunParams) -> dict[str, object]:
    """Return a run: measured and published scores, and a section for every experiment."""
    folder = state.find_run(params.run)
    contents = report.read_contents(folder, with_images=False)
    record = contents.record
    finished = {section.first.experiment: section for section in contents.sections}
    return {
        "data": record.data,
        "dataset": record.dataset_title if record.is_other_data else "",
        "created": record.created.isoformat(),
        "seeds": record.seeds,
        "running": any(run.running for run in state.list_runs() if run.name == folder.name),
        "problems": [problem.sentence for problem in contents.problems],
        "scores": [_describe_score(each) for each in contents.summaries],
        "sections": [
            _describe_section(folder, name, finished.get(name)) for name in record.experiments
        ],
    }


def _describe_score(summary: run_folder.ScoreSummary) -> dict[str, object]:
    name, value, published = summary.score, summary.value, summary.published
    return {
        "experiment": summary.experiment,
        "score": name,
        "label": numbers.score_label(name),
        "published": numbers.format_score(name, published),
        "measured": numbers.format_score(name, value, summary.spread),
        "difference": numbers.format_difference(name, value, published),
        "recipe": summary.signature + (f" | seeds:{summary.n}" if summary.n > 1 else ""),
    }


def _describe_section(run: Path, name: str, section: report.Section | None) -> dict[str, object]:
    described: dict[str, object] = {
        "experiment": name,
        "practical": numbers.practical_label(name.partition(".")[0]),
        "done": 0,
    }
    if section is None:
        return described
    first = section.first
    folder = run_folder.seed_run_folder(run, name, first.seed)
    items = [
        (
            item.kind,
            {
                "title": item.title,
                "caption": item.caption,
                "number": item.number,
                "file": (folder / item.file).relative_to(run).as_posix(),
            },
        )
        for item in first.report_items
    ]
    return described | {
        "done": len(section.seed_runs),
        "title": first.title,
        "headline": _describe_score(section.headline) if section.headline else None,
        "verdicts": section.verdicts,
        "interrupted": any(each.interrupted for each in section.seed_runs),
        "figures": [item for kind, item in items if kind == "figure"],
        "pages": [item for kind, item in items if kind == "page"],
        "claims": [
            {"says": claim.says, "verdict": claim.verdict, "measured": claim.measured}
            for claim in first.claims
        ],
    }


def read_curves(state: PlaygroundState, params: RunParams) -> list[dict[str, object]]:
    """Return the rows of every history of a run."""
    return read_new_rows(state.find_run(params.run), {})


def compare(state: PlaygroundState, params: CompareParams) -> dict[str, object]:
    """Compare two runs: the scores that either has, and the settings that differ."""
    contents = [
        report.read_contents(state.find_run(name), with_images=False)
        for name in (params.a, params.b)
    ]
    return {
        "runs": [params.a, params.b],
        "scores": [
            {
                "experiment": row.experiment,
                "score": row.score,
                "published": numbers.format_score(row.score, row.published),
                "measured": [
                    numbers.format_score(row.score, cell.value, cell.spread) if cell else "—"
                    for cell in row.cells
                ],
                "recipes": [cell.signature if cell else "" for cell in row.cells],
            }
            for row in report.compare_scores(contents)
        ],
        "settings": [
            {
                "experiment": row.experiment,
                "setting": row.setting,
                "values": [str(value) for value in row.values],
            }
            for row in report.compare_settings(contents)
        ],
    }


def file_routes(state: PlaygroundState) -> list[Route]:
    """Create the routes of the reports, rendered in the page's language, and of run files."""

    async def show_report(request: Request) -> Response:
        async def work() -> Response:
            html = report.render_report([state.find_run(request.path_params["run"])])
            return HTMLResponse(html, headers={"content-security-policy": _REPORT_POLICY})

        return await handle_errors(work)

    async def send_file(request: Request) -> Response:
        async def work() -> Response:
            folder = state.find_run(request.path_params["run"])
            return serve_file(folder, request.path_params["file"])

        return await handle_errors(work)

    return [
        Route("/runs/{run}/report.html", show_report),
        Route("/runs/{run}/{file:path}", send_file),
    ]


def serve_file(folder: Path, name: str) -> Response:
    """Serve a file of a run that a browser can show.

    Raises:
        NotFound: There is no such file, it is hidden, or it is outside of the run.
    """
    path = folder / name
    media_type = _MEDIA_TYPES.get(path.suffix.lower())
    is_hidden = re.search(r"(^|/)\.|\\|\0", name) is not None
    if (
        is_hidden
        or media_type is None
        or not path.resolve().is_relative_to(folder.resolve())
        or not path.is_file()
    ):
        raise NotFound(_("there is no such file in this run"))
    headers = {"content-security-policy": _PAGE_POLICY, "cache-control": "no-cache"}
    return FileResponse(path, media_type=media_type, headers=headers)


ENDPOINTS = [
    Endpoint("/api/runs", list_runs, summary=N_("Every run")),
    Endpoint("/api/runs/{run}", get_run, RunParams, summary=N_("One run")),
    Endpoint(
        "/api/runs/{run}/curves", read_curves, RunParams, summary=N_("The histories of a run")
    ),
    Endpoint("/api/compare", compare, CompareParams, summary=N_("A comparison of two runs")),
]
