"""The course's captioner: at each step the image and a word in, the next word out (practical 5, exercises 2 and 3).

    x_t = [image (100); GloVe vector of w_t (100); is it <start>?; is it <end>?]
    h_t = tanh(x_t K + h_t-1 U + b),    p(w_t+1) = softmax(h_t W + c)

The net is a plain ``keras.Model``. The inputs N x 35 x 202 and the wanted outputs N x 35 x 1000 of the practical are
never made whole: words and images are looked up batch by batch. Under JAX it is trained in compiled runs of many
batches; under any other backend by Keras itself.

The captions that the course's net learns from, as numbers: what the practical's dense arrays repeat, held once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.captioning.attention import glorot, orthogonal
from etabli.training import checkpoint
from etabli.training.backend import is_jax_backend
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class CaptionData:
    """N captions as numbers, and what to look them up in: everything that the dense arrays would repeat.

    ``images`` (I, 100) vectors, ``image_of`` (N,) the image of each caption, ``captions`` (N, T + 1) int32 word
    numbers ended by -1s, ``table`` (V, 102) the row of each word.
    """

    images: np.ndarray
    image_of: np.ndarray
    captions: np.ndarray
    table: np.ndarray

    def __post_init__(self) -> None:
        same = (
            len(self.image_of) == len(self.captions) and self.captions.ndim == self.images.ndim == 2
        )
        if not same or self.captions.max(initial=-1) >= len(self.table):
            raise BadArray(
                _("captions, images and words do not go together"),
                expected=_("an image for every caption, and a row for every word number"),
                got=_("{n} captions, {m} image numbers, words up to {top} of {v}").format(
                    n=len(self.captions),
                    m=len(self.image_of),
                    top=self.captions.max(initial=-1),
                    v=len(self.table),
                ),
            )

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def steps(self) -> int:
        return self.captions.shape[1] - 1

    @property
    def width(self) -> int:
        """The numbers of one input step: 202 in the course."""
        return self.images.shape[1] + self.table.shape[1]

    @property
    def wanted(self) -> np.ndarray:
        """The next words (N, T), -1 where nothing is wanted."""
        return self.captions[:, 1:]

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """The course's X for some captions, (B, T, width) float32; steps after the caption are all zeros."""
        words = self.captions[rows, :-1]
        images = np.broadcast_to(
            self.images[self.image_of[rows], None], (*words.shape, self.images.shape[1])
        )
        dense = np.concatenate(
            [images, self.table[np.maximum(words, 0)]], axis=-1, dtype=np.float32
        )
        # <end> is the last word that is wanted, never one that is read.
        return np.where((self.captions[rows, 1:] >= 0)[..., None], dense, np.float32(0))


BATCHES_AT_ONCE = 100
_ROUND = 32


@dataclass(frozen=True)
class Epoch:
    """What a pass gave, measured while learning: mean loss (nats a word) and share of words right."""

    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Measured:
    """How well the next word is known given the words before: over the words, and over all T steps.

    The latter divide the same sums by N T, as the mean loss of the Keras of the report's time did.
    """

    loss: float
    accuracy: float
    loss_all_steps: float
    accuracy_all_steps: float


def build(
    width: int = 202, steps: int = 35, vocabulary: int = 1000, units: int = 100, seed: int = 0
) -> "keras.Model":
    """Masking - SimpleRNN(units) at every step - Dense(V) - softmax; the loss of a fresh net is near ln V.

    The weights are drawn as Keras draws them (Glorot uniform, orthogonal, zeros), by NumPy: under JAX, Keras would
    first compile a generator for every shape, which takes longer than an epoch.
    """
    import keras

    quiet = {"kernel_initializer": "zeros"}
    model = keras.Sequential(
        [
            keras.Input((steps, width), name="image_and_word"),
            keras.layers.Masking(0.0, name="masking"),
            keras.layers.SimpleRNN(
                units,
                return_sequences=True,
                recurrent_initializer="zeros",
                name="recurrent",
                **quiet,
            ),
            keras.layers.Dense(vocabulary, name="dense", **quiet),
            keras.layers.Activation("softmax", name="softmax"),
        ],
        name="captioner",
    )
    draw = make_generator(seed, "captioner", "weights")
    recurrent = [glorot(draw, width, units), orthogonal(draw, units), np.zeros(units)]
    model.set_weights([*recurrent, glorot(draw, units, vocabulary), np.zeros(vocabulary)])
    return model


