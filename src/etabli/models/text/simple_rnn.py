"""The character-level SimpleRNN of practical 4: window -> SimpleRNN -> Dense -> softmax.

The model is a plain ``keras.Model``. On JAX, ``train`` runs one compiled loop per epoch on the
codes themselves (a one-hot row times the kernel is a row of the kernel); on another backend it
calls ``train_on_batch`` with one-hot arrays. Both read the same batches in the same order.
Practical 4, exercise 1 b.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import log_softmax

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed, make_generator
from etabli.training import optimizer
from etabli.training.backend import is_jax_backend
from etabli.training.checkpoint import Checkpoint, model_state, restore_model

if TYPE_CHECKING:
    import keras

__all__ = ["Epoch", "TrainConfig", "build", "compute_states", "log_probabilities", "train"]


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of the training.

    learning_rate: of RMSprop (rho 0.9, Keras' default).
    schedule: constant, or half a cosine that decays to zero at the last epoch.
    dropout: dropout rate of the last hidden state, and of the states between two layers.
    ema_decay: decay per step of the exponential moving average of the weights, which becomes the
        model (0: the weights themselves). Polyak, Juditsky 1992.
    """

    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    dropout: float = 0.0
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        shares = 0 <= self.dropout < 1 and 0 <= self.ema_decay < 1
        if self.batch_size < 1 or self.learning_rate <= 0 or not shares:
            raise BadSetting(
                _("the training configuration of the SimpleRNN is out of range"),
                expected=_("batch_size >= 1, learning_rate > 0, dropout and ema_decay in [0, 1)"),
                got=self,
            )

    @property
    def is_plain(self) -> bool:
        """Whether it is RMSprop with a constant rate and nothing else, as in the practical."""
        return self.schedule == "constant" and not self.dropout and not self.ema_decay


@dataclass(frozen=True)
class Epoch:
    """The mean training loss of an epoch in nats, measured before each update."""

    number: int
    loss: float


def build(
    length: int, vocabulary: int, units: int = 128, seed: int = 0, layers: int = 1
) -> "keras.Model":
    """Build one-hot (N, length, V) -> SimpleRNN(units), its last state -> Dense(V), softmax: p (N,
    V).

    With units = 128 and V = 60: 24,192 + 7,740 = 31,932 parameters (report, figure 16). Keras'
    default initializers: Glorot uniform, orthogonal recurrent kernel, zero biases; the loss starts
    near ln V. Each of several layers reads the states of the one below.
    """
    import keras

    initializers = keras.initializers

    def recurrent(number: int) -> "keras.Layer":
        name = "recurrent" if number == 1 else f"recurrent_{number}"
        purpose = ("char_rnn",) if number == 1 else ("char_rnn", name)
        return keras.layers.SimpleRNN(
            units,
            return_sequences=number < layers,
            kernel_initializer=initializers.GlorotUniform(
                derive_keras_seed(seed, *purpose, "glorot_uniform")
            ),
            recurrent_initializer=initializers.Orthogonal(
                seed=derive_keras_seed(seed, *purpose, "orthogonal")
            ),
            name=name,
        )

    return keras.Sequential(
        [
            keras.Input((length, vocabulary), name="characters"),
            *map(recurrent, range(1, layers + 1)),
            keras.layers.Dense(
                vocabulary,
                kernel_initializer=initializers.GlorotUniform(
                    derive_keras_seed(seed, "char_rnn", "dense")
                ),
                name="dense",
            ),
            keras.layers.Activation("softmax", name="softmax"),
        ],
        name="char_rnn",
    )


