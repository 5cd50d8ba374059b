"""Poetry: a language model continues a seed text, one character at a time, with alternatives."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from threadpoolctl import ThreadpoolController

from etabli.core.atomic_files import parse_json
from etabli.core.errors import EtabliError
from etabli.core.i18n import N_
from etabli.web.api import Endpoint, NoParams, Params, handle_errors
from etabli.web.encoding import encode_array
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.own_models import OwnName
from etabli.web.sse import StreamLimiter, format_event, throttle
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.models.text.generation import Predictor
    from etabli.models.text.ngram import NGram, Order

N_ALTERNATIVES = 6
SECONDS_PER_CHARACTER = 0.012  # slow enough to be followed on the page


class GenerationParams(Params):
    """The seed text and how to continue it."""

    net: Literal["poetry", "poetry.modern", "poetry.ngram"] | OwnName = "poetry"
    prompt: str = Field("souvent, p", min_length=1, max_length=500)
    temperature: float = Field(0.5, ge=0.01, le=20)
    top_k: int = Field(0, ge=0, le=1000)
    length: int = Field(300, ge=1, le=2000)
    seed: int = Field(0, ge=0, le=2**31 - 1)


@dataclass
class CharacterModel:
    """A character language model: its vocabulary, its weights or n-grams, its test score.

    The weights are those of a SimpleRNN that reads ``window`` characters, or of an LSTM (0). They
    are rounded to half precision, as a published page carries them, and compute in double: so the
    page here and the published one write the same texts.
    """

    vocabulary: tuple[str, ...]
    model: "list[np.ndarray] | NGram"
    window: int = 0
    nats: float | None = None  # per character of the test text, as its run measured it

    def __post_init__(self) -> None:
        if isinstance(self.model, list):
            self.model = [each.astype(np.float16).astype(np.float64) for each in self.model]

    def make_predictor(self) -> "Predictor":
        """Create a reader of one text."""
        from etabli.models.text import generation

        if not isinstance(self.model, list):
            return generation.NGramPredictor(self.model)
        if self.window:
            return generation.WindowPredictor(self.model, self.window)
        return generation.LstmPredictor(self.model)

    def describe(self) -> dict[str, object]:
        """Describe the model for a page that runs it itself."""
        described = {"vocabulary": list(self.vocabulary), "nats": self.nats}
        if not isinstance(self.model, list):
            orders = [_describe_order(order) for order in self.model.orders]
            return {**described, "kind": "ngram", "min_prompt": 1, "orders": orders}
        weights = [encode_array(each.astype(np.float16)) for each in self.model]
        kind = "simple-rnn" if self.window else "lstm"
        more = {"kind": kind, "window": self.window, "min_prompt": self.window or 1}
        return {**described, **more, "weights": weights}

    def generate(self, params: GenerationParams) -> Iterator[dict[str, object]]:
        """Yield the prompt as it was read, then each character with its alternatives."""
        from etabli.core import seeding
        from etabli.models.text.sampling import Decoding, sample

        prompt, unknown = self._encode(params.prompt)
        yield {"prompt": "".join(self.vocabulary[code] for code in prompt), "unknown": unknown}
        decoding = Decoding(temperature=params.temperature, top_k=params.top_k or None)
        generator = seeding.make_generator(params.seed, "playground", "poetry")
        predictor = self.make_predictor()
        log_p = predictor.start(self._pad(prompt)[None])
        for _index in range(params.length):
            decoded = decoding.apply(log_p)
            code = sample(decoded, generator)
            # "p" is the model's own probability, before temperature and top-k.
            p = np.exp(np.asarray(log_p[0], np.float64))[code[0]]
            yield {
                "character": self.vocabulary[code[0]],
                "p": round(float(p), 4),
                "alternatives": self._list_alternatives(np.exp(decoded[0])),
            }
            with _get_controller().limit(limits=1):  # more threads wait for each other
                log_p = predictor.step(code)

    def _encode(self, prompt: str) -> tuple[np.ndarray, str]:
        """Return the codes of a prompt, and its characters that are not in the vocabulary."""
        codes = {character: code for code, character in enumerate(self.vocabulary)}
        if not any(character.isupper() for character in self.vocabulary):
            prompt = prompt.lower()
        known = [codes[character] for character in prompt if character in codes]
        unknown = "".join(dict.fromkeys(each for each in prompt if each not in codes))
        return np.array(known or [codes.get(" ", 0)]), unknown

    def _pad(self, codes: np.ndarray) -> np.ndarray:
        """Pad a short prompt with spaces: the SimpleRNN reads windows of a fixed length."""
        space = self.vocabulary.index(" ") if " " in self.vocabulary else 0
        return np.concatenate([np.full(max(0, self.window - len(codes)), space), codes])

    def _list_alternatives(self, probabilities: np.ndarray) -> list[tuple[str, float]]:
        order = np.argsort(-probabilities, kind="stable")[:N_ALTERNATIVES]
        return [(self.vocabulary[code], round(float(probabilities[code]), 4)) for code in order]


@cache
def _get_controller() -> ThreadpoolController:
    return ThreadpoolController()


def _describe_order(order: "Order") -> dict[str, object]:
    """Describe the contexts of one length: sorted keys by their steps, counts by their lengths."""
    p = order.probabilities
    arrays = {
        "keys": np.diff(order.keys, prepend=0).astype(np.float64),
        "counts": np.diff(p.indptr).astype(np.uint16),
        "symbols": p.indices.astype(np.uint16),
        "probabilities": p.data,
        "backoff": order.backoff,
    }
    return {name: encode_array(values) for name, values in arrays.items()}


def _load_text(found: TrainedModel) -> Any:
    from etabli.data.catalog.source import Source
    from etabli.data.synthetic import verse

    return verse.load(Source(found.record.data))


def _load_vocabulary(found: TrainedModel) -> tuple[str, ...]:
    """Load the vocabulary: a shipped net has its own file, another that of its text."""
    path = found.folder / "vocabulary.json"
    if path.exists():
        return tuple(parse_json(path.read_text(encoding="utf-8")))
    return _load_text(found).vocabulary


def _load_weights(found: TrainedModel) -> list[np.ndarray]:
    from etabli.training import keras_io

    return keras_io.load(found.folder / "model.keras").get_weights()


def _read_score(found: TrainedModel, name: str) -> float | None:
    return next((score.value for score in found.record.scores if score.name == name), None)


def _load_simple_rnn(found: TrainedModel) -> CharacterModel:
    settings, weights = found.record.settings, _load_weights(found)
    length = int(str(settings.get("sequence_length") or settings["length"]))
    return CharacterModel(_load_vocabulary(found), weights, length, _read_score(found, "test_nats"))


def _load_lstm(found: TrainedModel) -> CharacterModel:
    vocabulary, weights = _load_vocabulary(found), _load_weights(found)
    return CharacterModel(vocabulary, weights, nats=_read_score(found, "test_nats"))


def _load_ngram(found: TrainedModel) -> CharacterModel:
    """Build the n-gram baseline of the report from the training text."""
    from etabli.models.text.ngram import kneser_ney

    text = _load_text(found)
    model = kneser_ney(text.codes[: text.boundary()], len(text.vocabulary), 6)
    return CharacterModel(text.vocabulary, model, nats=_read_score(found, "test_nats_ngram"))


MODELS = (
    ModelSpec("poetry", "tp4.poetry", ("model.keras",), _load_simple_rnn),
    ModelSpec("poetry.modern", "tp4.poetry-modern", ("model.keras",), _load_lstm),
    ModelSpec("poetry.ngram", "tp4.poetry", ("model.keras",), _load_ngram, needs="fleurs_du_mal"),
)


def load_own(folder: Path) -> CharacterModel:
    """Load a model of ``etabli poetry train``."""
    from etabli.models.text.generation import LstmPredictor, NGramPredictor, WindowPredictor
    from etabli.saved_models import text as saved_text

    reader, card = saved_text.load(folder)
    assert isinstance(reader, LstmPredictor | NGramPredictor | WindowPredictor)
    model = reader.model if isinstance(reader, NGramPredictor) else reader.weights
    window = card.sequence_length if card.architecture == "simple-rnn" else 0
    return CharacterModel(tuple(card.vocabulary), model, window, card.scores.get("test_nats"))


def _get_model(state: PlaygroundState, net: str) -> CharacterModel:
    """Return a loaded model of the page, or one of your own, "own:" and the name of its folder."""
    if net.startswith("own:"):
        model = state.own_models.get("text", net.removeprefix("own:"), load_own)
    else:
        model = state.models.get(net)
    assert isinstance(model, CharacterModel)
    return model


def list_own(state: PlaygroundState, _params: NoParams) -> dict[str, dict[str, object]]:
    """Return the models of ``etabli poetry train``: their text, score and default prompt."""
    found: dict[str, dict[str, object]] = {}
    for name, folder in state.own_models.find("text").items():
        with contextlib.suppress(EtabliError):
            found[f"own:{name}"] = describe_own(name, folder)
    return found


def describe_own(name: str, folder: Path) -> dict[str, object]:
    """Describe a model of ``etabli poetry train`` as the page lists it."""
    from etabli.saved_models import text as saved_text

    card = saved_text.read(folder)
    listed = {"name": name, "text": card.text, "prompt": card.seed_text}
    return {**listed, "nats": card.scores.get("test_nats")}


def list_writers(state: PlaygroundState, _params: NoParams) -> dict[str, dict[str, object]]:
    """Return the vocabulary and the test score of each loaded model."""
    loaded = {spec.key: state.models.get(spec.key) for spec in MODELS if state.models.has(spec.key)}
    if not loaded:
        state.models.get("poetry")  # raises NotReady with the reason
    return {
        key: {"vocabulary": "".join(model.vocabulary), "nats": model.nats}
        for key, model in loaded.items()
    }


def generate(state: PlaygroundState, params: GenerationParams) -> dict[str, object]:
    """Return a whole text at once."""
    model = _get_model(state, params.net)
    first, *characters = model.generate(params)
    return {**first, "text": "".join(str(each["character"]) for each in characters)}


def stream_routes(state: PlaygroundState, limiter: StreamLimiter) -> list[Route]:
    """Create the route that streams a text as it is generated."""

    async def stream(request: Request) -> Response:
        async def work() -> Response:
            query = {name: value for name, value in request.query_params.items() if name != "lang"}
            params = GenerationParams.model_validate(query)
            model = await to_thread.run_sync(_get_model, state, params.net)
            return limiter.respond(_stream_characters(model, params))

        return await handle_errors(work)

    return [Route(STREAM.path, stream)]


async def _stream_characters(
    model: CharacterModel, params: GenerationParams
) -> AsyncGenerator[bytes, None]:
    generated = model.generate(params)
    yield format_event("prompt", await to_thread.run_sync(next, generated))
    async for character in throttle(generated, SECONDS_PER_CHARACTER):
        yield format_event("character", character)
    yield format_event("end", {})


STREAM = Endpoint(
    "/api/poetry/stream",
    generate,
    GenerationParams,
    stream=True,
    summary=N_("A text, streamed as it is generated"),
)
ENDPOINTS = [
    Endpoint(
        "/api/poetry",
        list_writers,
        summary=N_("The loaded models with their vocabularies and scores"),
    ),
    Endpoint("/api/poetry/own", list_own, summary=N_("Your models of etabli poetry train")),
    Endpoint(
        "/api/poetry/write",
        generate,
        GenerationParams,
        "POST",
        summary=N_("A text that continues a prompt"),
    ),
]
