"""The map of words: where each stands in the plane, its neighbours, and analogies."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, Nothing, Question
from etabli.web.model_cache import Found, Tool
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

LISTED = 10


class OneWord(Question):
    """A word of the map."""

    word: str = Field(min_length=1, max_length=60)


class ThreeWords(Question):
    """a is to b as c is to ...?"""

    a: str = Field(min_length=1, max_length=60)
    b: str = Field(min_length=1, max_length=60)
    c: str = Field(min_length=1, max_length=60)


@dataclass
class WordMap:
    """Words with their vectors (N, D), places (N, 2) and clusters (N,); and the centres' places and names."""

    words: tuple[str, ...]
    vectors: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    centres: np.ndarray
    names: list[str]


def load(found: Found) -> WordMap:
    """The map that a run of ``tp4.words`` drew, with the vectors of its words."""
    from safetensors.numpy import load_file

    from etabli.data.catalog.source import Source
    from etabli.data.formats import word_vectors
    from etabli.experiments.tp4 import words
    from etabli.models.text.word_similarity import normalise

    kept = load_file(found.piece / "clusters.safetensors")
    source = Source(found.record.data)
    vectors = word_vectors.load(source, words.words(source))
    count = len(vectors.words)
    if len(kept["labels"]) != count or len(kept["points"]) != count + len(kept["centres"]):
        raise CorruptFile(_("the map of this run belongs to other words"))
    unit = normalise(vectors.vectors)
    nearest = (kept["centres"] @ unit.T - (unit**2).sum(axis=1) / 2).argmax(axis=1)
    return WordMap(
        tuple(vectors.words),
        unit,
        kept["points"][:count],
        kept["labels"],
        kept["points"][count:],
        [vectors.words[place] for place in nearest],
    )


TOOLS = (Tool("words", "tp4.words", ("clusters.safetensors",), load),)


def drawn(studio: Studio, question: Nothing) -> dict[str, object]:
    """Every word with its place and its cluster."""
    known: WordMap = studio.shelf.get("words")
    return {
        "words": list(known.words),
        "points": np.round(known.points.astype(float), 3).tolist(),
        "labels": known.labels.tolist(),
        "centres": np.round(known.centres.astype(float), 3).tolist(),
        "names": known.names,
    }


def near(studio: Studio, question: OneWord) -> dict[str, object]:
    """The nearest words by cosine."""
    from etabli.models.text.word_similarity import neighbours

    known: WordMap = studio.shelf.get("words")
    return {"found": neighbours(known.words, known.vectors, question.word.lower(), LISTED)}


def analogies(studio: Studio, question: ThreeWords) -> dict[str, object]:
    """The words nearest to b - a + c."""
    from etabli.models.text.word_similarity import analogy

    known: WordMap = studio.shelf.get("words")
    a, b, c = (word.lower() for word in (question.a, question.b, question.c))
    return {"found": analogy(known.words, known.vectors, a, b, c, LISTED // 2)}


ENDPOINTS = [
    Endpoint("/api/words", drawn, Nothing, says=N_("The map of words")),
    Endpoint("/api/words/near", near, OneWord, says=N_("The neighbours of a word")),
    Endpoint("/api/words/analogy", analogies, ThreeWords, says=N_("What is to c as b is to a")),
]
