"""The course's character net: a window of characters, one-hot -> SimpleRNN -> Dense, softmax: the next
character.

The net is a plain ``keras.Model``. Under JAX it is trained by ``train`` in one compiled loop an epoch, on the
codes themselves (a one-hot row times the kernel is a row of the kernel); under any other backend by
Keras' own ``train_on_batch`` with the course's one-hot arrays. Both take the same batches in the same order.
Practical 4, exercise 1 b.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed, make_generator
from etabli.training import checkpoint
from etabli.training.backend import is_jax_backend
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras

__all__ = ["Epoch", "Recipe", "build", "log_probabilities", "states", "train"]


@dataclass(frozen=True)
class Recipe:
    """How the net is trained.

    learning_rate: of RMSprop (rho 0.9, as Keras has it).
    decay: the rate falls along half a cosine to nothing at the last epoch, instead of staying.
    dropout: share of the last hidden state that is dropped while training.
    average: decay per step of an exponential moving average of the weights, which is the net that is kept
        (0: the weights themselves). Polyak, Juditsky 1992.
    """

    batch: int = 128
    learning_rate: float = 1e-3
    decay: bool = False
    dropout: float = 0.0
    average: float = 0.0

    def __post_init__(self) -> None:
        shares = 0 <= self.dropout < 1 and 0 <= self.average < 1
        if self.batch < 1 or self.learning_rate <= 0 or not shares:
            raise BadSetting(
                _("the recipe of the character net is out of range"),
                expected=_("batch >= 1, learning_rate > 0, dropout and average in [0, 1)"),
                got=self,
            )

    @property
    def is_plain(self) -> bool:
        """Whether it is the course's own: nothing but RMSprop."""
        return not (self.decay or self.dropout or self.average)


@dataclass(frozen=True)
class Epoch:
    """What a pass over the training windows gave: its mean loss in nats, measured while learning."""

    number: int
    loss: float


def build(length: int, vocabulary: int, units: int = 128, seed: int = 0) -> "keras.Model":
    """One-hot (N, length, V) -> SimpleRNN(units), its last state -> Dense(V), softmax: p (N, V).

    With units = 128 and V = 60: 24,192 + 7,740 = 31,932 parameters (report, figure 16). Keras' own
    initialisation: kernel Glorot uniform, recurrent kernel orthogonal, biases zero; the loss starts
    near ln V.
    """
    import keras

    seeds = {
        name: derive_keras_seed(seed, "char_rnn", name)
        for name in ("glorot_uniform", "orthogonal", "dense")
    }
    return keras.Sequential(
        [
            keras.Input((length, vocabulary), name="characters"),
            keras.layers.SimpleRNN(
                units,
                kernel_initializer=keras.initializers.GlorotUniform(seeds["glorot_uniform"]),
                recurrent_initializer=keras.initializers.Orthogonal(seed=seeds["orthogonal"]),
                name="recurrent",
            ),
            keras.layers.Dense(
                vocabulary,
                kernel_initializer=keras.initializers.GlorotUniform(seeds["dense"]),
                name="dense",
            ),
            keras.layers.Activation("softmax", name="softmax"),
        ],
        name="char_rnn",
    )