def train(
    model: "keras.Model", data: CaptionData, epochs: int, seed: int, batch: int = 10, rate: float = 1e-3,
    memory: Checkpoint | None = None,
) -> Iterator[Epoch]:  # fmt: skip
    """Adam on the mean cross-entropy over the words of a batch; after each epoch the model is up to date.

    Both ways take the same batches in the same order; stop taking from the iterator to stop. With a ``memory`` an
    interrupted training goes on after the last epoch that was followed, to the same weights bit for bit.
    """
    if epochs < 1 or batch < 1 or not rate > 0 or len(data) == 0:
        raise BadSetting(
            _("this training cannot be"),
            expected=_("captions, epochs and batch of 1 or more, a rate above 0"),
            got=f"captions={len(data)}, epochs={epochs}, batch={batch}, rate={rate}",
        )
    shuffle = make_generator(seed, "captioner", "order")
    orders = [shuffle.permutation(len(data)) for _epoch in range(epochs)]
    yield from (_train_compiled if is_jax_backend() else _train_keras)(
        model, data, orders, batch, rate, memory or Checkpoint()
    )


def _train_keras(model, data, orders, batch, rate, memory) -> Iterator[Epoch]:
    import keras

    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
    )
    checkpoint.resume(model, memory)
    for number, order in enumerate(orders[memory.done :], memory.done + 1):
        sums = np.zeros(3)
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            wanted = data.wanted[rows]
            # Under JAX the mask of the output does not reach the metrics while training; the weights do.
            weight = (wanted >= 0).astype(np.float32)
            model.reset_metrics()
            logs = model.train_on_batch(
                data.inputs(rows), np.maximum(wanted, 0), weight, return_dict=True
            )
            sums += (wanted >= 0).sum() * np.array(
                [float(logs["loss"]), float(logs["accuracy"]), 1.0]
            )
        yield Epoch(number, sums[0] / sums[2], sums[1] / sums[2])
        memory.keep(number, checkpoint.arrays(model))


def _train_compiled(model, data, orders, batch, rate, memory) -> Iterator[Epoch]:
    import jax
    import jax.numpy as jnp

    room = _room(data, orders, batch)
    constants = [jnp.asarray(array) for array in (data.images, data.table)]
    weights = [jnp.asarray(weight) for weight in model.get_weights()]
    zeros = [jnp.zeros_like(weight) for weight in weights]
    leaves, form = jax.tree.flatten((weights, zeros, zeros, jnp.zeros((), jnp.int32)))
    carry = jax.tree.unflatten(form, memory.resumed(leaves))
    model.set_weights([np.asarray(weight) for weight in carry[0]])
    for number, order in enumerate(orders[memory.done :], memory.done + 1):
        sums = np.zeros(3)
        for rows in _runs(order, batch):
            places, wanted = _packed(data.wanted[rows], room)
            run = _compiled(room, rate)
            carry, part = run(
                carry, constants, data.image_of[rows], data.captions[rows, :-1], places, wanted
            )
            sums += np.asarray(part, np.float64).sum(axis=0)
        model.set_weights([np.asarray(weight) for weight in jax.device_get(carry[0])])
        yield Epoch(number, sums[0] / sums[2], sums[1] / sums[2])
        memory.keep(number, jax.tree.leaves(carry))


