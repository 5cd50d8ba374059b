"""Poetry: a net goes on from a beginning, one character at a time, and shows what else it might have written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Nothing, Question, answered
from etabli.web.model_cache import Found, Tool
from etabli.web.sse import Streams, event, paced
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

SHOWN = 6
SECONDS_A_CHARACTER = 0.012  # so that one can follow how it is written


class Wish(Question):
    """How to go on, and from where."""

    net: Literal["poetry", "poetry.modern", "poetry.ngram"] = "poetry"
    prompt: str = Field("souvent, p", min_length=1, max_length=500)
    temperature: float = Field(0.5, ge=0.01, le=20)
    top_k: int = Field(0, ge=0, le=1000)
    length: int = Field(300, ge=1, le=2000)
    seed: int = Field(0, ge=0, le=2**31 - 1)


@dataclass
class Poet:
    """A reader of characters, made anew for every poem, and its alphabet."""

    vocabulary: tuple[str, ...]
    make_reader: object
    least: int  # characters that a prompt must have

    def write(self, wish: Wish) -> Iterator[dict[str, object]]:
        """Each character with the likeliest ones that stood beside it."""
        from etabli.core import seeding
        from etabli.models.text.sampling import Decoding, sample

        prompt, unknown = self._codes(wish.prompt)
        yield {"prompt": "".join(self.vocabulary[code] for code in prompt), "unknown": unknown}
        decoding = Decoding(temperature=wish.temperature, top_k=wish.top_k or None)
        generator = seeding.make_generator(wish.seed, "playground", "poetry")
        reader = self.make_reader()
        log_p = reader.start(self._padded(prompt)[None])
        for _number in range(wish.length):
            chosen_from = decoding.apply(log_p)
            code = sample(chosen_from, generator)
            yield self._told(
                int(code[0]), np.exp(chosen_from[0]), np.exp(np.asarray(log_p[0], np.float64))
            )
            log_p = reader.step(code)

    def _codes(self, prompt: str) -> tuple[np.ndarray, str]:
        """The prompt in the net's alphabet, lower-cased; what it never saw is left out and named."""
        places = {letter: place for place, letter in enumerate(self.vocabulary)}
        letters = list(
            prompt if any(letter.isupper() for letter in self.vocabulary) else prompt.lower()
        )
        known = [places[letter] for letter in letters if letter in places]
        unknown = "".join(dict.fromkeys(letter for letter in letters if letter not in places))
        return np.array(known or [places.get(" ", 0)]), unknown

    def _padded(self, codes: np.ndarray) -> np.ndarray:
        """A short prompt is read after spaces, since the course's net reads a window of one length."""
        space = self.vocabulary.index(" ") if " " in self.vocabulary else 0
        return np.concatenate([np.full(max(0, self.least - len(codes)), space), codes])

    def _told(self, code: int, chosen_from: np.ndarray, raw: np.ndarray) -> dict[str, object]:
        likely = np.argsort(-chosen_from, kind="stable")[:SHOWN]
        others = [[self.vocabulary[place], round(float(chosen_from[place]), 4)] for place in likely]
        return {"letter": self.vocabulary[code], "p": round(float(raw[code]), 4), "others": others}


def _text_of(found: Found):
    from etabli.data.catalog.source import Source
    from etabli.data.synthetic import verse

    return verse.load(Source(found.record.data))


def _weights(found: Found) -> list[np.ndarray]:
    from etabli.training import keras_io

    return keras_io.load(found.piece / "model.keras").get_weights()


def _load_course(found: Found) -> Poet:
    from etabli.models.text.generation import WindowReader

    weights, length = _weights(found), int(found.record.settings["length"])
    return Poet(_text_of(found).vocabulary, lambda: WindowReader(weights, length), length)


def _load_modern(found: Found) -> Poet:
    from etabli.models.text.generation import LstmReader

    weights = _weights(found)
    return Poet(_text_of(found).vocabulary, lambda: LstmReader(weights), 1)


def _load_ngram(found: Found) -> Poet:
    """The counting model that stands beside the net in the report; it is made from the text in a moment."""
    from etabli.models.text.generation import NGramReader
    from etabli.models.text.ngram import kneser_ney

    text = _text_of(found)
    model = kneser_ney(text.codes[: text.boundary()], len(text.vocabulary), 6)
    return Poet(text.vocabulary, lambda: NGramReader(model), 1)


TOOLS = (
    Tool("poetry", "tp4.poetry", ("model.keras",), _load_course),
    Tool("poetry.modern", "tp4.poetry-modern", ("model.keras",), _load_modern),
    Tool("poetry.ngram", "tp4.poetry", ("model.keras",), _load_ngram),
)


def alphabet(studio: Studio, question: Nothing) -> dict[str, object]:
    """The poets that are there, and the characters that each knows."""
    there = {
        tool.key: "".join(studio.shelf.get(tool.key).vocabulary)
        for tool in TOOLS
        if studio.shelf.has(tool.key)
    }
    if not there:
        studio.shelf.get("poetry")
    return there


def written(studio: Studio, question: Wish) -> dict[str, object]:
    """A whole text at once, for those who do not stream."""
    poet: Poet = studio.shelf.get(question.net)
    first, *characters = poet.write(question)
    return {**first, "text": "".join(str(each["letter"]) for each in characters)}


def stream_routes(studio: Studio, streams: Streams) -> list[Route]:
    """The poem as it is written."""

    async def write(request: Request) -> Response:
        async def work() -> Response:
            query = {name: value for name, value in request.query_params.items() if name != "lang"}
            wish = Wish.model_validate(query)
            poet: Poet = studio.shelf.get(wish.net)
            return streams.response(_letters(poet, wish))

        return await answered(work)

    return [Route("/api/poetry/stream", write)]


async def _letters(poet: Poet, wish: Wish) -> AsyncIterator[bytes]:
    writing = poet.write(wish)
    first = await to_thread.run_sync(next, writing)
    yield event("prompt", first)
    async for letter in paced(writing, SECONDS_A_CHARACTER):
        yield event("letter", letter)
    yield event("end", {})


STREAM = Endpoint(
    "/api/poetry/stream", written, Wish, stream=True, says=N_("A text as it is written")
)
ENDPOINTS = [
    Endpoint("/api/poetry", alphabet, Nothing, says=N_("The poets that are trained")),
    Endpoint(
        "/api/poetry/write", written, Wish, "POST", says=N_("A text that goes on from a prompt")
    ),
]
