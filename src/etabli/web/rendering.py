"""The pages and their HTML: a common frame, and the texts in the language of the request."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from etabli.core.atomic_files import parse_json
from etabli.core.i18n import LANGUAGES, N_, _, current_language, translate_message
from etabli.core.version import __version__
from etabli.web.security import is_teacher

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    """A page: the key of its template and script, its URL, its texts, and the models it needs.

    ``practical`` is the number of its practical; ``learn`` says in one sentence what it teaches.
    """

    key: str
    path: str
    name: str
    title: str
    summary: str
    models: tuple[str, ...] = ()
    practical: str = ""
    learn: str = ""


PAGES = (
    Page(
        "overview",
        "/",
        N_("Overview"),
        N_("The playground"),
        N_("Five deep-learning practicals to explore interactively, on this machine."),
    ),
    Page(
        "digits",
        "/digits",
        N_("Digits"),
        N_("Draw a digit"),
        N_("Softmax regression, an MLP and a CNN classify the digit while you draw."),
        ("digits.linear", "digits.mlp", "digits.cnn", "digits.plane"),
        practical="1",
        learn=N_(
            "Why a CNN reads a digit that a linear model misses, and what each layer responds to."
        ),
    ),
    Page(
        "backprop",
        "/backprop",
        N_("Backpropagation"),
        N_("Backpropagation, step by step"),
        N_("A small net on a few examples: every value, every gradient, every step."),
        practical="1",
        learn=N_(
            "How the loss becomes a gradient for every weight, and "
            "what a bad learning rate or start does."
        ),
    ),
    Page(
        "cells",
        "/practical-1",
        N_("Practical 1"),
        N_("Practical 1, written by you"),
        N_("Write the prediction, the gradient and the step; check them, then train on digits."),
        practical="1",
        learn=N_("How four lines of NumPy learn digits, and which mistake breaks a gradient."),
    ),
    Page(
        "untangling",
        "/untangling",
        N_("Untangling"),
        N_("Manifold untangling"),
        N_("How the classes separate, layer by layer and epoch by epoch."),
        ("untangling.planes", "untangling"),
        practical="2",
        learn=N_("How hidden layers separate the classes that overlap in the pixels."),
    ),
    Page(
        "transfer",
        "/transfer",
        N_("Transfer"),
        N_("Transfer learning"),
        N_("Drop a photo: its classes, and the nearest training images in feature space."),
        ("transfer", "transfer.imagenet"),
        practical="3",
        learn=N_("How features that were learned on other images classify your photo."),
    ),
    Page(
        "poetry",
        "/poetry",
        N_("Poetry"),
        N_("Poetry, character by character"),
        N_("Choose a seed text and a temperature; the net continues the text."),
        ("poetry", "poetry.modern", "poetry.ngram"),
        practical="4",
        learn=N_(
            "How a net that only predicts the next character writes verse, and "
            "what temperature changes."
        ),
    ),
    Page(
        "words",
        "/words",
        N_("Words"),
        N_("Word map"),
        N_("Word vectors in the plane: nearest neighbors and analogies."),
        ("words",),
        practical="4",
        learn=N_(
            "How neighbors and directions between word vectors carry meaning, "
            "and where analogies fail."
        ),
    ),
    Page(
        "captions",
        "/captions",
        N_("Captions"),
        N_("Captions"),
        N_("Drop a photo: several captions with their scores, and the attention for each word."),
        ("captions",),
        practical="5",
        learn=N_(
            "How one net that sees and one that writes describe a photo, "
            "and where they look for each word."
        ),
    ),
    Page(
        "runs",
        "/runs",
        N_("Runs"),
        N_("Runs"),
        N_("All runs with their scores, and the training that is running now."),
        learn=N_("What your own trainings measured, compared with the published values."),
    ),
)
BY_KEY = {page.key: page for page in PAGES}
# Pages of one run and of two, which the navigation does not list.
RUN_PAGE = Page(
    "run",
    "/runs/{run}",
    N_("Run"),
    N_("Run"),
    N_("Published and measured scores, curves, figures."),
)
COMPARE_PAGE = Page(
    "compare",
    "/compare",
    N_("Compare"),
    N_("Compare runs"),
    N_("What differs between the runs, their scores and their curves on the same axes."),
)
ALL_PAGES = (*PAGES, COMPARE_PAGE, RUN_PAGE)
MISSING_PAGE = Page(
    "missing",
    "",
    N_("Not found"),
    N_("There is nothing at this address."),
    N_("The pages are listed above; runs that were deleted or renamed have no address anymore."),
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=_, pages=PAGES, version=__version__)
    return environment


@cache
def script_messages() -> tuple[str, ...]:
    """Return every text that the scripts mark by ``_("...")``, or that an error has."""
    found: set[str] = set()
    for path in sorted((HERE / "static" / "js").rglob("*.js")):
        literals = re.findall(
            r'\b(?:_|AnswerError)\(\s*("(?:[^"\\]|\\.)*")', path.read_text(encoding="utf-8")
        )
        found.update(str(parse_json(literal)) for literal in literals)
    return tuple(sorted(found))


@cache
def script_texts(language: str) -> str:
    """Return the translated texts of the scripts, as JSON that is safe inside HTML."""
    messages = script_messages() if language != "en" else ()
    texts = {message: translate_message(message, language) for message in messages}
    return json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")


class Addresses:
    """The addresses in the pages of the server; a published site has others."""

    is_published = False

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = query

    def page(self, path: str) -> str:
        """Return the address of a page or of a file of a run."""
        return path

    def static(self, name: str) -> str:
        """Return the address of a style sheet, a script or an icon."""
        return f"/static/{name}"

    def scripts(self, page: Page) -> list[str]:
        """Return the addresses of the scripts of a page."""
        own = [] if page.key == "missing" else [page.key]
        return [self.static(f"js/{name}.js") for name in ("models", *own)]

    def in_language(self, code: str) -> str:
        """Return the address of the same page in another language."""
        return "?" + urlencode({**self.query, "lang": code})


def render_html(
    page: Page, site: Addresses, template: str = "", role: str = "teacher", **values: Any
) -> str:
    """Render a page as HTML in the current language.

    Args:
        page: The page.
        site: The addresses of its links.
        template: The name of the template, if it is not that of the page.
        role: "class" hides what only the teacher may do.
        **values: Further values of the template.

    Returns:
        The page.
    """
    language = current_language()
    texts = script_texts(language)
    name = f"{template or page.key}.html"
    return render_template(
        name, page=page, site=site, language=language, texts=texts, role=role, **values
    )


def render_template(name: str, **values: Any) -> str:
    """Render a template of the playground."""
    return _environment().get_template(name).render(**values)


def render(page: Page, request: Request, **values: Any) -> HTMLResponse:
    """Render a page in the language of the request."""
    role = "teacher" if is_teacher(request) else "class"
    return HTMLResponse(render_html(page, Addresses(request.query_params), role=role, **values))


def render_missing(request: Request, status: int = 404) -> HTMLResponse:
    """Render the page of an address at which there is nothing."""
    response = render(MISSING_PAGE, request)
    response.status_code = status
    return response


def choose_language(query: str | None, cookie: str | None, default: str) -> str:
    """Return the language of the query, else of the cookie, else the server's."""
    return next((code for code in (query, cookie) if code in LANGUAGES), default)