def _runs(order: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    """The batches of an epoch, as many to a run (S, B) in each; a shorter last batch is a run of its own."""
    whole = order[: len(order) // batch * batch].reshape(-1, batch)
    at_once = max((n for n in range(1, BATCHES_AT_ONCE + 1) if len(whole) % n == 0), default=1)
    for first in range(0, len(whole), at_once):
        yield whole[first : first + at_once]
    if whole.size < len(order):
        yield order[whole.size :][None]


def _room(data: CaptionData, orders: list[np.ndarray], batch: int) -> int:
    """The most words that a batch of this training has: only so many steps go through the large Dense layer."""
    words = (data.wanted >= 0).sum(axis=1)
    most = max(
        int(words[rows].sum(axis=1).max()) for order in orders for rows in _runs(order, batch)
    )
    return -(-most // _ROUND) * _ROUND


def _packed(wanted: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Of (S, B, T) wanted words, the places (S, room) in B T that want one, and the words, -1 where room is left."""
    flat = wanted.reshape(len(wanted), -1)
    places = np.zeros((len(flat), room), np.int32)
    words = np.full((len(flat), room), -1, np.int32)
    for row, line in enumerate(flat):
        found = np.flatnonzero(line >= 0)
        places[row, : len(found)], words[row, : len(found)] = found, line[found]
    return places, words


@cache
def _compiled(room: int, rate: float):
    """S steps of Adam: (weights, moments), look-ups, images (S, B), words (S, B, T), places, wanted (S, room)."""
    import jax
    import jax.numpy as jnp

    def loss(weights, constants, image_of, words, places, wanted):
        known = wanted >= 0
        logits = _states(weights, *constants, image_of, words)[places] @ weights[3] + weights[4]
        right = jnp.take_along_axis(logits, jnp.maximum(wanted, 0)[:, None], axis=-1)[:, 0]
        losses = jnp.where(known, jax.nn.logsumexp(logits, axis=-1) - right, 0.0)
        hits = (known & (logits.argmax(axis=-1) == wanted)).sum()
        number = known.sum()
        return losses.sum() / number, (
            losses.sum(),
            hits.astype(jnp.float32),
            number.astype(jnp.float32),
        )

    def step(constants, carry, batch):
        weights, first, second, count = carry
        gradient, sums = jax.grad(loss, has_aux=True)(weights, constants, *batch)
        count = count + 1
        alpha = rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        first = [m + 0.1 * (g - m) for m, g in zip(first, gradient, strict=True)]
        second = [v + 0.001 * (g * g - v) for v, g in zip(second, gradient, strict=True)]
        moved = zip(weights, first, second, strict=True)
        weights = [w - alpha * m / (jnp.sqrt(v) + 1e-7) for w, m, v in moved]
        return (weights, first, second, count), jnp.stack(sums)

    @jax.jit
    def run(carry, constants, *batches):
        return jax.lax.scan(lambda carry, batch: step(constants, carry, batch), carry, batches)

    return run


def _states(weights: list, images: Any, table: Any, image_of: Any, words: Any) -> Any:
    """The hidden states of B captions, (B T, H): what is the same for all steps is multiplied once."""
    import jax
    import jax.numpy as jnp

    kernel, recurrent, bias = weights[:3]
    size = images.shape[1]
    steps = (
        table[jnp.maximum(words, 0)] @ kernel[size:]
        + (images[image_of] @ kernel[:size] + bias)[:, None]
    )

    def step(state, x):
        state = jnp.tanh(x + state @ recurrent)
        return state, state

    first = jnp.zeros((words.shape[0], recurrent.shape[0]), steps.dtype)
    _last, states = jax.lax.scan(step, first, jnp.moveaxis(steps, 1, 0), unroll=5)
    return jnp.moveaxis(states, 0, 1).reshape(-1, recurrent.shape[0])


def evaluate(weights: list[np.ndarray], data: CaptionData, batch: int = 250) -> Measured:
    """Loss and accuracy of the next word, the words before it given; ``weights`` as the model gives them."""
    sums = np.zeros(3)
    for first in range(0, len(data), batch):
        rows = np.resize(np.arange(first, min(first + batch, len(data))), batch)
        wanted = data.wanted[rows]
        wanted[len(data) - first :] = -1  # the last batch is filled up
        known, wanted = wanted.reshape(-1) >= 0, wanted[wanted >= 0]
        states = _forward()(
            weights, data.images, data.table, data.image_of[rows], data.captions[rows, :-1]
        )
        log_p = log_softmax(np.asarray(states)[known] @ weights[3] + weights[4], axis=1)
        right = log_p.argmax(axis=1) == wanted
        sums += (
            -log_p[np.arange(len(wanted)), wanted].sum(dtype=np.float64),
            right.sum(),
            len(wanted),
        )
    everywhere = len(data) * data.steps
    loss, hits, words = map(float, sums)
    return Measured(loss / words, hits / words, loss / everywhere, hits / everywhere)


@cache
def _forward():
    import jax

    return jax.jit(_states)


def step(parts: dict, scene: Any, state: Any, words: Any) -> tuple[Any, Any]:
    """One word further, for ``etabli.models.captioning.beam_search``; ``parts`` holds ``weights`` and the words' ``table``."""
    import jax
    import jax.numpy as jnp

    kernel, recurrent, bias, dense, dense_bias = parts["weights"]
    size = scene.shape[-1]
    image = jnp.asarray(scene) @ kernel[:size]
    state = jnp.tanh(
        image[:, None] + parts["table"][words] @ kernel[size:] + bias + state @ recurrent
    )
    return jax.nn.log_softmax(state @ dense + dense_bias, axis=-1), state
