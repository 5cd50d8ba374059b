"""A trained character-level model in a folder: the Keras model and its card."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from etabli.models.text.generation import LstmPredictor, Predictor, WindowPredictor
from etabli.saved_models.card import check_card, mismatch, read_card, write_card
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras


ARCHITECTURES = ("simple-rnn", "lstm")
KIND, MODEL = "text", "model.keras"


@dataclass(frozen=True)
class TextCard:
    """What a character-level model was trained on.

    ``text`` is the name of the training text, ``vocabulary`` its characters in the order of their
    codes, ``sequence_length`` the window of a SimpleRNN, ``seed_text`` the default prompt.
    """

    architecture: str
    text: str
    vocabulary: str
    sequence_length: int
    seed_text: str
    scores: dict[str, float]

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES or not self.vocabulary or not self.seed_text:
            raise ValueError(self.architecture)


class TextModel(NamedTuple):
    """A model ready to generate text, and its card."""

    reader: Predictor
    card: TextCard


def save(folder: Path | str, model: "keras.Model", card: TextCard) -> None:
    """Write the model and its card, each in one step, the card last."""
    keras_io.save(model, Path(folder) / MODEL)
    write_card(folder, KIND, asdict(card))


def load(folder: Path | str) -> TextModel:
    """Load a character-level model. Raises ``DataMissing`` or ``CorruptFile``."""
    fields = read_card(folder, KIND)
    with check_card(folder):
        del fields["kind"]
        card = TextCard(**fields)
    weights = keras_io.load(Path(folder) / MODEL).get_weights()
    if not weights or weights[-1].shape != (len(card.vocabulary),):
        raise mismatch(folder, KIND)
    if card.architecture == "lstm":
        return TextModel(LstmPredictor(weights), card)
    return TextModel(WindowPredictor(weights, card.sequence_length), card)