def train(
    model: "keras.Model", inputs: np.ndarray, targets: np.ndarray, epochs: int, recipe: Recipe, seed: int,
    memory: Checkpoint | None = None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train on windows (N, T) of codes and the codes (N,) that follow; after each epoch the model is
    up to date.

    Stop taking from the iterator to stop the training. With a ``memory`` an interrupted training goes on after the
    last epoch that was followed, to the same weights bit for bit.
    """
    if epochs < 1:
        raise BadSetting(
            _("the number of epochs is out of range"), expected=_("1 or more"), got=epochs
        )
    run = _train_scanned if is_jax_backend() else _train_keras
    yield from run(model, inputs, targets, epochs, recipe, seed, memory or Checkpoint())


def log_probabilities(weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """ln p (N, V) of what follows each window (N, T); ``weights`` as the model gives them."""
    parts = [inputs[start : start + 4096] for start in range(0, len(inputs), 4096)]
    *_recurrent, dense, bias = weights
    return np.concatenate(
        [log_softmax(states(weights, part)[-1] @ dense + bias, axis=-1) for part in parts]
    )


def states(weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """h_t = tanh(W[x_t] + b + h_(t-1) U) over windows (N, T) of codes: (T, N, H), in NumPy."""
    kernel, recurrent, bias = weights[:3]
    rows, h, every = kernel + bias, np.zeros((len(inputs), len(recurrent)), kernel.dtype), []
    for codes in np.asarray(inputs).T:
        h = np.tanh(rows[codes] + h @ recurrent)
        every.append(h)
    return np.stack(every)


def _orders(count: int, epochs: int, seed: int) -> Iterator[np.ndarray]:
    shuffling = make_generator(seed, "char_rnn", "order")
    for _epoch in range(epochs):
        yield shuffling.permutation(count)


def _train_keras(model, inputs, targets, epochs, recipe, seed, memory) -> Iterator[Epoch]:
    import keras

    if not recipe.is_plain:
        raise BadSetting(
            _("decay, dropout and weight averaging need the JAX backend"),
            got=_("KERAS_BACKEND={name}").format(name=keras.backend.backend()),
            fix=_("Set KERAS_BACKEND=jax, or leave the recipe of the course."),
        )
    model.compile(keras.optimizers.RMSprop(recipe.learning_rate), "categorical_crossentropy")
    checkpoint.resume(model, memory)
    one_hot = np.eye(model.input_shape[-1], dtype=np.float32)
    for number, order in enumerate(_orders(len(targets), epochs, seed), 1):
        if number <= memory.done:
            continue
        total = 0.0
        for start in range(0, len(order), recipe.batch):
            chosen = order[start : start + recipe.batch]
            logs = model.train_on_batch(
                one_hot[inputs[chosen]], one_hot[targets[chosen]], return_dict=True
            )
            model.reset_metrics()
            total += float(logs["loss"]) * len(chosen)
        yield Epoch(number, total / len(order))
        memory.keep(number, checkpoint.arrays(model))


def _train_scanned(model, inputs, targets, epochs, recipe, seed, memory) -> Iterator[Epoch]:
    import jax

    steps = _compiled_steps(recipe)
    weights = [jax.numpy.asarray(weight) for weight in model.get_weights()]
    leaves, form = jax.tree.flatten(
        (weights, [jax.numpy.zeros_like(weight) for weight in weights], weights)
    )
    carry = jax.tree.unflatten(form, memory.resumed(leaves))
    _give(model, carry, recipe)
    key = jax.random.key(derive_keras_seed(seed, "char_rnn", "dropout"), impl="rbg")
    whole = len(targets) // recipe.batch * recipe.batch
    for number, order in enumerate(_orders(len(targets), epochs, seed), 1):
        rates = _rates(recipe, number - 1, epochs, -(-len(order) // recipe.batch))
        key, *keys = jax.random.split(key, 3)
        if number <= memory.done:
            continue
        total = 0.0
        for part, part_key, part_rates in (
            (order[:whole].reshape(-1, recipe.batch), keys[0], rates[: whole // recipe.batch]),
            (order[whole:][None], keys[1], rates[whole // recipe.batch :]),
        ):
            if part.size:
                carry, losses = steps(carry, inputs[part], targets[part], part_key, part_rates)
                total += float(losses.sum()) * part.shape[1]
        _give(model, carry, recipe)
        yield Epoch(number, total / len(order))
        memory.keep(number, jax.tree.leaves(carry))


def _give(model, carry, recipe) -> None:
    """The model gets the weights, or their average where the recipe keeps one."""
    model.set_weights([np.asarray(weight) for weight in (carry[2] if recipe.average else carry[0])])


def _rates(recipe: Recipe, epoch: int, epochs: int, steps: int) -> np.ndarray:
    done = (epoch + np.arange(steps) / steps) / epochs
    scale = 0.5 * (1 + np.cos(np.pi * done)) if recipe.decay else np.ones(steps)
    return (recipe.learning_rate * scale).astype(np.float32)


@cache
def _compiled_steps(recipe: Recipe):
    """(carry, windows (S, B, T), targets (S, B), key, rates (S,)) -> carry, losses (S,): S steps of RMSprop.

    v = 0.9 v + 0.1 g^2, w = w - rate g / sqrt(v + 1e-7), as Keras' RMSprop has it.
    """
    import jax
    import jax.numpy as jnp

    def step(carry, batch):
        weights, squares, average = carry
        windows, targets, key, rate = batch
        loss, grads = jax.value_and_grad(_loss)(weights, windows, targets, key, recipe.dropout)
        squares = [0.9 * v + 0.1 * g * g for v, g in zip(squares, grads, strict=True)]
        weights = [
            w - rate * g * jax.lax.rsqrt(v + 1e-7)
            for w, g, v in zip(weights, grads, squares, strict=True)
        ]
        if recipe.average:
            average = [
                recipe.average * a + (1 - recipe.average) * w
                for a, w in zip(average, weights, strict=True)
            ]
        return (weights, squares, average), loss

    def steps(carry, windows, targets, key, rates):
        keys = jax.random.split(key, len(rates))
        return jax.lax.scan(step, carry, (windows, targets, keys, jnp.asarray(rates)))

    return jax.jit(steps)


def _loss(weights, windows, targets, key, dropout):
    """-mean ln p(target | window), nats."""
    import jax
    import jax.numpy as jnp

    from etabli.training.kernels.recurrent import lookup, simple_rnn

    kernel, recurrent, bias, dense, dense_bias = weights
    start = jnp.zeros((windows.shape[0], recurrent.shape[0]), recurrent.dtype)
    hidden = simple_rnn(lookup(kernel, windows.T) + bias, recurrent, start)[-1]
    if dropout:
        hidden = hidden * jax.random.bernoulli(key, 1 - dropout, hidden.shape) / (1 - dropout)
    log_p = jax.nn.log_softmax(hidden @ dense + dense_bias)
    return -jnp.take_along_axis(log_p, targets[:, None], axis=1).mean()
