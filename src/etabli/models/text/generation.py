"""Writing with a model of the next character: a reader takes in characters and says what may come next.

Every reader serves B texts at once. ``start`` takes the prompts, codes (B, P); ``step`` the characters
that were chosen, codes (B,); both return ln p (B, V) of the next ones. All in NumPy: a step costs
microseconds, where a call of a compiled model costs milliseconds.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from scipy.special import expit, log_softmax

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.models.text import simple_rnn
from etabli.models.text.ngram import NGram
from etabli.models.text.sampling import Decoding

__all__ = ["LstmReader", "NGramReader", "Reader", "ResidualReader", "WindowReader", "write"]


class Reader(Protocol):
    """What ``write`` needs of a model."""

    def start(self, prompts: np.ndarray) -> np.ndarray:
        """Forget everything, read the prompts (B, P); ln p (B, V) of what follows."""

    def step(self, codes: np.ndarray) -> np.ndarray:
        """Read one more character of each text (B,); ln p (B, V) of what follows."""


class WindowReader:
    """The course's net: the last ``length`` characters, read from a state of zero each time."""

    def __init__(self, weights: list[np.ndarray], length: int) -> None:
        self.weights, self.length = [np.asarray(weight) for weight in weights], length

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.window = np.asarray(prompts)[:, -self.length :]
        return simple_rnn.log_probabilities(self.weights, self.window)

    def step(self, codes: np.ndarray) -> np.ndarray:
        return self.start(np.column_stack([self.window, codes]))


class LstmReader:
    """The weight-dropped LSTM: its state holds all that was read."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        embedding, kernel, self.recurrent, bias, *self.gate, self.dense, self.bias = map(
            np.asarray, weights
        )
        self.rows = embedding @ kernel + bias

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.hidden = self.cell = np.zeros((len(prompts), len(self.recurrent)), self.rows.dtype)
        for codes in np.asarray(prompts).T:
            self._read(codes)
        return self._expected()

    def step(self, codes: np.ndarray) -> np.ndarray:
        self._read(codes)
        return self._expected()

    def _read(self, codes: np.ndarray) -> None:
        """i, f, o = sigmoid(z), g = tanh(z); c = f c + i g; h = o tanh(c)."""
        i, f, g, o = np.split(self.rows[codes] + self.hidden @ self.recurrent, 4, axis=1)
        self.cell = expit(f) * self.cell + expit(i) * np.tanh(g)
        self.hidden = expit(o) * np.tanh(self.cell)

    def _expected(self) -> np.ndarray:
        return log_softmax(self.hidden @ self.dense + self.bias, axis=1)


class NGramReader:
    """An n-gram: the last characters of each text, looked up in its counts."""

    def __init__(self, model: NGram) -> None:
        self.model = model

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.window = np.asarray(prompts)[:, max(0, prompts.shape[1] - self.model.context) :]
        return self.model.following(self.window)

    def step(self, codes: np.ndarray) -> np.ndarray:
        return self.start(np.column_stack([self.window, codes]))


class ResidualReader(LstmReader):
    """The residual net with its n-gram: ln p = logits + gate(h) ln p_ngram, normalised."""

    def __init__(self, weights: list[np.ndarray], ngram: NGram) -> None:
        super().__init__(weights)
        self.counts = NGramReader(ngram)

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.counted = self.counts.start(prompts)
        return super().start(prompts)

    def step(self, codes: np.ndarray) -> np.ndarray:
        self.counted = self.counts.step(codes)
        return super().step(codes)

    def _expected(self) -> np.ndarray:
        kernel, bias = self.gate
        gate = np.logaddexp(0, self.hidden @ kernel + bias)
        return log_softmax(self.hidden @ self.dense + self.bias + gate * self.counted, axis=1)


def write(
    reader: Reader,
    prompt: np.ndarray,
    length: int,
    decoding: Decoding,
    generator: np.random.Generator,
    texts: int = 1,
) -> Iterator[np.ndarray]:
    """``length`` times the next characters of ``texts`` texts that begin with one prompt (P,): codes
    (texts,).

    The prompt itself is not given back. The same generator state gives the same texts. What cannot be done is
    refused by the call itself, before anything is written.
    """
    prompt = np.asarray(prompt)
    if prompt.ndim != 1 or len(prompt) == 0:
        raise BadArray(
            _("there is nothing to begin with"), expected=_("a prompt of one character or more")
        )
    if length < 1 or texts < 1:
        raise BadSetting(
            _("the length and the number of texts are out of range"),
            expected=_("1 or more"),
            got=_("{length} characters, {texts} texts").format(length=length, texts=texts),
        )
    return _written(reader, prompt, length, decoding, generator, texts)


def _written(reader, prompt, length, decoding, generator, texts) -> Iterator[np.ndarray]:
    log_p = reader.start(np.tile(prompt, (texts, 1)))
    histories = [list(prompt) for _text in range(texts)]
    for number in range(length):
        chosen = decoding.choose(log_p, histories, generator)
        for history, code in zip(histories, chosen, strict=True):
            history.append(int(code))
        yield chosen
        if number + 1 < length:
            log_p = reader.step(chosen)
