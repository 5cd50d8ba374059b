"""The pages, and how one becomes HTML: the frame, its texts in one language, and those of its script."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from etabli import __version__
from etabli.core.atomic_files import parse_json
from etabli.core.i18n import LANGUAGES, N_, _, current_language, translate_message

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    """A page: its key (template, script), its place, its names, and the tools that it plays with."""

    key: str
    path: str
    name: str
    title: str
    says: str
    tools: tuple[str, ...] = ()
    listed: bool = True

    @property
    def script(self) -> str:
        return self.key


PAGES = (
    Page(
        "overview",
        "/",
        N_("Overview"),
        N_("The playground"),
        N_("Five deep-learning practicals to play with, on this machine."),
    ),
    Page(
        "runs",
        "/runs",
        N_("Runs"),
        N_("Runs"),
        N_("What was run, what it measured, and what is being trained now."),
    ),
    Page(
        "digits",
        "/digits",
        N_("Digits"),
        N_("Draw a digit"),
        N_("The linear model, the perceptron and the convolutional net answer while you draw."),
        ("digits.linear", "digits.mlp", "digits.cnn", "digits.plane"),
    ),
    Page(
        "backprop",
        "/backprop",
        N_("Back-propagation"),
        N_("Back-propagation, step by step"),
        N_("A small net on one example: every number, every gradient, one step of descent."),
    ),
    Page(
        "untangling",
        "/untangling",
        N_("Untangling"),
        N_("Manifold untangling"),
        N_("How the classes come apart, layer by layer and epoch by epoch."),
        ("untangling", "untangling.layers"),
    ),
    Page(
        "transfer",
        "/transfer",
        N_("Transfer"),
        N_("Transfer"),
        N_(
            "Drop a photo: the classes that are in it, and the training images nearest to it in feature space."
        ),
        ("transfer",),
    ),
    Page(
        "poetry",
        "/poetry",
        N_("Poetry"),
        N_("Poetry, character by character"),
        N_("Choose a beginning and a temperature; the net goes on."),
        ("poetry", "poetry.modern", "poetry.ngram"),
    ),
    Page(
        "words",
        "/words",
        N_("Words"),
        N_("The map of words"),
        N_("Word vectors in the plane: neighbours and analogies."),
        ("words",),
    ),
    Page(
        "captions",
        "/captions",
        N_("Captions"),
        N_("Captions"),
        N_(
            "Drop a photo: several captions with their scores, and where the net looked at each word."
        ),
        ("captions",),
    ),
)
BY_KEY = {page.key: page for page in PAGES}
RUN_PAGE = Page(
    "run",
    "/runs/{run}",
    N_("Run"),
    N_("Run"),
    N_("Published and measured, curves, figures."),
    listed=False,
)
COMPARE_PAGE = Page(
    "compare",
    "/compare",
    N_("Compare"),
    N_("Two runs side by side"),
    N_(
        "The same scores in both, their curves laid over one another, and the settings that differ."
    ),
    listed=False,
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
    """Every text that the scripts mark by ``_("...")``."""
    found = set()
    for path in sorted((HERE / "static" / "js").glob("*.js")):
        for literal in re.findall(r'\b_\(\s*("(?:[^"\\]|\\.)*")', path.read_text(encoding="utf-8")):
            found.add(parse_json(literal))
    return tuple(sorted(found))


@cache
def script_texts(language: str) -> str:
    """The texts of the scripts in one language, as JSON that can stand inside HTML."""
    texts = (
        {message: translate_message(message, language) for message in script_messages()}
        if language != "en"
        else {}
    )
    return json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")


def render(page: Page, request: Request, **values: object) -> HTMLResponse:
    """The page in the language of the request."""
    query = dict(request.query_params)

    def query_in(code: str) -> str:
        return urlencode({**query, "lang": code})

    language = current_language()
    text = (
        _environment()
        .get_template(f"{page.key}.html")
        .render(
            page=page, language=language, texts=script_texts(language), query_in=query_in, **values
        )
    )
    return HTMLResponse(text)


def language_of(query: str | None, cookie: str | None, default: str) -> str:
    """The language of a request: asked for now, asked for before, or the server's."""
    return next((code for code in (query, cookie) if code in LANGUAGES), default)
