"""Text generation: predictors of the next character, and sampling from them.

A predictor serves B texts at once. ``start`` takes the prompts, codes (B, P), ``step`` the
characters that were sampled, codes (B,); both return ln p (B, V) of the next ones. All in NumPy: a
step takes microseconds, where a call of a compiled model takes milliseconds.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from scipy.special import expit, log_softmax

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.models.text import simple_rnn
from etabli.models.text.ngram import NGram
from etabli.models.text.sampling import Decoding

__all__ = [
    "LstmPredictor",
    "NGramPredictor",
    "Predictor",
    "ResidualPredictor",
    "WindowPredictor",
    "generate",
    "split_lstm_weights",
]


class Predictor(Protocol):
    """The interface of a model that ``generate`` samples from."""

    def start(self, prompts: np.ndarray) -> np.ndarray:
        """Reset the state, read the prompts (B, P); return ln p (B, V) of the next characters."""

    def step(self, codes: np.ndarray) -> np.ndarray:
        """Read one more character of each text (B,); return ln p (B, V) of the next ones."""


class WindowPredictor:
    """The SimpleRNN: reads the last ``length`` characters from a state of zero at every step."""

    def __init__(self, weights: list[np.ndarray], length: int) -> None:
        self.weights, self.length = [np.asarray(weight) for weight in weights], length

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.window = np.asarray(prompts)[:, -self.length :]
        return simple_rnn.log_probabilities(self.weights, self.window)

    def step(self, codes: np.ndarray) -> np.ndarray:
        return self.start(np.column_stack([self.window, codes]))


def split_lstm_weights(weights: list) -> tuple[Any, list[list], list, Any, Any]:
    """Return embedding, kernel, recurrent and bias of every layer, gate, dense and its bias."""
    embedding, *middle, dense, dense_bias = weights
    count = len(middle) // 3 * 3
    layers = [list(middle[place : place + 3]) for place in range(0, count, 3)]
    return embedding, layers, list(middle[count:]), dense, dense_bias


class LstmPredictor:
    """The LSTM: its state holds all that was read."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.weights = [np.asarray(weight) for weight in weights]
        embedding, layers, self.gate, self.dense, self.bias = split_lstm_weights(self.weights)
        (kernel, recurrent, bias), *above = layers
        self.rows = embedding @ kernel + bias
        self.recurrents = [recurrent, *(each[1] for each in above)]
        self.above = [(kernel, bias) for kernel, _recurrent, bias in above]

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.states = [
            (np.zeros((len(prompts), len(recurrent)), self.rows.dtype),) * 2
            for recurrent in self.recurrents
        ]
        for codes in np.asarray(prompts).T:
            self._read(codes)
        return self._log_probabilities()

    def step(self, codes: np.ndarray) -> np.ndarray:
        self._read(codes)
        return self._log_probabilities()

    @property
    def hidden(self) -> np.ndarray:
        """The state h (B, H) of the last layer."""
        return self.states[-1][0]

    def _read(self, codes: np.ndarray) -> None:
        """i, f, o = sigmoid(z), g = tanh(z); c = f c + i g; h = o tanh(c), layer by layer."""
        projected = self.rows[codes]
        for number, recurrent in enumerate(self.recurrents):
            if number:
                kernel, bias = self.above[number - 1]
                projected = self.states[number - 1][0] @ kernel + bias
            hidden, cell = self.states[number]
            i, f, g, o = np.split(projected + hidden @ recurrent, 4, axis=1)
            cell = expit(f) * cell + expit(i) * np.tanh(g)
            self.states[number] = expit(o) * np.tanh(cell), cell

    def _log_probabilities(self) -> np.ndarray:
        return log_softmax(self.hidden @ self.dense + self.bias, axis=1)


class NGramPredictor:
    """An n-gram model: looks up the last characters of each text in its counts."""

    def __init__(self, model: NGram) -> None:
        self.model = model

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.window = np.asarray(prompts)[:, max(0, prompts.shape[1] - self.model.context) :]
        return self.model.next_log_probabilities(self.window)

    def step(self, codes: np.ndarray) -> np.ndarray:
        return self.start(np.column_stack([self.window, codes]))


class ResidualPredictor(LstmPredictor):
    """The residual LSTM with its n-gram model: ln p = logits + gate(h) ln p_ngram, normalized."""

    def __init__(self, weights: list[np.ndarray], ngram: NGram) -> None:
        super().__init__(weights)
        self.ngram = NGramPredictor(ngram)

    def start(self, prompts: np.ndarray) -> np.ndarray:
        self.ngram_log_p = self.ngram.start(prompts)
        return super().start(prompts)

    def step(self, codes: np.ndarray) -> np.ndarray:
        self.ngram_log_p = self.ngram.step(codes)
        return super().step(codes)

    def _log_probabilities(self) -> np.ndarray:
        kernel, bias = self.gate
        gate = np.logaddexp(0, self.hidden @ kernel + bias)
        return log_softmax(self.hidden @ self.dense + self.bias + gate * self.ngram_log_p, axis=1)


def generate(
    predictor: Predictor,
    prompt: np.ndarray,
    length: int,
    decoding: Decoding,
    generator: np.random.Generator,
    texts: int = 1,
) -> Iterator[np.ndarray]:
    """Generate texts from one prompt: yield ``length`` times the next code of each, (texts,).

    Args:
        predictor: The model.
        prompt: Codes (P,), not yielded again.
        length: Characters per text.
        decoding: Temperature, truncation and repetition penalty.
        generator: Of the draws; the same state gives the same texts.
        texts: Number of texts.

    Raises:
        BadArray: Where the prompt is empty (at the call, not at the first iteration).
        BadSetting: Where length or texts are below 1.
    """
    prompt = np.asarray(prompt)
    if prompt.ndim != 1 or len(prompt) == 0:
        raise BadArray(_("the prompt is empty"), expected=_("a prompt of one character or more"))
    if length < 1 or texts < 1:
        raise BadSetting(
            _("the length and the number of texts are out of range"),
            expected=_("1 or more"),
            got=_("{length} characters, {texts} texts").format(length=length, texts=texts),
        )
    return _generate(predictor, prompt, length, decoding, generator, texts)


def _generate(
    predictor: Predictor,
    prompt: np.ndarray,
    length: int,
    decoding: Decoding,
    generator: np.random.Generator,
    texts: int,
) -> Iterator[np.ndarray]:
    log_p = predictor.start(np.tile(prompt, (texts, 1)))
    histories = [list(prompt) for _text in range(texts)]
    for number in range(length):
        chosen = decoding.choose(log_p, histories, generator)
        for history, code in zip(histories, chosen, strict=True):
            history.append(int(code))
        yield chosen
        if number + 1 < length:
            log_p = predictor.step(chosen)
