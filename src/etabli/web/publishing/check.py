"""Check a site: open its pages from disk in Chromium, and compare their answers with Python's."""

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import LANGUAGES, _
from etabli.web.pages import backprop, digits, poetry, words
from etabli.web.publishing.contents import PublishedRuns

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

MANIFEST = "site.json"  # marks a folder that may be replaced by --overwrite
QUESTIONS = "check.json"  # questions to the pages, with the answers of Python
_TOLERANCE = 1e-5
_SECONDS = 30  # until the scripts of a page have started
_DRAWINGS = (
    [[[0.35, 0.3], [0.55, 0.1], [0.55, 0.9]]],
    [[[0.2, 0.12], [0.8, 0.12], [0.58, 0.45], [0.42, 0.9]]],
    [[[0.6, 0.1], [0.2, 0.6], [0.82, 0.6]], [[0.62, 0.35], [0.62, 0.9]]],
)
_STARTED = "() => window.etabli?.isStarted && document.getElementById('old')?.hidden"
_ASK = "([path, body]) => etabli.request(path, { body })"


class Question(BaseModel):
    """A request to a page, and the answer of Python."""

    path: str
    body: Any
    answer: Any


class Questions(BaseModel):
    """The pages of a site in each language, and the questions to them by page."""

    pages: list[Annotated[str, Field(pattern=r"^[^/\\]*$")]]
    questions: dict[str, list[Question]] = Field(default_factory=dict)


@dataclass(frozen=True)
class CheckedPage:
    """A page in one language: when its scripts were done, and what is wrong with it."""

    name: str
    seconds: float
    problems: list[str] = field(default_factory=list)


def list_questions(state: PublishedRuns) -> dict[str, list[Question]]:
    """Return the questions to each page, with Python's answers."""
    found: dict[str, list[Question]] = {"digits": []}
    for strokes in _DRAWINGS:
        answer: dict[str, Any] = digits.classify(state, digits.Drawing(strokes=strokes))
        shown = {
            net: {"probabilities": each["probabilities"]}
            for net, each in answer["predictions"].items()
        }
        found["digits"].append(
            Question(
                path="/api/digits",
                body={"strokes": strokes},
                answer={**answer, "predictions": shown},
            )
        )
    found["poetry"] = [
        _ask_for_text(state, spec.key) for spec in poetry.MODELS if state.has(spec.key)
    ]
    found["words"] = _ask_words(state) if state.has("words") else []
    found["backprop"] = [_ask_backprop(name) for name in ("xavier", "normal", "large", "zeros")]
    return found


def _ask_for_text(state: PublishedRuns, net: str) -> Question:
    given = {"net": net, "prompt": "souvent, p", "length": 200, "seed": 3}
    params = poetry.GenerationParams.model_validate(given)
    return Question(
        path="/api/poetry/write",
        body=params.model_dump(),
        answer=poetry.generate(state, params),
    )


def _ask_backprop(initializer: str) -> Question:
    params = backprop.BackpropParams.model_validate({"initializer": initializer, "step": 20})
    return Question(
        path="/api/backprop", body=params.model_dump(), answer=backprop.descend(None, params)
    )


