"""A trained image captioner in a folder: its arrays, its vocabulary and its card.

model.safetensors        the arrays; the metadata identify the vocabulary that they belong to
retrieval.safetensors    optional: features and captions of the training images, for reranking
known.safetensors        optional: features of training images, and in how many captions a word was
features.keras           optional: the net that computes the image features, where it is its own
card.json                architecture, image features, search, vocabulary, training
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.captioning import attention, beam_search, ensemble, reranking, simple_rnn
from etabli.models.captioning.beam_search import SearchConfig, SearchResult
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.text.sampling import Decoding
from etabli.saved_models.card import TRAIN_COMMANDS, check_card, mismatch, read_card, write_card

ARCHITECTURES = ("simple-rnn", "gru", "attention")
KIND, MODEL, RETRIEVAL = "captioner", "model.safetensors", "retrieval.safetensors"
KNOWN, NET = "known.safetensors", "features.keras"
_MOST_KNOWN = 2000
_SIMPLE_RNN = ("kernel", "recurrent", "bias", "dense", "dense_bias")


@dataclass(frozen=True, eq=False)
class KnownData:
    """What a captioner was trained on: pooled features (N, D) float16 of at most 2,000 images.

    ``counts`` (V,) says in how many training captions each word of the vocabulary occurs.
    """

    features: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_training(cls, maps: np.ndarray, words: np.ndarray, size: int) -> "KnownData":
        """Take evenly spaced images.

        Args:
            maps: Region maps (I, L, D) of all training images.
            words: Their captions (I, R, T) as word indices, padded with -1.
            size: V, the number of words in the vocabulary.
        """
        kept = np.unique(np.linspace(0, len(maps) - 1, min(len(maps), _MOST_KNOWN)).astype(int))
        return cls(pool_regions(maps[kept]).astype(np.float16), count_captions(words, size))


@dataclass(frozen=True)
class Captioner:
    """A captioner, from region maps (N, L, D) of images to captions.

    ``architecture`` "simple-rnn" projects the mean of the map by ``pca/mean`` and
    ``pca/components`` and reads word vectors from ``table``; "gru" reads the mean; "attention" the
    whole map. The last two may be ensembles (``etabli.models.captioning.ensemble``). ``features``
    names what computes the maps, or is the path of a net in a file. ``retrieval`` holds the
    training images whose captions may rerank, ``known`` what the captioner was trained on.
    ``card`` states what the captioner was trained on, its scores, and what it may be used for.
    """

    architecture: str
    vocabulary: Vocabulary
    arrays: dict[str, np.ndarray]
    features: str
    search: SearchConfig = field(default_factory=SearchConfig)
    card: dict[str, Any] = field(default_factory=dict)
    retrieval: CaptionRetrieval | None = None
    known: KnownData | None = None

    @cached_property
    def word_counts(self) -> np.ndarray | None:
        """In how many training captions each word occurs (V,); None where this is not known."""
        if self.known is not None:
            return self.known.counts
        if self.retrieval is not None:
            return count_captions(self.retrieval.captions, len(self.vocabulary))
        return None

    def shift_words(self, shift: np.ndarray) -> "Captioner":
        """Return the captioner with a number (V,) added to the logit of each word."""
        bias = "dense_bias" if self.architecture == "simple-rnn" else "bias"
        arrays = {
            name: array + shift if name == bias or re.fullmatch(rf"\d+/{bias}", name) else array
            for name, array in self.arrays.items()
        }
        return replace(self, arrays=arrays)

    def prepare(self, maps: np.ndarray) -> tuple[Any, Any, Any, Any]:
        """Return step, weights, context and initial state for ``beam_search``."""
        simple = self.architecture == "simple-rnn"
        depth = self.arrays["pca/mean" if simple else "gist/kernel"].shape[0]
        if maps.ndim != 3 or maps.shape[2] != depth:
            raise BadArray(
                _("these image features are not those that the captioner was trained on"),
                expected=_("(images, regions, {d})").format(d=depth),
                got=maps.shape,
            )
        if simple:
            weights = [self.arrays[name] for name in _SIMPLE_RNN]
            return (
                simple_rnn.step,
                {"weights": weights, "table": self.arrays["table"]},
                project_features(maps, self.arrays["pca/mean"], self.arrays["pca/components"]),
                np.zeros((len(maps), len(weights[1])), np.float32),
            )
        if self.architecture == "gru":
            maps = pool_regions(maps)[:, None]
        nets = ensemble.split_weights(self.arrays)
        contexts = _jit_encode_images()(nets, maps)
        return ensemble.step, nets, contexts, tuple(each["first"] for each in contexts)

    def write(self, maps: np.ndarray, search: SearchConfig | None = None) -> SearchResult:
        """Return the best captions of each image, by ``search`` or the captioner's default."""
        (found,) = self.write_each(maps, [search or self.search])
        return found

    def write_each(self, maps: np.ndarray, searches: Sequence[SearchConfig]) -> list[SearchResult]:
        """Return the captions of each search; the images are encoded once, and so are beams.

        Searches that differ in their reranking only start from the same captions.
        """
        prepared = self.prepare(maps)
        beams: dict[SearchConfig, SearchResult] = {}
        results = []
        for search in searches:
            plain = SearchConfig(search.beam, search.steps, search.alpha)
            if plain not in beams:
                beams[plain] = beam_search.search(*prepared, self.vocabulary, plain)
            found = beams[plain]
            if search.reranking_temperature:
                judged = self.judge(maps, found, search.neighbors)
                found = reranking.rerank(judged, search)
            results.append(found)
        return results

    def judge(
        self, maps: np.ndarray, found: SearchResult, neighbors: int = 0
    ) -> list[reranking.Agreements]:
        """Compare captions with each other and with those of the nearest training images."""
        near: Any = ()
        if neighbors:
            if self.retrieval is None:
                raise DataMissing(
                    _("this captioner has no training images to retrieve captions from"),
                    fix=_("Search without neighbors, or restore {file} to its folder.").format(
                        file=RETRIEVAL
                    ),
                )
            near = self.retrieval.retrieve(pool_regions(maps), neighbors)
        return reranking.compare_captions(found, near)

    def sample(
        self, maps: np.ndarray, decoding: Decoding, generator: np.random.Generator
    ) -> SearchResult:
        """Return one caption of each image, sampled word by word."""
        return beam_search.sample(
            *self.prepare(maps), self.vocabulary, decoding, generator, self.search.steps
        )

    def attention_weights(self, maps: np.ndarray, words: np.ndarray) -> np.ndarray | None:
        """Return the weight of each region for each word: (N, T, L); None without attention.

        ``words`` (N, T) are captions as ``write`` returns them.
        """
        if self.architecture != "attention":
            return None
        read = np.concatenate(
            [np.full((len(words), 1), self.vocabulary.start), words[:, :-1]], axis=1
        )
        nets = ensemble.split_weights(self.arrays)
        return np.mean([attention.attention_maps(net, maps, read) for net in nets], axis=0)

    def save(self, folder: Path | str) -> Path:
        """Write the captioner into ``folder``, each file in one step, the card last."""
        folder = Path(folder)
        metadata = {
            "words": digest_vocabulary(self.vocabulary),
            "architecture": self.architecture,
        }
        files = {MODEL: {name: np.asarray(each, np.float32) for name, each in self.arrays.items()}}
        for name, held in ((RETRIEVAL, self.retrieval), (KNOWN, self.known)):
            if held is not None:
                files[name] = vars(held)
            else:  # of the captioner that this one replaces
                (folder / name).unlink(missing_ok=True)
        for name, arrays in files.items():
            arrays = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
            with atomic_write(folder / name, "wb") as stream:
                stream.write(save(arrays, metadata))
        fields = {
            "architecture": self.architecture,
            "features": NET if self.features.endswith(NET) else self.features,
            "search": asdict(self.search),
            "card": self.card,
            "words": list(self.vocabulary.words),
        }
        write_card(folder, KIND, fields)
        return folder


