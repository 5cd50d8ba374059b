"""A trained captioner as a folder: its arrays, its words, what it sees, and the card that says what it is.

captioner.safetensors    the arrays; its metadata name the words that they belong to
album.safetensors        where it has one: the training images that it remembers
captioner.json           kind, words, image features, search, card
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.captioning import attention, beam_search, ensemble, reranking, simple_rnn
from etabli.models.captioning.beam_search import Found, Search
from etabli.models.captioning.reranking import Album
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.text.sampling import Decoding

KINDS = ("course", "modern", "attention")
ARRAYS, ALBUM, WORDS = "captioner.safetensors", "album.safetensors", "captioner.json"
_COURSE = ("kernel", "recurrent", "bias", "dense", "dense_bias")


@dataclass(frozen=True)
class Captioner:
    """A captioner that can be asked: from region maps (N, L, D) of images to captions.

    ``kind`` "course" reduces the mean of the map by ``pca/mean`` and ``pca/components`` and reads word vectors from
    ``table``; "modern" sees the mean; "attention" the map; both may be several nets (``etabli.models.captioning.ensemble``).
    ``features`` names what the maps are made with, ``album`` holds the training images that its search may ask.
    ``card`` tells what it was trained on, how well it does, and what it may be used for.
    """

    kind: str
    vocabulary: Vocabulary
    arrays: dict[str, np.ndarray]
    features: str
    search: Search = field(default_factory=Search)
    card: dict[str, Any] = field(default_factory=dict)
    album: Album | None = None

    def prepared(self, maps: np.ndarray) -> tuple[Any, Any, Any, Any]:
        """Step, weights, scene and first state, as ``etabli.models.captioning.beam_search`` takes them."""
        wanted = self.arrays["pca/mean" if self.kind == "course" else "gist/kernel"].shape[0]
        if maps.ndim != 3 or maps.shape[2] != wanted:
            raise BadArray(
                _("these image features are not those that the captioner learnt from"),
                expected=_("(images, regions, {d})").format(d=wanted),
                got=maps.shape,
            )
        if self.kind == "course":
            images = reduced(maps, self.arrays["pca/mean"], self.arrays["pca/components"])
            weights = [self.arrays[name] for name in _COURSE]
            first = np.zeros((len(maps), len(weights[1])), np.float32)
            return (
                simple_rnn.step,
                {"weights": weights, "table": self.arrays["table"]},
                images,
                first,
            )
        if self.kind == "modern":
            maps = pooled(maps)[:, None]
        nets = ensemble.members(self.arrays)
        scenes = _look()(nets, maps)
        return ensemble.step, nets, scenes, tuple(scene["first"] for scene in scenes)

    def write(self, maps: np.ndarray, search: Search | None = None) -> Found:
        """The best captions of each image, by ``search`` or by the captioner's own."""
        search = search or self.search
        found = beam_search.search(*self.prepared(maps), self.vocabulary, search)
        return (
            reranking.reranked(self.judged(maps, found, search.neighbours), search)
            if search.consensus
            else found
        )

    def judged(self, maps: np.ndarray, found: Found, neighbours: int = 0) -> list[reranking.Judged]:
        """The captions found, with how they agree with each other and with those of ``neighbours`` training images."""
        if neighbours and self.album is None:
            raise DataMissing(
                _("this captioner has no album of training images to ask"),
                fix=_("Search without neighbours, or keep {file} beside the captioner.").format(
                    file=ALBUM
                ),
            )
        near = self.album.captions_near(pooled(maps), neighbours) if neighbours else ()
        return reranking.judged(found, near)

    def sample(self, maps: np.ndarray, decoding: Decoding, generator: np.random.Generator) -> Found:
        """One caption of each image, drawn word by word."""
        return beam_search.sample(
            *self.prepared(maps), self.vocabulary, decoding, generator, self.search.steps
        )

    def looks(self, maps: np.ndarray, words: np.ndarray) -> np.ndarray | None:
        """Where it looked for each of ``words`` (N, T) as ``write`` gives them: (N, T, L); None without attention."""
        if self.kind != "attention":
            return None
        read = np.concatenate(
            [np.full((len(words), 1), self.vocabulary.start), words[:, :-1]], axis=1
        )
        nets = ensemble.members(self.arrays)
        return np.mean([attention.where_it_looks(net, maps, read) for net in nets], axis=0)

    def save(self, folder: Path | str) -> Path:
        """Write both files into ``folder``."""
        folder = Path(folder)
        arrays = {
            name: np.ascontiguousarray(array, np.float32) for name, array in self.arrays.items()
        }
        marks = {"words": digest(self.vocabulary), "kind": self.kind}
        with atomic_write(folder / ARRAYS, "wb") as stream:
            stream.write(save(arrays, marks))
        if self.album is not None:
            with atomic_write(folder / ALBUM, "wb") as stream:
                stream.write(
                    save(
                        {name: np.ascontiguousarray(a) for name, a in vars(self.album).items()},
                        marks,
                    )
                )
        with atomic_write(folder / WORDS) as stream:
            document = {
                "kind": self.kind,
                "features": self.features,
                "search": asdict(self.search),
                "card": self.card,
                "words": list(self.vocabulary.words),
            }
            json.dump(document, stream, ensure_ascii=False, indent=1)
        return folder