def _ask_words(state: PublishedRuns) -> list[Question]:
    known = state.get("words")
    assert isinstance(known, words.WordMap)
    asked = [
        Question(
            path="/api/words/neighbors",
            body={"word": word},
            answer=words.find_neighbors(state, words.WordParams(word=word)),
        )
        for word in known.words[:: max(1, len(known.words) // 5)]
    ]
    a, b, c = known.words[:3]
    params = words.AnalogyParams(a=a, b=b, c=c)
    answer = words.solve_analogy(state, params)
    return [*asked, Question(path="/api/words/analogy", body=params.model_dump(), answer=answer)]


def read_questions(folder: Path) -> Questions:
    """Read the pages of a site and the questions to them.

    Raises:
        DataMissing: The folder is no site.
        CorruptFile: Its file of questions is damaged, or names a page that is not there.
    """
    path = folder / QUESTIONS
    try:
        found = Questions.model_validate_json(path.read_bytes())
    except OSError:
        raise DataMissing(
            _("{folder} is not a site: it has no {name}").format(folder=folder, name=QUESTIONS),
            fix=_("Make one with: etabli publish --out site"),
        ) from None
    except ValidationError:
        found = Questions(pages=[""])
    if not all((folder / code / name).is_file() for code in LANGUAGES for name in found.pages):
        raise CorruptFile(
            _("{path} is not a file of a site").format(path=path), fix=_("Publish the site again.")
        )
    return found


def check(folder: str | Path) -> list[CheckedPage]:
    """Open every page of a site from disk, and compare what its nets answer with Python.

    Raises:
        DataMissing: The folder is no site.
        CorruptFile: The site is damaged.
        EtabliError: There is no Playwright, or no Chromium.
    """
    folder = Path(folder).absolute()
    found = read_questions(folder)
    # Playwright refuses a thread with an event loop, as that of a notebook.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, _check_pages, folder, found).result()


def _check_pages(folder: Path, found: Questions) -> list[CheckedPage]:
    with _open_browser() as context:
        return [
            _check_page(context, folder, f"{language}/{name}", found.questions)
            for language in LANGUAGES
            for name in found.pages
        ]


@contextmanager
def _open_browser() -> Iterator["BrowserContext"]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise EtabliError(
            _("--check opens the pages with Playwright, which is not installed"),
            fix=_("Install it with: pip install playwright, then: playwright install chromium"),
        ) from None
    with sync_playwright() as play:
        installed = shutil.which("chromium") or shutil.which("google-chrome")
        try:
            browser = play.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        except Error as error:
            raise EtabliError(
                _("Playwright found no Chromium"),
                fix=_("Install one with: playwright install chromium"),
            ) from error
        yield browser.new_context()
        browser.close()


def _check_page(
    context: "BrowserContext", folder: Path, name: str, questions: dict[str, list[Question]]
) -> CheckedPage:
    problems: list[str] = []
    page, root = context.new_page(), folder.as_uri()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.extend(_list_foreign(request.url, root)))
    started = time.monotonic()
    page.goto(f"{root}/{name}")
    seconds = _wait_until_started(page, started, problems)
    if not problems:
        for question in questions.get(Path(name).stem, ()):
            answer = page.evaluate(_ASK, [question.path, question.body])
            if (place := find_difference(question.answer, answer)) is not None:
                asked = json.dumps(question.body)[:60]
                sentence = _("{path} {asked}: the answer differs from Python's at {place}")
                problems.append(
                    sentence.format(path=question.path, asked=asked, place=place or "/")
                )
    page.close()
    return CheckedPage(name, seconds, problems)


def _wait_until_started(page: "Page", started: float, problems: list[str]) -> float:
    from playwright.sync_api import TimeoutError as TooLate

    try:
        page.wait_for_function(_STARTED, timeout=1000 * _SECONDS)
    except TooLate:
        problems.append(_("its scripts did not start"))
    return time.monotonic() - started


def _list_foreign(url: str, root: str) -> list[str]:
    """Return an address that is not in the site."""
    return [] if url.startswith((f"{root}/", "data:", "blob:")) else [url]


def find_difference(expected: object, got: object, place: str = "") -> str | None:
    """Return where an answer differs from the expected one; extra fields are ignored.

    Numbers may differ by 1e-5, relative to their size above 1.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        pairs = [(key, value, got.get(key)) for key, value in expected.items()]
    elif isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            return place
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(expected, got, strict=True))]
    elif isinstance(expected, int | float) and isinstance(got, int | float):
        return None if abs(expected - got) <= _TOLERANCE * max(1, abs(expected)) else place
    else:
        return None if expected == got else place
    places = (find_difference(value, other, f"{place}/{key}") for key, value, other in pairs)
    return next((each for each in places if each is not None), None)
