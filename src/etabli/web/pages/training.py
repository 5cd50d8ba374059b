"""The button that trains the models that a page lacks, on the sample data."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from etabli.core.errors import EtabliError
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, NoParams, Params
from etabli.web.rendering import BY_KEY, PAGES
from etabli.web.state import PlaygroundState

_KEYS = [page.key for page in PAGES if page.models]


def _check_page(key: str) -> str:
    if key not in _KEYS:
        raise ValueError("should be the key of a page with models")
    return key


class TrainParams(Params):
    """The page whose models are to be trained."""

    page: Annotated[str, AfterValidator(_check_page), Field(json_schema_extra={"enum": _KEYS})]


def start(state: PlaygroundState, params: TrainParams) -> dict[str, object]:
    """Train the models of the page that are missing or cannot be loaded."""
    models: dict[str, dict[str, Any]] = state.models.state()
    shown = [models[key] for key in BY_KEY[params.page].models if key in models]
    lacking = [each for each in shown if each["state"] in ("missing", "failed")]
    if not lacking:
        raise EtabliError(_("all models of this page are already trained"))
    names = dict.fromkeys(each["experiment"] for each in lacking)
    has_failed = any(each["state"] == "failed" for each in lacking)
    state.trainer.start(list(names), overwrite=has_failed)
    return state.trainer.state()


def stop(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """Stop the training; finished experiments are kept."""
    state.trainer.stop()
    return state.trainer.state()


ENDPOINTS = [
    Endpoint(
        "/api/train",
        start,
        TrainParams,
        "POST",
        teacher_only=True,
        summary=N_("Train the missing models of a page, on the sample data"),
    ),
    Endpoint(
        *("/api/train/stop", stop, NoParams, "POST"),
        teacher_only=True,
        summary=N_("Stop the training"),
    ),
]