@cache
def _jit_encode_images() -> Any:
    import jax

    return jax.jit(ensemble.encode_images)


def load(folder: Path | str) -> Captioner:
    """Load a captioner. Raises ``DataMissing`` or ``CorruptFile``."""
    folder = Path(folder)
    fields = read_card(folder, KIND)
    with check_card(folder):
        vocabulary = Vocabulary(tuple(fields["words"]))
        architecture, features = fields["architecture"], fields["features"]
        search, card = SearchConfig(**fields["search"]), dict(fields["card"])
        known = architecture in ARCHITECTURES
        expected = {"words": digest_vocabulary(vocabulary), "architecture": architecture}
    arrays, metadata = _read_arrays(folder / MODEL)
    extras: dict[str, Any] = {}
    for name, kind in ((RETRIEVAL, CaptionRetrieval), (KNOWN, KnownData)):
        if (folder / name).is_file():
            held, held_metadata = _read_arrays(folder / name)
            if held_metadata != metadata:
                raise mismatch(folder, KIND)
            with check_card(folder):
                extras[name] = kind(**held)
    if not known or metadata != expected:
        raise mismatch(folder, KIND)
    if missing := sorted(_missing_arrays(architecture, arrays)):
        raise CorruptFile(
            _("the captioner in {folder} was made by another version: it lacks {name}").format(
                folder=folder, name=missing[0]
            ),
            fix=_("Train it again with: {command}").format(command=TRAIN_COMMANDS[KIND]),
        )
    features = str(folder / NET) if features == NET else features
    extra = (extras.get(RETRIEVAL), extras.get(KNOWN))
    return Captioner(architecture, vocabulary, arrays, features, search, card, *extra)


