"""The planes of all layers and epochs, the explorers that runs wrote, and the untangling curves.

Every explorer is a page in a sandboxed frame. That of the layers and epochs is rendered here, from
the planes of a run or from the shipped ones, whose images are those of your copy of MNIST.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.responses import HTMLResponse, Response

from etabli.core.errors import EtabliError
from etabli.core.i18n import N_, current_language, use_language
from etabli.data.catalog.source import Source
from etabli.report import run_folder
from etabli.web.api import Endpoint, NoParams
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.pages.runs import PAGE_POLICY
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.experiments.tp2.plane_sequence import PlaneSequence

_CURVE = "depth"  # the history of tp2.untangling: a row per epoch, a column per layer
PLANES_URL = "/api/untangling/planes"


class PlanePage:
    """The explorer of the layers and epochs, rendered once in each language."""

    def __init__(
        self, sequence: "PlaneSequence", classes: Sequence[str], images: np.ndarray | None
    ):
        self.sequence, self.classes, self.images = sequence, classes, images
        self.render = cache(self._render)

    def _render(self, language: str) -> str:
        from etabli.experiments.tp2 import plane_sequence

        with use_language(language):
            return plane_sequence.render(self.sequence, self.classes, self.images)


def _load_planes(found: TrainedModel) -> PlanePage:
    """Load the planes, with the test images where this machine has them."""
    from etabli.data.formats import mnist
    from etabli.experiments.tp2 import plane_sequence

    sequence = plane_sequence.read(found.folder)
    try:
        digits = mnist.load(Source(found.record.data, dataset=found.record.dataset or None))
    except EtabliError:
        return PlanePage(sequence, [str(digit) for digit in range(10)], None)
    n = len(sequence.labels)
    is_same = np.array_equal(digits.test_labels[:n], sequence.labels)
    return PlanePage(sequence, digits.classes, digits.test_images[:n] if is_same else None)


MODELS = (
    ModelSpec(
        *("untangling.planes", "tp2.untangling"),
        ("planes.safetensors", "planes.json"),
        _load_planes,
    ),
    ModelSpec(
        *("untangling", "tp2.untangling", (f"{_CURVE}.jsonl",)),
        lambda found: run_folder.read_curve(found.folder, _CURVE),
    ),
)


def list_explorers(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """List the explorers of all runs, newest first, and the hit of each layer at each epoch."""
    return {
        "planes": PLANES_URL if state.models.has("untangling.planes") else "",
        "explorers": [
            explorer for folder in state.find_folders() for explorer in _list_of_run(folder)
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


def show_planes(state: PlaygroundState, _params: NoParams) -> Response:
    """Return the explorer of the layers and epochs as a page."""
    page: PlanePage = state.models.get("untangling.planes")
    headers = {"content-security-policy": PAGE_POLICY}
    return HTMLResponse(page.render(current_language()), headers=headers)


ENDPOINTS = [
    Endpoint(PLANES_URL, show_planes, summary=N_("The planes of all layers and epochs, as a page")),
    Endpoint("/api/untangling", list_explorers, summary=N_("The explorers of all runs")),
]
