"""The SimpleRNN captioner of practical 5: image and word in, next word out (exercises 2 and 3).

    x_t = [image (100); GloVe vector of w_t (100); is it <start>?; is it <end>?]
    h_t = tanh(x_t K + h_t-1 U + b),    p(w_t+1) = softmax(h_t W + c)

The model is a plain ``keras.Model``. The inputs N x 35 x 202 and targets N x 35 x 1000 of the
practical are never
stored as a whole: words and images are looked up batch by batch. On JAX it is trained in compiled
scans of many batches; on another backend by Keras itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.progress import report_within_epoch
from etabli.core.seeding import make_generator
from etabli.models.captioning.attention import glorot_uniform, orthogonal
from etabli.training.backend import is_jax_backend
from etabli.training.checkpoint import Checkpoint, model_state, restore_model
from etabli.training.optimizer import adam

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class CaptionData:
    """N captions as word indices, with the vectors of images and words that they refer to.

    ``images`` (I, 100) vectors, ``image_of`` (N,) the image of each caption, ``captions`` (N, T +
    1) int32 word indices padded with -1, ``table`` (V, 102) the vector of each word.
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
                _("captions, images and words do not match"),
                expected=_("an image for every caption, and a row for every word index"),
                got=_("{n} captions, {m} image indices, words up to {top} of {v}").format(
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
        """T, the number of predictions."""
        return self.captions.shape[1] - 1

    @property
    def width(self) -> int:
        """Size of the input of one step: 202 in the practical."""
        return self.images.shape[1] + self.table.shape[1]

    @property
    def targets(self) -> np.ndarray:
        """The next words (N, T), -1 after the end of a caption."""
        return self.captions[:, 1:]

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """Return X for some captions, (B, T, width) float32.

        Steps after the end of a caption are zero.
        """
        words = self.captions[rows, :-1]
        images = np.broadcast_to(
            self.images[self.image_of[rows], None], (*words.shape, self.images.shape[1])
        )
        dense = np.concatenate(
            [images, self.table[np.maximum(words, 0)]], axis=-1, dtype=np.float32
        )
        # <end> is the last target, never an input.
        return np.where((self.captions[rows, 1:] >= 0)[..., None], dense, np.float32(0))


MAX_BATCHES_PER_SCAN = 100
_WORDS_MULTIPLE = 32  # word counts are rounded up: fewer shapes, fewer compilations


@dataclass(frozen=True)
class Epoch:
    """Mean training loss (nats per word) and next-word accuracy of an epoch, measured before each
    update."""

    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy of the next word: mean over the words, and over all N T steps.

    The latter is how the Keras of the report's time averaged a masked loss.
    """

    loss: float
    accuracy: float
    loss_all_steps: float
    accuracy_all_steps: float


def build(
    width: int = 202, steps: int = 35, vocabulary: int = 1000, units: int = 100, seed: int = 0
) -> "keras.Model":
    """Build Masking -> SimpleRNN(units) at every step -> Dense(V) -> softmax.

    Its initial loss is near ln V.

    NumPy draws the weights from Keras' default distributions (Glorot uniform, orthogonal, zeros):
    on JAX, Keras would compile a generator for every shape, which takes longer than an epoch.
    """
    import keras

    model = keras.Sequential(
        [
            keras.Input((steps, width), name="image_and_word"),
            keras.layers.Masking(0.0, name="masking"),
            keras.layers.SimpleRNN(
                units,
                return_sequences=True,
                kernel_initializer="zeros",
                recurrent_initializer="zeros",
                name="recurrent",
            ),
            keras.layers.Dense(vocabulary, kernel_initializer="zeros", name="dense"),
            keras.layers.Activation("softmax", name="softmax"),
        ],
        name="captioner",
    )
    draw = make_generator(seed, "captioner", "weights")
    recurrent = [glorot_uniform(draw, width, units), orthogonal(draw, units), np.zeros(units)]
    model.set_weights([*recurrent, glorot_uniform(draw, units, vocabulary), np.zeros(vocabulary)])
    return model


def train(
    model: "keras.Model",
    data: CaptionData,
    epochs: int,
    seed: int,
    batch_size: int = 10,
    learning_rate: float = 1e-3,
    checkpoint: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Train epoch by epoch with Adam; the model holds the new weights whenever an epoch is yielded.

    Args:
        model: What ``build`` returned, changed in place.
        data: The captions.
        epochs: Number of epochs; stop iterating to stop earlier.
        seed: Seed of the order of the captions.
        batch_size: Captions per update.
        learning_rate: Of Adam.
        checkpoint: Where an interrupted training resumes from, to the same weights bit for bit.
    """
    if epochs < 1 or batch_size < 1 or not learning_rate > 0 or len(data) == 0:
        raise BadSetting(
            _("the training configuration of the captioner is out of range"),
            expected=_("captions, epochs and batch_size >= 1, learning_rate > 0"),
            got=f"captions={len(data)}, {epochs=}, {batch_size=}, {learning_rate=}",
        )
    shuffle = make_generator(seed, "captioner", "order")
    orders = [shuffle.permutation(len(data)) for _epoch in range(epochs)]
    run = _train_jax if is_jax_backend() else _train_keras
    yield from run(model, data, orders, batch_size, learning_rate, checkpoint or Checkpoint())


def _train_keras(
    model: "keras.Model",
    data: CaptionData,
    orders: list[np.ndarray],
    batch_size: int,
    learning_rate: float,
    checkpoint: Checkpoint,
) -> Iterator[Epoch]:
    import keras

    model.compile(
        keras.optimizers.Adam(learning_rate),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
    )
    restore_model(model, checkpoint)
    for number, order in enumerate(orders[checkpoint.epoch :], checkpoint.epoch + 1):
        sums = np.zeros(3)
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            targets = data.targets[rows]
            # On JAX the mask does not reach the metrics in training; sample weights do.
            weight = (targets >= 0).astype(np.float32)
            model.reset_metrics()
            logs = model.train_on_batch(
                data.inputs(rows), np.maximum(targets, 0), weight, return_dict=True
            )
            means = np.array([float(logs["loss"]), float(logs["accuracy"]), 1.0])
            sums += weight.sum(dtype=np.int64) * means
        yield Epoch(number, sums[0] / sums[2], sums[1] / sums[2])
        checkpoint.save(number, model_state(model))


def _train_jax(
    model: "keras.Model",
    data: CaptionData,
    orders: list[np.ndarray],
    batch_size: int,
    learning_rate: float,
    checkpoint: Checkpoint,
) -> Iterator[Epoch]:
    import jax
    import jax.numpy as jnp

    max_words = _max_words(data, orders, batch_size)
    run = _compile_run(max_words, learning_rate)
    constants = [jnp.asarray(array) for array in (data.images, data.table)]
    weights = [jnp.asarray(weight) for weight in model.get_weights()]
    zeros = [jnp.zeros_like(weight) for weight in weights]
    leaves, form = jax.tree.flatten((weights, zeros, zeros, jnp.zeros((), jnp.int32)))
    carry = jax.tree.unflatten(form, checkpoint.restore(leaves))
    model.set_weights([np.asarray(weight) for weight in carry[0]])
    for number, order in enumerate(orders[checkpoint.epoch :], checkpoint.epoch + 1):
        sums, done = np.zeros(3), 0
        for rows in _split_into_scans(order, batch_size):
            positions, targets = _pack_targets(data.targets[rows], max_words)
            carry, part = run(
                carry, constants, data.image_of[rows], data.captions[rows, :-1], positions, targets
            )
            sums += np.asarray(part, np.float64).sum(axis=0)
            done += rows.size
            report_within_epoch(done / len(order), _means, sums)
        model.set_weights([np.asarray(weight) for weight in jax.device_get(carry[0])])
        yield Epoch(number, sums[0] / sums[2], sums[1] / sums[2])
        checkpoint.save(number, jax.tree.leaves(carry))


def _means(sums: np.ndarray) -> dict[str, float]:
    return {"loss": float(sums[0] / sums[2]), "accuracy": float(sums[1] / sums[2])}


def _split_into_scans(order: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """The batches of an epoch, an equal number S in each scan (S, B).

    A shorter last batch is a scan alone.
    """
    whole = order[: len(order) // batch_size * batch_size].reshape(-1, batch_size)
    divisors = (n for n in range(1, MAX_BATCHES_PER_SCAN + 1) if len(whole) % n == 0)
    per_scan = max(divisors, default=1)
    for first in range(0, len(whole), per_scan):
        yield whole[first : first + per_scan]
    if whole.size < len(order):
        yield order[whole.size :][None]


def _max_words(data: CaptionData, orders: list[np.ndarray], batch_size: int) -> int:
    """The most words in a batch of this training: only so many steps go through the large Dense
    layer."""
    words = (data.targets >= 0).sum(axis=1)
    scans = (rows for order in orders for rows in _split_into_scans(order, batch_size))
    most = max(int(words[rows].sum(axis=1).max()) for rows in scans)
    return -(-most // _WORDS_MULTIPLE) * _WORDS_MULTIPLE


def _pack_targets(targets: np.ndarray, max_words: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions (S, W) within B T of the targets (S, B, T) and the targets there, padded with
    -1."""
    flat = targets.reshape(len(targets), -1)
    positions = np.zeros((len(flat), max_words), np.int32)
    words = np.full((len(flat), max_words), -1, np.int32)
    for row, line in enumerate(flat):
        found = np.flatnonzero(line >= 0)
        positions[row, : len(found)], words[row, : len(found)] = found, line[found]
    return positions, words


@cache
def _compile_run(max_words: int, learning_rate: float) -> Callable:
    """S steps of Adam: (carry, tables, images (S, B), words (S, B, T), positions (S, W), targets
    (S, W))."""
    import jax
    import jax.numpy as jnp

    def loss(
        weights: list, constants: list, image_of: Any, words: Any, positions: Any, targets: Any
    ) -> tuple:
        known = targets >= 0
        states = _states(weights, constants[0], constants[1], image_of, words)
        logits = states[positions] @ weights[3] + weights[4]
        right = jnp.take_along_axis(logits, jnp.maximum(targets, 0)[:, None], axis=-1)[:, 0]
        losses = jnp.where(known, jax.nn.logsumexp(logits, axis=-1) - right, 0.0)
        hits = (known & (logits.argmax(axis=-1) == targets)).sum()
        number = known.sum()
        return losses.sum() / number, (
            losses.sum(),
            hits.astype(jnp.float32),
            number.astype(jnp.float32),
        )

    def step(constants: list, carry: tuple, batch: tuple) -> tuple:
        weights, first, second, count = carry
        gradient, sums = jax.grad(loss, has_aux=True)(weights, constants, *batch)
        count = count + 1
        weights, moments = adam(  # as Keras' Adam
            weights,
            gradient,
            (first, second),
            count,
            learning_rate,
            epsilon=1e-7,
            correct_rate=True,
            arithmetic="increment",
        )
        return (weights, *moments, count), jnp.stack(sums)

    @jax.jit
    def run(carry: tuple, constants: list, *batches: Any) -> tuple:
        return jax.lax.scan(lambda carry, batch: step(constants, carry, batch), carry, batches)

    return run


def _states(weights: list, images: Any, table: Any, image_of: Any, words: Any) -> Any:
    """The hidden states of B captions, (B T, H).

    The image, the same at all steps, is multiplied once.
    """
    import jax
    import jax.numpy as jnp

    kernel, recurrent, bias = weights[:3]
    size = images.shape[1]
    steps = (
        table[jnp.maximum(words, 0)] @ kernel[size:]
        + (images[image_of] @ kernel[:size] + bias)[:, None]
    )

    def step(state: Any, x: Any) -> tuple:
        state = jnp.tanh(x + state @ recurrent)
        return state, state

    first = jnp.zeros((words.shape[0], recurrent.shape[0]), steps.dtype)
    states: Any
    _last, states = jax.lax.scan(step, first, jnp.moveaxis(steps, 1, 0), unroll=5)
    return jnp.moveaxis(states, 0, 1).reshape(-1, recurrent.shape[0])


def evaluate(weights: list[np.ndarray], data: CaptionData, batch_size: int = 250) -> Evaluation:
    """Return loss and accuracy of the next word given the words before.

    ``weights`` as ``get_weights`` lists them.
    """
    sums = np.zeros(3)
    for first in range(0, len(data), batch_size):
        # One shape, one compilation: the last batch repeats rows, without targets.
        rows = np.resize(np.arange(first, min(first + batch_size, len(data))), batch_size)
        targets = data.targets[rows]
        targets[len(data) - first :] = -1
        known, targets = targets.reshape(-1) >= 0, targets[targets >= 0]
        states = _compile_states()(
            weights, data.images, data.table, data.image_of[rows], data.captions[rows, :-1]
        )
        log_p = log_softmax(np.asarray(states)[known] @ weights[3] + weights[4], axis=1)
        right = log_p.argmax(axis=1) == targets
        losses = -log_p[np.arange(len(targets)), targets]
        sums += losses.sum(dtype=np.float64), right.sum(), len(targets)
    all_steps = len(data) * data.steps
    loss, hits, words = map(float, sums)
    return Evaluation(loss / words, hits / words, loss / all_steps, hits / all_steps)


@cache
def _compile_states() -> Callable:
    import jax

    return jax.jit(_states)


def step(arrays: dict, image: Any, state: Any, words: Any) -> tuple[Any, Any]:
    """Advance by one word, for ``beam_search``.

    ``arrays`` holds ``weights`` and the words' ``table``.
    """
    import jax
    import jax.numpy as jnp

    kernel, recurrent, bias, dense, dense_bias = arrays["weights"]
    size = image.shape[-1]
    projected = jnp.asarray(image) @ kernel[:size]
    state = jnp.tanh(
        projected[:, None] + arrays["table"][words] @ kernel[size:] + bias + state @ recurrent
    )
    return jax.nn.log_softmax(state @ dense + dense_bias, axis=-1), state