def _missing_arrays(architecture: str, arrays: dict[str, np.ndarray]) -> set[str]:
    """Return the names of the arrays that the architecture needs and that are not there."""
    if architecture == "simple-rnn":
        return {*_SIMPLE_RNN, "table", "pca/mean", "pca/components"} - arrays.keys()
    smallest = attention.ModelConfig(2, 1, 1, 1, int(architecture == "attention"))
    needed = attention.init_weights(smallest, make_generator(0)).keys()
    return {name for net in ensemble.split_weights(arrays) or ({},) for name in needed - net.keys()}


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        with safe_open(path, framework="numpy") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return arrays, stored.metadata() or {}
    except (OSError, SafetensorError, ValueError) as error:
        raise CorruptFile(_("{path} is not a whole captioner").format(path=path)) from error


def count_captions(words: np.ndarray, size: int) -> np.ndarray:
    """Return in how many captions (..., T) of word indices each of ``size`` words occurs."""
    counts = np.zeros(size, np.int32)
    for row in words.reshape(-1, words.shape[-1]):
        counts[np.unique(row[row >= 0])] += 1
    return counts


def digest_vocabulary(vocabulary: Vocabulary) -> str:
    """Return a hash of the words in their order."""
    return hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest()[:16]


def pool_regions(maps: np.ndarray) -> np.ndarray:
    """Return the mean over the regions, (N, D) float32, a thousand images at a time."""
    parts = [
        maps[first : first + 1000].astype(np.float32).mean(axis=1)
        for first in range(0, len(maps), 1000)
    ]
    return np.concatenate(parts)


def project_features(maps: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Project pooled, centered maps on the principal axes of the training images: (N, K)."""
    return ((pool_regions(maps) - mean) @ components.T).astype(np.float32)


def fit_pca(maps: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit mean (D,) and axes (size, D) on training images; projections have RMS length 1.

    The recurrent net also reads word vectors, of length 1; projections ten times longer, with
    coordinates of unit variance, would drown them.
    """
    from sklearn.decomposition import PCA

    features = pool_regions(maps)
    size = min(size, *features.shape)
    pca = PCA(size, svd_solver="covariance_eigh").fit(features)
    spread = np.sqrt(pca.explained_variance_.sum())
    return pca.mean_.astype(np.float32), (pca.components_ / spread).astype(np.float32)


def simple_rnn_arrays(
    weights: list[np.ndarray], table: np.ndarray, mean: np.ndarray, components: np.ndarray
) -> dict[str, np.ndarray]:
    """Name the arrays of a "simple-rnn" captioner: Keras weights, word vectors, PCA."""
    named = dict(zip(_SIMPLE_RNN, weights, strict=True))
    return {**named, "table": table, "pca/mean": mean, "pca/components": components}
