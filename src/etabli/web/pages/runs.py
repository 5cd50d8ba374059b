"""Runs: the list, a single one, two compared, their reports and files."""

import re
import shlex
from pathlib import Path
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from etabli import report
from etabli.core.errors import EtabliError, FolderBusy
from etabli.core.i18n import N_, _, current_language
from etabli.report import comparison, numbers, run_changes, run_folder
from etabli.web.api import Endpoint, NoParams, NotFound, Params, handle_errors
from etabli.web.sse import read_new_rows
from etabli.web.state import PlaygroundState, RunSummary

MAX_COMPARED = 10

_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
# Pages written by an experiment have their own scripts: they run without an origin and without
# network access, so that they can request nothing from the server.
PAGE_POLICY = (
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


class RenameParams(RunParams):
    """A run, and its new name."""

    name: str = Field(max_length=255)


class CompareParams(Params):
    """Runs by their names, with slashes between them, which no name contains."""

    runs: str = Field(max_length=2600)


def list_runs(state: PlaygroundState, _params: NoParams) -> list[dict[str, object]]:
    """List every run, newest first, with the headline score of each of its experiments."""
    return [
        vars(run)
        | {"broken": run.broken.get(current_language(), ""), "scores": _list_headlines(state, run)}
        for run in state.list_runs()
    ]


def _list_headlines(state: PlaygroundState, run: RunSummary) -> list[dict[str, object]]:
    if run.broken:
        return []
    return [
        {
            "experiment": each.experiment,
            "title": title,
            "label": numbers.score_label(each.score),
            "value": each.value,
            "text": numbers.format_score(each.score, each.value, each.spread),
        }
        for title, each in state.list_headlines(run)
    ]


def get_run(state: PlaygroundState, params: RunParams) -> dict[str, object]:
    """Return a run: measured and published scores, and a section for every experiment."""
    folder = state.find_run(params.run)
    contents = report.read_contents(folder, with_images=False)
    record = contents.record
    finished = {section.first.experiment: section for section in contents.sections}
    summary = state.summarize(folder)
    return {
        "data": record.data,
        "dataset": record.dataset_title if record.is_other_data else "",
        "created": record.created.isoformat(),
        "seeds": record.seeds,
        "running": summary.running,
        "resume": _resume_command(state, contents) if summary.stopped else "",
        "problems": [problem.sentence for problem in contents.problems],
        "scores": [_describe_score(each) for each in contents.summaries],
        "sections": [
            _describe_section(folder, name, finished.get(name)) for name in record.experiments
        ],
    }


def _resume_command(state: PlaygroundState, contents: report.RunContents) -> str:
    """Return the command that resumes a run, for a terminal in the folder above the runs."""
    record = contents.record
    words = ["etabli", "run", *record.experiments, "--data", record.data]
    if record.dataset not in ("", "mnist", "digits"):
        words += ["--dataset", record.dataset]
    first, count = min(record.seeds, default=0), len(record.seeds)
    words += ["--seed", str(first)] * (first != 0) + ["--seeds", str(count)] * (count != 1)
    for key, value in record.settings.items():
        words += ["--set", f"{key}={value}"]
    home = state.home if not state.home.is_absolute() else Path(state.home.name)
    return shlex.join([*words, "--out", (home / contents.folder.name).as_posix()])


def delete(state: PlaygroundState, params: RunParams) -> dict[str, object]:
    """Delete a run; files that Établi did not write stay, and are listed."""
    return {"left": run_changes.delete_run(_find_idle_run(state, params.run))}


def rename(state: PlaygroundState, params: RenameParams) -> dict[str, object]:
    """Rename a run."""
    return {"name": run_changes.rename_run(_find_idle_run(state, params.run), params.name).name}


def _find_idle_run(state: PlaygroundState, name: str) -> Path:
    """Return the folder of a run that is not being trained."""
    folder = state.find_run(name)
    if state.summarize(folder).running:
        raise FolderBusy(_("this run is being trained"), fix=_("Wait until it ends, or stop it."))
    return folder


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
                **_describe_image(item, folder),
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
            {
                "says": claim.says,
                "verdict": claim.verdict,
                "counts": claim.counts,
                "measured": claim.measured,
            }
            for claim in section.claims
        ],
    }


