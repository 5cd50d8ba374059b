"""A trained character-level model in a folder: the net or the n-gram counts, and the card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from etabli.core.atomic_files import atomic_write
from etabli.models.text import ngram
from etabli.models.text.generation import (
    LstmPredictor,
    NGramPredictor,
    Predictor,
    WindowPredictor,
)
from etabli.models.text.ngram import NGram
from etabli.saved_models.card import check_card, mismatch, read_card, write_card
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras


ARCHITECTURES = ("simple-rnn", "lstm", "ngram")
KIND, MODEL, NGRAM = "text", "model.keras", "ngram.safetensors"


@dataclass(frozen=True)
class TextCard:
    """What a character-level model was trained on.

    ``text`` is the name of the training text, ``vocabulary`` its characters in the order of their
    codes, ``sequence_length`` the window of a SimpleRNN, ``seed_text`` the default prompt.
    ``preparation`` says what was changed in the text, by default as practical 4 does; ``files`` and
    ``digest`` name the text itself, which is not stored; ``settings`` are those of the training.
    """

    architecture: str
    text: str
    vocabulary: str
    sequence_length: int
    seed_text: str
    scores: dict[str, float]
    preparation: Mapping[str, bool] = field(
        default_factory=lambda: {"lowercase": True, "join_lines": True}
    )
    files: tuple[str, ...] = ()
    digest: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES or not self.vocabulary or not self.seed_text:
            raise ValueError(self.architecture)
        if {type(each) for each in (self.preparation, self.settings)} != {dict}:
            raise TypeError(self.preparation)
        object.__setattr__(self, "files", tuple(map(str, self.files)))


class TextModel(NamedTuple):
    """A model ready to generate text, and its card."""

    reader: Predictor
    card: TextCard


def save(folder: Path | str, model: "keras.Model | NGram", card: TextCard) -> None:
    """Write the model and its card, each in one step, the card last."""
    if isinstance(model, NGram):
        _save_ngram(model, Path(folder) / NGRAM)
    else:
        keras_io.save(model, Path(folder) / MODEL)
    write_card(folder, KIND, asdict(card))
    (Path(folder) / (MODEL if isinstance(model, NGram) else NGRAM)).unlink(missing_ok=True)


def load(folder: Path | str) -> TextModel:
    """Load a character-level model. Raises ``DataMissing`` or ``CorruptFile``."""
    card = read(folder)
    if card.architecture == "ngram":
        return TextModel(NGramPredictor(_load_ngram(Path(folder), card)), card)
    weights = keras_io.load(Path(folder) / MODEL).get_weights()
    if not weights or weights[-1].shape != (len(card.vocabulary),):
        raise mismatch(folder, KIND)
    if card.architecture == "lstm":
        return TextModel(LstmPredictor(weights), card)
    return TextModel(WindowPredictor(weights, card.sequence_length), card)


def read(folder: Path | str) -> TextCard:
    """Read the card of a character-level model. Raises ``DataMissing`` or ``CorruptFile``."""
    fields = read_card(folder, KIND)
    with check_card(folder):
        del fields["kind"]
        return TextCard(**fields)


def _save_ngram(model: NGram, path: Path) -> None:
    from safetensors.numpy import save as serialize

    arrays: dict[str, np.ndarray] = {}
    for k, order in enumerate(model.orders):
        counts = order.probabilities
        arrays |= {f"{k}/keys": order.keys, f"{k}/backoff": order.backoff}
        arrays |= {f"{k}/{name}": getattr(counts, name) for name in _SPARSE}
    laid_out = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_write(path, "wb") as stream:
        stream.write(serialize(laid_out, {"name": model.name, "orders": str(len(model.orders))}))


_SPARSE = ("data", "indices", "indptr")


def _load_ngram(folder: Path, card: TextCard) -> NGram:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / NGRAM, framework="numpy") as file:
            metadata = file.metadata() or {}
            name, count = metadata["name"], int(metadata["orders"])
            orders = [
                _make_order(
                    {
                        part: file.get_tensor(f"{k}/{part}")
                        for part in ("keys", "backoff", *_SPARSE)
                    },
                    len(card.vocabulary),
                )
                for k in range(count)
            ]
    except (FileNotFoundError, SafetensorError, KeyError, ValueError) as error:
        raise mismatch(folder, KIND) from error
    if not orders:
        raise mismatch(folder, KIND)
    return NGram(name, len(card.vocabulary), tuple(orders))


def _make_order(arrays: dict[str, np.ndarray], vocabulary: int) -> ngram.Order:
    keys, backoff, *parts = arrays.values()
    shape = len(keys), vocabulary
    counts = sparse.csr_matrix(tuple(parts), shape)
    counts.check_format(full_check=True)
    if np.any(np.diff(counts.indptr) < 0):  # SciPy does not check this where the last one is 0
        raise ValueError(counts.indptr)
    if backoff.shape != keys.shape or not len(keys):
        raise ValueError(backoff.shape)
    return ngram.Order(keys, counts, backoff)