@cache
def _look():
    import jax

    return jax.jit(ensemble.look)


def load(folder: Path | str) -> Captioner:
    """Read a captioner; ``CorruptFile`` where a file is broken or the words are another model's."""
    folder = Path(folder)
    if not (folder / WORDS).is_file() or not (folder / ARRAYS).is_file():
        raise DataMissing(
            _("there is no captioner in {folder}").format(folder=folder),
            expected=f"{WORDS}, {ARRAYS}",
            fix=_("Train one with: etabli run tp5.attention, or etabli caption train FOLDER"),
        )
    try:
        document = parse_json((folder / WORDS).read_text(encoding="utf-8"))
        vocabulary = Vocabulary(tuple(document["words"]))
        marked = digest(vocabulary)
        arrays, metadata = _read(folder / ARRAYS)
        album, album_metadata = (
            _read(folder / ALBUM) if (folder / ALBUM).is_file() else ({}, metadata)
        )
        remembered = Album(**album) if album else None
        search, kind, features = (
            Search(**document["search"]),
            document["kind"],
            document["features"],
        )
        card = dict(document["card"])
    except (ValueError, KeyError, TypeError, SafetensorError, BadArray) as error:
        raise CorruptFile(
            _("{folder} does not hold a whole captioner").format(folder=folder)
        ) from error
    if (
        metadata != album_metadata
        or metadata.get("words") != marked
        or kind not in KINDS
        or metadata.get("kind") != kind
    ):
        raise CorruptFile(
            _("the words in {folder} belong to another captioner").format(folder=folder),
            fix=_("Keep {first} and {second} of one training together.").format(
                first=WORDS, second=ARRAYS
            ),
        )
    if missing := sorted(_missing(kind, arrays)):
        raise CorruptFile(
            _("the captioner in {folder} was made by another version: it lacks {name}").format(
                folder=folder, name=missing[0]
            ),
            fix=_("Train it again."),
        )
    return Captioner(kind, vocabulary, arrays, features, search, card, remembered)


def _missing(kind: str, arrays: dict[str, np.ndarray]) -> set[str]:
    """The arrays that a captioner of this kind needs and that are not there."""
    if kind == "course":
        return {*_COURSE, "table", "pca/mean", "pca/components"} - arrays.keys()
    smallest = attention.Shape(2, 1, 1, 1, int(kind == "attention"))
    needed = attention.initial(smallest, make_generator(0)).keys()
    return {name for net in ensemble.members(arrays) or ({},) for name in needed - net.keys()}


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, framework="numpy") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}, stored.metadata() or {}  # noqa: SIM118


def digest(vocabulary: Vocabulary) -> str:
    """A hash of the words in their order."""
    return hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest()[:16]


def pooled(maps: np.ndarray) -> np.ndarray:
    """The mean over the regions, (N, D) float32, a thousand images at a time."""
    parts = [
        maps[first : first + 1000].astype(np.float32).mean(axis=1)
        for first in range(0, len(maps), 1000)
    ]
    return np.concatenate(parts)


def reduced(maps: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """The pooled map, less the training images' mean, on their principal axes: (N, 100) float32."""
    return ((pooled(maps) - mean) @ components.T).astype(np.float32)


def fit_reduction(maps: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and axes (size, D) of the training images, scaled so that these are of length 1 (root mean square).

    The word vectors beside which they enter a recurrent net are of length 1 as well; ten times longer ones, whose
    coordinates spread by 1 each, drown the words.
    """
    from sklearn.decomposition import PCA

    features = pooled(maps)
    size = min(size, *features.shape)
    pca = PCA(size, svd_solver="covariance_eigh").fit(features)
    spread = np.sqrt(pca.explained_variance_.sum())
    return pca.mean_.astype(np.float32), (pca.components_ / spread).astype(np.float32)


def course_arrays(
    weights: list[np.ndarray], table: np.ndarray, mean: np.ndarray, components: np.ndarray
) -> dict:
    """The arrays of a captioner of the kind "course" from its Keras weights and its look-ups."""
    named = dict(zip(_COURSE, weights, strict=True))
    return {**named, "table": table, "pca/mean": mean, "pca/components": components}