def train(
    model: "keras.Model",
    inputs: np.ndarray,
    targets: np.ndarray,
    epochs: int,
    config: TrainConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Train epoch by epoch; the model holds the new weights whenever an epoch is yielded.

    Args:
        model: What ``build`` returned, changed in place.
        inputs: Windows (N, T) of codes.
        targets: The code (N,) that follows each window.
        epochs: Number of epochs; stop iterating to stop earlier.
        config: Hyperparameters.
        seed: Seed of the order of the windows and of the dropout masks.
        checkpoint: Where an interrupted training resumes from, to the same weights bit for bit.
    """
    if epochs < 1:
        raise BadSetting(
            _("the number of epochs is out of range"), expected=_("1 or more"), got=epochs
        )
    run = _train_jax if is_jax_backend() else _train_keras
    yield from run(model, inputs, targets, epochs, config, seed, checkpoint or Checkpoint())


def log_probabilities(weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return ln p (N, V) of the code after each window (N, T).

    ``weights`` as ``get_weights`` lists them.
    """
    parts = [inputs[start : start + 4096] for start in range(0, len(inputs), 4096)]
    *_recurrent, dense, bias = weights
    return np.concatenate(
        [log_softmax(compute_states(weights, part)[-1] @ dense + bias, axis=-1) for part in parts]
    )


def compute_states(weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return the states (T, N, H), h_t = tanh(W[x_t] + b + h_(t-1) U), over windows (N, T), in
    NumPy; of several layers those of the last."""
    kernel, recurrent, bias = weights[:3]
    rows, count = kernel + bias, len(inputs)
    states = _run_layer((rows[codes] for codes in np.asarray(inputs).T), recurrent, count)
    for place in range(3, len(weights) - 2, 3):
        kernel, recurrent, bias = weights[place : place + 3]
        states = _run_layer((below @ kernel + bias for below in states), recurrent, count)
    return states


def _run_layer(projected: Iterable[np.ndarray], recurrent: np.ndarray, count: int) -> np.ndarray:
    h, states = np.zeros((count, len(recurrent)), recurrent.dtype), []
    for z in projected:
        h = np.tanh(z + h @ recurrent)
        states.append(h)
    return np.stack(states)


def _orders(count: int, epochs: int, seed: int) -> Iterator[np.ndarray]:
    shuffling = make_generator(seed, "char_rnn", "order")
    for _epoch in range(epochs):
        yield shuffling.permutation(count)


def _train_keras(
    model: "keras.Model",
    inputs: np.ndarray,
    targets: np.ndarray,
    epochs: int,
    config: TrainConfig,
    seed: int,
    checkpoint: Checkpoint,
) -> Iterator[Epoch]:
    import keras

    if not config.is_plain:
        raise BadSetting(
            _("cosine decay, dropout and the moving average of the weights need the JAX backend"),
            got=_("KERAS_BACKEND={name}").format(name=keras.backend.backend()),
            fix=_("Set KERAS_BACKEND=jax, or leave these settings at their defaults."),
        )
    model.compile(keras.optimizers.RMSprop(config.learning_rate), "categorical_crossentropy")
    restore_model(model, checkpoint)
    one_hot = np.eye(model.input_shape[-1], dtype=np.float32)
    for number, order in enumerate(_orders(len(targets), epochs, seed), 1):
        if number <= checkpoint.epoch:
            continue
        total = 0.0
        for start in range(0, len(order), config.batch_size):
            chosen = order[start : start + config.batch_size]
            logs = model.train_on_batch(
                one_hot[inputs[chosen]], one_hot[targets[chosen]], return_dict=True
            )
            model.reset_metrics()
            total += float(logs["loss"]) * len(chosen)
        yield Epoch(number, total / len(order))
        checkpoint.save(number, model_state(model))


def _train_jax(
    model: "keras.Model",
    inputs: np.ndarray,
    targets: np.ndarray,
    epochs: int,
    config: TrainConfig,
    seed: int,
    checkpoint: Checkpoint,
) -> Iterator[Epoch]:
    import jax

    run = _compile_steps(config)
    weights = [jax.numpy.asarray(weight) for weight in model.get_weights()]
    leaves, form = jax.tree.flatten(
        (weights, [jax.numpy.zeros_like(weight) for weight in weights], weights)
    )
    carry = jax.tree.unflatten(form, checkpoint.restore(leaves))
    _assign_weights(model, carry, config)
    key = jax.random.key(derive_keras_seed(seed, "char_rnn", "dropout"), impl="rbg")
    size = config.batch_size
    whole = len(targets) // size * size
    for number, order in enumerate(_orders(len(targets), epochs, seed), 1):
        rates = _learning_rates(config, number - 1, epochs, -(-len(order) // size))
        key, *keys = jax.random.split(key, 3)  # also for epochs already done: keys stay the same
        if number <= checkpoint.epoch:
            continue
        total = 0.0
        for part, part_key, part_rates in (
            (order[:whole].reshape(-1, size), keys[0], rates[: whole // size]),
            (order[whole:][None], keys[1], rates[whole // size :]),
        ):
            if part.size:
                carry, losses = run(carry, inputs[part], targets[part], part_key, part_rates)
                total += float(losses.sum()) * part.shape[1]
        _assign_weights(model, carry, config)
        yield Epoch(number, total / len(order))
        checkpoint.save(number, jax.tree.leaves(carry))


def _assign_weights(model: "keras.Model", carry: tuple, config: TrainConfig) -> None:
    weights = carry[2] if config.ema_decay else carry[0]
    model.set_weights([np.asarray(weight) for weight in weights])


def _learning_rates(config: TrainConfig, epoch: int, epochs: int, steps: int) -> np.ndarray:
    """The rate (steps,) of each step of an epoch (from 0)."""
    scale = np.ones(steps)
    if config.schedule == "cosine":
        scale = optimizer.cosine_schedule((epoch + np.arange(steps) / steps) / epochs)
    return (config.learning_rate * scale).astype(np.float32)


@cache
def _compile_steps(config: TrainConfig) -> Callable:
    """S steps of RMSprop: (carry, windows (S, B, T), targets, key, rates) -> carry, losses."""
    import jax
    import jax.numpy as jnp

    def step(carry: tuple, batch: tuple) -> tuple:
        weights, squares, average = carry
        windows, targets, key, rate = batch
        loss, grads = jax.value_and_grad(_loss)(weights, windows, targets, key, config.dropout)
        weights, squares = optimizer.rmsprop(weights, grads, squares, rate)
        if config.ema_decay:
            average = optimizer.update_ema(average, weights, config.ema_decay)
        return (weights, squares, average), loss

    def steps(carry: tuple, windows: Any, targets: Any, key: Any, rates: Any) -> tuple:
        keys = jax.random.split(key, len(rates))
        return jax.lax.scan(step, carry, (windows, targets, keys, jnp.asarray(rates)))

    return jax.jit(steps)


def _loss(weights: list, windows: Any, targets: Any, key: Any, dropout: float) -> Any:
    """-mean ln p(target | window) in nats, under inverted dropout of the last state."""
    import jax
    import jax.numpy as jnp

    from etabli.training.kernels.recurrent import embedding_lookup, simple_rnn

    kernel, recurrent, bias, *above, dense, dense_bias = weights
    start = jnp.zeros((windows.shape[0], recurrent.shape[0]), recurrent.dtype)
    states = simple_rnn(embedding_lookup(kernel, windows.T) + bias, recurrent, start)
    for place in range(0, len(above), 3):
        kernel, recurrent, bias = above[place : place + 3]
        if dropout:
            states = _drop(states, jax.random.fold_in(key, place + 1), dropout)
        states = simple_rnn(states @ kernel + bias, recurrent, start)
    hidden = states[-1]
    if dropout:
        hidden = _drop(hidden, key, dropout)
    log_p = jax.nn.log_softmax(hidden @ dense + dense_bias)
    return -jnp.take_along_axis(log_p, targets[:, None], axis=1).mean()


def _drop(states: Any, key: Any, dropout: float) -> Any:
    import jax

    return states * jax.random.bernoulli(key, 1 - dropout, states.shape) / (1 - dropout)
