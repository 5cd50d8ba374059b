"""The explorers that runs wrote, shown in a sandboxed frame, and the untangling curves."""

from pathlib import Path

from etabli.core.errors import EtabliError
from etabli.core.i18n import N_
from etabli.report import run_folder
from etabli.web.api import Endpoint, NoParams
from etabli.web.model_cache import ModelSpec
from etabli.web.state import PlaygroundState

_CURVE = "depth"  # the history of tp2.untangling: a row per epoch, a column per layer
MODELS = (
    ModelSpec(
        *("untangling", "tp2.untangling", (f"{_CURVE}.jsonl",)),
        lambda found: run_folder.read_curve(found.folder, _CURVE),
    ),
    ModelSpec("untangling.layers", "tp2.hidden", ("explorer.html",), lambda found: found.run.name),
)


def list_explorers(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """List the explorers of all runs, newest first, and the hit of each layer at each epoch."""
    return {
        "explorers": [
            explorer
            for folder in run_folder.find_runs(state.home)
            for explorer in _list_of_run(folder)
        ],
        "depth": state.models.get("untangling") if state.models.has("untangling") else [],
    }


def _list_of_run(run: Path) -> list[dict[str, object]]:
    try:
        seed_runs, _problems = run_folder.read_seed_runs(run)
    except (EtabliError, OSError):
        return []
    return [
        {
            "run": run.name,
            "experiment": seed_run.experiment,
            "data": seed_run.data,
            "dataset": seed_run.dataset_title if seed_run.is_other_data else "",
            "title": item.title,
            "caption": item.caption,
            "file": (folder / item.file).relative_to(run).as_posix(),
        }
        for folder, seed_run in seed_runs
        for item in seed_run.report_items
        if item.kind == "page" and "explorer" in item.key
    ]


ENDPOINTS = [
    Endpoint("/api/untangling", list_explorers, summary=N_("The explorers of all runs")),
]
