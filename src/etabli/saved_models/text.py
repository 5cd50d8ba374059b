"""A trained character net in a folder: the Keras model, and a card with what the model file cannot say."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.models.text.generation import LstmReader, Reader, WindowReader
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras

__all__ = ["KINDS", "Card", "load", "save"]

KINDS = ("course", "modern")
MODEL, CARD = "model.keras", "poetry.json"


@dataclass(frozen=True)
class Card:
    """What was learnt: ``kind`` of net, name of the text, its characters, SEQLEN, its first words, the
    scores.
    """

    kind: str
    text: str
    vocabulary: str
    length: int
    opening: str
    scores: dict[str, float]


def save(folder: Path | str, model: "keras.Model", card: Card) -> None:
    """Write ``model.keras`` and ``poetry.json``; each appears whole."""
    folder = Path(folder)
    keras_io.save(model, folder / MODEL)
    with atomic_write(folder / CARD) as stream:
        json.dump(asdict(card), stream, ensure_ascii=False, indent=1)


def load(folder: Path | str) -> tuple[Reader, Card]:
    """The net of a folder, ready to write. Raises ``DataMissing`` or ``CorruptFile``."""
    folder = Path(folder)
    if not (folder / MODEL).is_file() or not (folder / CARD).is_file():
        raise DataMissing(
            _("there is no trained net in {folder}").format(folder=folder),
            fix=_("Train one with: etabli poetry train TEXT --out {folder}").format(folder=folder),
        )
    card = _card(folder / CARD)
    weights = keras_io.load(folder / MODEL).get_weights()
    if not weights or weights[-1].shape != (len(card.vocabulary),):
        raise CorruptFile(
            _("the model and the card in {folder} do not belong together").format(folder=folder)
        )
    return (
        WindowReader(weights, card.length) if card.kind == "course" else LstmReader(weights)
    ), card


def _card(path: Path) -> Card:
    try:
        card = Card(**parse_json(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise CorruptFile(_("{path} is not the card of a trained net").format(path=path)) from error
    if card.kind not in KINDS or not card.vocabulary or not card.opening:
        raise CorruptFile(_("{path} is not the card of a trained net").format(path=path))
    return card
