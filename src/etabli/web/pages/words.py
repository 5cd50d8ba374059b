"""The word map: the position of each word in the plane, its nearest neighbors, and analogies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, UnknownName
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, NoParams, Params
from etabli.web.encoding import encode_array
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.data.formats.word_vectors import WordVectors

N_NEIGHBORS = 10
N_ANSWERS = 5


class WordParams(Params):
    """A word of the map."""

    word: str = Field(min_length=1, max_length=60)


class AnalogyParams(Params):
    """a is to b as c is to ...?"""

    a: str = Field(min_length=1, max_length=60)
    b: str = Field(min_length=1, max_length=60)
    c: str = Field(min_length=1, max_length=60)


@dataclass
class WordMap:
    """Words with vectors (N, D), points (N, 2) and clusters (N,); centers (K, 2) with names.

    Cosines are computed in double and rounded: a published page finds the same ones.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    centers: np.ndarray
    names: list[str]

    def __post_init__(self) -> None:
        self.unit = _normalize(self.vectors.astype(np.float64))

    def list_positions(self) -> dict[str, object]:
        """Return every word with its position and its cluster."""
        return {
            "words": list(self.words),
            "points": np.round(self.points.astype(float), 3).tolist(),
            "labels": self.labels.tolist(),
            "centers": np.round(self.centers.astype(float), 3).tolist(),
            "names": self.names,
        }

    def find_row(self, word: str) -> int:
        """Return the row of a word in any case; ``UnknownName`` where there is none."""
        if word.lower() not in self.words:
            raise UnknownName(_("word"), word.lower(), self.words)
        return self.words.index(word.lower())

    def find_nearest(
        self, target: np.ndarray, excluded: list[int], count: int
    ) -> list[tuple[str, float]]:
        """Return the words of largest cosine with a vector of length 1, without some rows."""
        cosines = np.round(self.unit @ target, 9)  # equal vectors: equal cosines, here and there
        order = [i for i in np.argsort(-cosines, kind="stable") if i not in excluded]
        return [(self.words[i], round(float(cosines[i]), 6)) for i in order[:count]]

    def describe(self) -> dict[str, object]:
        """Describe the map for a page that answers itself."""
        return {"map": self.list_positions(), "vectors": encode_array(self.vectors)}


def _normalize(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _load(found: TrainedModel) -> WordMap:
    """Load the map of a run of ``tp4.words``, and the vectors of its words."""
    from safetensors.numpy import load_file

    from etabli.models.text.word_similarity import normalize

    arrays = load_file(found.folder / "clusters.safetensors")
    vectors = _load_vectors(found)
    centers = arrays["centers" if "centers" in arrays else "centres"]
    count = len(vectors.words)
    if len(arrays["labels"]) != count or len(arrays["points"]) != count + len(centers):
        raise CorruptFile(_("the map of this run belongs to other words"))
    unit = normalize(vectors.vectors)
    # The nearest word to each center: |u - c|^2 is smallest where u c - |u|^2 / 2 is largest.
    nearest = (centers @ unit.T - (unit**2).sum(axis=1) / 2).argmax(axis=1)
    return WordMap(
        tuple(vectors.words),
        vectors.vectors,
        arrays["points"][:count],
        arrays["labels"],
        arrays["points"][count:],
        [vectors.words[index] for index in nearest],
    )


def _load_vectors(found: TrainedModel) -> "WordVectors":
    """Load the words of a run: a shipped one has files of its own, another those of its data."""
    from safetensors.numpy import load_file

    from etabli.data.catalog.source import Source
    from etabli.data.formats import word_vectors
    from etabli.experiments.tp4 import words

    path = found.folder / "words.json"
    if path.exists():
        stored = load_file(found.folder / "words.safetensors")["vectors"]
        listed = parse_json(path.read_text(encoding="utf-8"))
        return word_vectors.WordVectors(tuple(listed), stored.astype(np.float32))
    source = Source(found.record.data)
    return word_vectors.load(source, words.words(source))


MODELS = (ModelSpec("words", "tp4.words", ("clusters.safetensors",), _load),)


def get_map(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """Return every word with its position and its cluster."""
    known: WordMap = state.models.get("words")
    return known.list_positions()


def find_neighbors(state: PlaygroundState, params: WordParams) -> dict[str, object]:
    """Return the nearest words by cosine similarity."""
    known: WordMap = state.models.get("words")
    row = known.find_row(params.word)
    return {"found": known.find_nearest(known.unit[row], [row], N_NEIGHBORS)}


def solve_analogy(state: PlaygroundState, params: AnalogyParams) -> dict[str, object]:
    """Return the words nearest to b - a + c."""
    known: WordMap = state.models.get("words")
    rows = [known.find_row(word) for word in (params.a, params.b, params.c)]
    a, b, c = known.unit[rows]
    return {"found": known.find_nearest(_normalize(b - a + c), rows, N_ANSWERS)}


ENDPOINTS = [
    Endpoint("/api/words", get_map, summary=N_("The word map")),
    Endpoint(
        "/api/words/neighbors",
        find_neighbors,
        WordParams,
        summary=N_("The nearest neighbors of a word"),
    ),
    Endpoint(
        "/api/words/analogy",
        solve_analogy,
        AnalogyParams,
        summary=N_("The word that is to c as b is to a"),
    ),
]