def _describe_image(item: run_folder.ReportItem, folder: Path) -> dict[str, object]:
    if item.kind != "figure":
        return {}
    size, is_drawing = report.measure_figure(folder / item.file)
    return {"width": size and size[0], "height": size and size[1], "is_drawing": is_drawing}


def read_curves(state: PlaygroundState, params: RunParams) -> list[dict[str, object]]:
    """Return the rows of every history of a run."""
    return read_new_rows(state.find_run(params.run), {})


def compare(state: PlaygroundState, params: CompareParams) -> dict[str, object]:
    """Compare runs with the first: what differs, their scores, differences and paired tests."""
    names = list(dict.fromkeys(params.runs.split("/")))
    if not 2 <= len(names) <= MAX_COMPARED:
        raise EtabliError(
            _("these runs cannot be compared"),
            expected=_("2 to {count} runs").format(count=MAX_COMPARED),
            got=len(names),
        )
    contents = [report.read_contents(state.find_run(name), with_images=False) for name in names]
    settings = comparison.compare_facts(contents) + comparison.compare_settings(contents)
    return {
        "runs": names,
        "problems": [
            f"{name}: {problem.sentence}"
            for name, run in zip(names, contents, strict=True)
            for problem in run.problems
        ],
        "titles": {s.first.experiment: s.first.title for run in contents for s in run.sections},
        "scores": [_describe_comparison(row) for row in comparison.compare_scores(contents)],
        "settings": [
            {
                "experiment": row.experiment,
                "setting": row.setting,
                "values": [str(value) for value in row.values],
            }
            for row in settings
        ],
        "unshared": [
            {"run": name, "experiments": experiments}
            for name, experiments in comparison.list_unshared(contents)
        ],
    }


def _describe_comparison(row: comparison.ComparedScore) -> dict[str, object]:
    return {
        "experiment": row.experiment,
        "title": row.title,
        "score": row.score,
        "label": numbers.score_label(row.score),
        "published": numbers.format_score(row.score, row.published),
        "measured": [
            numbers.format_score(row.score, cell.value, cell.spread) if cell else "—"
            for cell in row.cells
        ],
        "recipes": [cell.signature if cell else "" for cell in row.cells],
        "differences": [
            {"text": each.describe(row.score), "is_reason": bool(each.reason), "p": each.p}
            for each in row.differences
        ],
    }


def file_routes(state: PlaygroundState) -> list[Route]:
    """Create the routes of the reports, rendered in the page's language, and of run files."""

    async def show_report(request: Request) -> Response:
        async def work() -> Response:
            folder = state.find_run(request.path_params["run"])
            html = report.render_report([folder], back=f"/runs/{quote(folder.name)}")
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
    headers = {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"}
    return FileResponse(path, media_type=media_type, headers=headers)


ENDPOINTS = [
    Endpoint("/api/runs", list_runs, summary=N_("Every run")),
    Endpoint("/api/runs/{run}", get_run, RunParams, summary=N_("One run")),
    Endpoint(
        "/api/runs/{run}/curves", read_curves, RunParams, summary=N_("The histories of a run")
    ),
    Endpoint("/api/compare", compare, CompareParams, summary=N_("A comparison of runs")),
    Endpoint(
        *("/api/runs/delete", delete, RunParams, "POST"),
        teacher_only=True,
        summary=N_("Delete a run"),
    ),
    Endpoint(
        *("/api/runs/rename", rename, RenameParams, "POST"),
        teacher_only=True,
        summary=N_("Rename a run"),
    ),
]
