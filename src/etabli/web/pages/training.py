"""The button that trains what a page lacks, on the sample data."""

from typing import Literal

from etabli.core.errors import EtabliError
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, Question
from etabli.web.rendering import PAGES
from etabli.web.state import Studio

PLAYABLE = tuple(page.key for page in PAGES if page.tools)
LACKING = ("missing", "failed")  # states of a tool that training would help


class Train(Question):
    """Which page wants its models."""

    page: Literal[PLAYABLE]


class Stop(Question):
    """Stop the training that runs."""


def start(studio: Studio, question: Train) -> dict[str, object]:
    """Train every tool of the page that has no model, or none that can be loaded."""
    tools = next(page.tools for page in PAGES if page.key == question.page)
    state = studio.shelf.state()
    lacking = [state[key] for key in tools if key in state and state[key]["state"] in LACKING]
    if not lacking:
        raise EtabliError(_("everything that this page plays with is trained already"))
    names = dict.fromkeys(str(each["experiment"]) for each in lacking)
    studio.trainer.start(list(names), again=any(each["state"] == "failed" for each in lacking))
    return studio.trainer.state()


def stop(studio: Studio, question: Stop) -> dict[str, object]:
    """Stop the training; what it finished is kept."""
    studio.trainer.stop()
    return studio.trainer.state()


ENDPOINTS = [
    Endpoint(
        "/api/train", start, Train, "POST", says=N_("Train what a page lacks, on the sample data")
    ),
    Endpoint("/api/train/stop", stop, Stop, "POST", says=N_("Stop the training")),
]
