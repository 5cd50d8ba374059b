"""A character-level LSTM: weight dropout, carried state, distillation from an n-gram model.

The text is cut into B streams that are read in parallel, T characters at a time (truncated
backpropagation through time): the state is carried from one chunk to the next, the gradient stops
there. Recurrent weights are dropped (one mask per chunk), embedding and output are dropped with one
mask for all T steps, and the model is a moving average of the weights. Merity, Keskar, Socher 2018,
"Regularizing and optimizing LSTM language models"; Gal, Ghahramani 2016.

On a book of 100,000 characters three more things help:

- part of the target is not the character that came but the distribution of an n-gram model, counted
  on the other folds of the same training text. Hinton et al. 2015 (distillation);
- the *residual* LSTM learns only what the n-gram model does not know: its logits are added to the
  n-gram's ln p, which a gate of its state scales;
- the plain LSTM also reads text that the residual LSTM generated
  (``models/text/synthetic_text.py``).

The models are plain ``keras.Model``s (saved as ``.keras``); JAX trains and evaluates them on their
weights, as Keras
lists them: embedding, kernel, recurrent, bias, then the gate of the residual LSTM, then dense and
its bias. All arrays are time-major, (T, B, ...).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed, make_generator
from etabli.models.text.generation import split_lstm_weights
from etabli.models.text.ngram import cross_predict
from etabli.models.text.simple_rnn import Epoch
from etabli.models.text.synthetic_text import SyntheticText
from etabli.training import optimizer
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras

__all__ = [
    "PLAIN_CONFIG",
    "RESIDUAL_CONFIG",
    "TrainConfig",
    "build",
    "compile_epoch",
    "compile_log_probabilities",
    "log_probabilities",
    "train",
]


@cache
def compile_log_probabilities() -> Callable:
    """Return (weights, codes (T, B), known (T, B), ngram_log_p (T, B, V)) -> ln p (T, B, V).

    The state stays zero where ``known`` is False.
    """
    import jax

    def run(weights: list, codes: Any, known: Any, ngram_log_p: Any) -> Any:
        state = _zero_state(codes.shape[1], weights)
        return jax.nn.log_softmax(_forward(weights, codes, ngram_log_p, state, known)[0])

    return jax.jit(run)


@cache
def compile_epoch(config: "TrainConfig") -> Callable:
    """Return (carry, inputs, targets, ngram_log_p, key, rates) -> carry, mean loss.

    One step of Adam on each of P chunks in order, the state carried from chunk to chunk. ``carry``
    holds weights, both moments, averaged weights and the number of steps.
    """
    import jax

    def step(carry: tuple, batch: tuple) -> tuple:
        (learner, state), (*chunk, key, rate) = carry, batch
        (loss, state), grads = jax.value_and_grad(_loss, has_aux=True)(
            learner[0], *chunk, key, state, config
        )
        return (_update(learner, grads, rate, config), state), loss

    def run(
        learner: tuple, inputs: Any, targets: Any, ngram_log_p: Any, key: Any, rates: Any
    ) -> tuple:
        state = _zero_state(inputs.shape[2], learner[0])
        keys = jax.random.split(key, len(inputs))
        losses: Any
        (learner, _), losses = jax.lax.scan(
            step, (learner, state), (inputs, targets, ngram_log_p, keys, rates)
        )
        return learner, losses.mean()

    return jax.jit(run)


def _forward(
    weights: list,
    codes: Any,
    ngram_log_p: Any,
    state: tuple,
    known: Any = None,
    masks: Any = None,
) -> tuple:
    """Logits (T, B, V) and the state of every layer after the last step.

    The residual LSTM adds gate(h) ln p_ngram to its own logits, gate = softplus(h g + b).
    """
    import jax
    import jax.numpy as jnp

    from etabli.training.kernels.recurrent import embedding_lookup, lstm

    embedding, layers, gate, dense, dense_bias = split_lstm_weights(weights)
    ones = [1.0] * len(layers)
    rows, inner, outer = masks or (1.0, ones, ones)
    states = embedding_lookup(embedding, codes) * rows
    last = []
    for number, (kernel, recurrent, bias) in enumerate(layers):
        projected = (states if number == 0 else states * outer[number - 1]) @ kernel + bias
        if known is not None:
            # Closed input and output gates keep the state exactly zero where nothing is known.
            gates = jnp.repeat(jnp.array([1.0, 0.0, 0.0, 1.0]), recurrent.shape[0]) * -1e9
            projected = projected + jnp.where(known[..., None], 0.0, gates)
        states, cell = lstm(projected, recurrent * inner[number], *state[number])
        last.append((states[-1], cell))
    dropped = states * outer[-1]
    logits = dropped @ dense + dense_bias
    if gate:
        logits = logits + jax.nn.softplus(dropped @ gate[0] + gate[1]) * ngram_log_p
    return logits, tuple(last)


def _zero_state(streams: int, weights: list) -> tuple:
    import jax.numpy as jnp

    units = [recurrent.shape[0] for _kernel, recurrent, _bias in split_lstm_weights(weights)[1]]
    return tuple((jnp.zeros((streams, n)), jnp.zeros((streams, n))) for n in units)


def _loss(
    weights: list,
    inputs: Any,
    targets: Any,
    ngram_log_p: Any,
    key: Any,
    state: tuple,
    config: "TrainConfig",
) -> tuple:
    """-mean sum_v q(v) ln p(v) under one draw of the masks, q the targets; and the last state."""
    import jax

    keys, streams = jax.random.split(key, 3), inputs.shape[1]
    recurrents = [recurrent for _kernel, recurrent, _bias in split_lstm_weights(weights)[1]]

    def mask(place: int, share: float, shape: tuple[int, ...], layer: int) -> Any:
        own = jax.random.fold_in(keys[place], layer) if layer else keys[place]
        return jax.random.bernoulli(own, 1 - share, shape) / (1 - share) if share else 1.0

    # The last layer's output has the mask that a single layer's has.
    above = range(len(recurrents) - 1, -1, -1)
    masks = (
        mask(0, config.input_drop, (streams, weights[0].shape[1]), 0),
        [mask(1, config.weight_drop, each.shape, n) for n, each in enumerate(recurrents)],
        [
            mask(2, config.output_drop, (streams, len(each)), n)
            for n, each in zip(above, recurrents, strict=True)
        ],
    )
    logits, state = _forward(weights, inputs, ngram_log_p, state, masks=masks)
    log_p = jax.nn.log_softmax(logits)
    return -(targets * log_p).sum(axis=-1).mean(), state


def _update(learner: tuple, grads: list, rate: Any, config: "TrainConfig") -> tuple:
    """One step of Adam on the clipped gradient, and of the moving average."""
    weights, first, second, average, count = learner
    grads = optimizer.clip_by_global_norm(grads, config.clip)
    count = count + 1
    weights, moments = optimizer.adam(
        weights, grads, (first, second), count, rate, arithmetic="left_to_right"
    )
    decay = optimizer.warm_up_ema(config.ema_decay, count, 10)
    return weights, *moments, optimizer.update_ema(average, weights, decay), count


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of the training.

    streams, steps: B and T; shorter chunks mean more updates per epoch.
    learning_rate: of Adam, with cosine decay to 2 % of it at the last epoch.
    weight_drop: dropout rate of the recurrent weights, the strongest regularization here.
    input_drop, output_drop: dropout rates of the embedding and of the state.
    ema_decay: decay per step of the moving average of the weights.
    clip: largest Euclidean norm of the gradient of all weights together.
    teacher: weight of the n-gram's distribution in the target; teacher_context: its characters of
        context.
    """

    streams: int = 32
    steps: int = 32
    learning_rate: float = 5e-3
    weight_drop: float = 0.4
    input_drop: float = 0.1
    output_drop: float = 0.3
    ema_decay: float = 0.999
    clip: float = 1.0
    teacher: float = 0.4
    teacher_context: int = 6

    def __post_init__(self) -> None:
        shares = (self.weight_drop, self.input_drop, self.output_drop, self.ema_decay, self.teacher)
        if min(self.streams, self.steps) < 1 or min(self.learning_rate, self.clip) <= 0:
            expected = _("streams and steps >= 1, learning_rate and clip > 0")
        elif not all(0 <= share < 1 for share in shares):
            expected = _("the dropout rates, ema_decay and teacher in [0, 1)")
        else:
            return
        raise BadSetting(
            _("the training configuration of the LSTM is out of range"), expected=expected, got=self
        )


RESIDUAL_CONFIG = TrainConfig(weight_drop=0.5, teacher=0.0)
"""Of a residual LSTM, whose output includes the n-gram model already."""
PLAIN_CONFIG = TrainConfig(streams=16, weight_drop=0.3, input_drop=0.0, output_drop=0.1)
"""Of a plain LSTM that reads synthetic text too."""


def build(
    vocabulary: int,
    units: int = 512,
    embedding: int = 64,
    seed: int = 0,
    residual: bool = False,
    layers: int = 1,
) -> "keras.Model":
    """Build codes (N, T) -> Embedding(E) -> LSTM(H) -> Dense(V), softmax: p (N, T, V).

    Args:
        vocabulary: V, number of characters.
        units: H, units of the LSTM.
        embedding: E, size of the embedding.
        seed: Seed of the initial weights.
        residual: Whether there is a second input, the n-gram's ln p (N, T, V), and a gate for it.
        layers: LSTMs on top of one another.
    """
    import keras

    seeds = {
        name: derive_keras_seed(seed, "char_modern", name)
        for name in ("rows", "kernel", "state", "dense")
    }
    initializers = keras.initializers
    inputs = [keras.Input((None,), dtype="int32", name="codes")]
    rows = initializers.RandomUniform(-0.1, 0.1, seed=seeds["rows"])
    x = keras.layers.Embedding(
        vocabulary, embedding, embeddings_initializer=rows, name="embedding"
    )(inputs[0])
    for number in range(1, layers + 1):
        name = "recurrent" if number == 1 else f"recurrent_{number}"
        if number > 1:
            for part in ("kernel", "state"):
                seeds[part] = derive_keras_seed(seed, "char_modern", name, part)
        x = keras.layers.LSTM(
            units,
            return_sequences=True,
            kernel_initializer=initializers.GlorotUniform(seeds["kernel"]),
            recurrent_initializer=initializers.Orthogonal(seed=seeds["state"]),
            name=name,
        )(x)
    logits = keras.layers.Dense(
        vocabulary, kernel_initializer=initializers.GlorotUniform(seeds["dense"]), name="dense"
    )(x)
    if residual:
        inputs.append(keras.Input((None, vocabulary), name="counted"))
        # softplus(b) = 1: the untrained model is the n-gram model.
        start = initializers.Constant(float(np.log(np.e - 1)))
        gate = keras.layers.Dense(
            1, "softplus", kernel_initializer="zeros", bias_initializer=start, name="gate"
        )(x)
        logits = keras.layers.Add(name="sum")(
            [logits, keras.layers.Multiply(name="scaled")([gate, inputs[1]])]
        )
    outputs = keras.layers.Activation("softmax", name="softmax")(logits)
    return keras.Model(inputs if residual else inputs[0], outputs, name="char_modern")


def train(
    model: "keras.Model",
    codes: np.ndarray,
    epochs: int,
    config: TrainConfig,
    seed: int,
    synthetic: SyntheticText | None = None,
    checkpoint: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Train epoch by epoch; the model holds the averaged weights whenever an epoch is yielded.

    Args:
        model: What ``build`` returned, changed in place.
        codes: The training text (N,).
        epochs: Number of epochs, each from a random offset, so that the chunks differ.
        config: Hyperparameters.
        seed: Seed of the offsets and of the dropout masks.
        synthetic: Generated text; as many streams of it, with soft targets, are read in every step.
        checkpoint: Where an interrupted training resumes from, to the same weights bit for bit.
    """
    import jax

    if epochs < 1:
        raise BadSetting(
            _("the number of epochs is out of range"), expected=_("1 or more"), got=epochs
        )
    if len(codes) < config.streams * config.steps + config.steps + 1:
        raise BadArray(
            _("the text is too short for this training configuration"),
            expected=_("more than {n} characters").format(n=(config.streams + 1) * config.steps),
            got=len(codes),
            fix=_("Give a longer text, or fewer streams and steps."),
        )
    run = compile_epoch(config)
    weights = [jax.numpy.asarray(weight) for weight in model.get_weights()]
    zeros = [jax.numpy.zeros_like(weight) for weight in weights]
    checkpoint = checkpoint or Checkpoint()
    leaves, form = jax.tree.flatten((weights, zeros, zeros, weights, jax.numpy.zeros(())))
    learner = jax.tree.unflatten(form, checkpoint.restore(leaves))
    model.set_weights([np.asarray(weight) for weight in learner[3]])
    key = jax.random.key(derive_keras_seed(seed, "char_modern", "dropout"), impl="rbg")
    batches = _generate_batches(
        np.asarray(codes), model, config, make_generator(seed, "char_modern", "offset"), synthetic
    )
    for number in range(1, epochs + 1):
        arrays = next(batches)
        key, epoch_key = jax.random.split(key)
        if number <= checkpoint.epoch:
            continue
        done = (number - 1 + np.arange(len(arrays[0])) / len(arrays[0])) / epochs
        rates = config.learning_rate * optimizer.cosine_schedule(done, floor=0.02)
        learner, loss = run(learner, *arrays, epoch_key, rates.astype(np.float32))
        model.set_weights([np.asarray(weight) for weight in learner[3]])
        yield Epoch(number, float(loss))
        checkpoint.save(number, jax.tree.leaves(learner))


def log_probabilities(
    weights: list[np.ndarray],
    codes: np.ndarray,
    first: int,
    last: int,
    streams: int = 32,
    warm_up: int = 300,
    ngram_log_p: np.ndarray | None = None,
) -> np.ndarray:
    """Return ln p (N, V) of the characters at positions first..last-1, each given the text before
    it.

    Args:
        weights: As ``get_weights`` lists them.
        codes: The whole text.
        first: First position.
        last: Position after the last.
        streams: Number of parts that the range is cut into, read in parallel.
        warm_up: Characters that each stream reads before its first prediction (fewer at the start
            of the text).
        ngram_log_p: The n-gram's ln p (N, V) of the same characters, for the residual LSTM.
    """
    length, vocabulary = -(-(last - first) // streams), weights[-1].shape[0]
    starts = first + length * np.arange(streams)
    positions = starts + np.arange(-warm_up - 1, length - 1)[:, None]
    codes = np.asarray(codes)[np.clip(positions, 0, len(codes) - 1)]
    given = np.zeros(
        (len(positions) if ngram_log_p is not None else 1, streams, vocabulary), np.float32
    )
    if ngram_log_p is not None:
        whole = np.pad(ngram_log_p, ((0, length * streams - len(ngram_log_p)), (0, 0)))
        given[warm_up:] = whole.reshape(streams, length, vocabulary).transpose(1, 0, 2)
    log_p = np.asarray(compile_log_probabilities()(weights, codes, positions >= 0, given))[warm_up:]
    return log_p.transpose(1, 0, 2).reshape(-1, vocabulary)[: last - first]


def _generate_batches(
    codes: np.ndarray,
    model: "keras.Model",
    config: TrainConfig,
    offsets: np.random.Generator,
    synthetic: SyntheticText | None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For every epoch: inputs (P, T, B), targets (P, T, B, V), the n-gram's ln p."""
    vocabulary, is_residual = model.output_shape[-1], len(model.inputs) == 2
    ngram_log_p = np.zeros((len(codes), 1), np.float32)
    if config.teacher or is_residual:
        ngram_log_p = cross_predict(codes, vocabulary, config.teacher_context).astype(np.float32)
    soft_targets, chunks_read = _soften(codes, vocabulary, config.teacher, ngram_log_p), 0
    while True:
        at = _positions(len(codes), config, int(offsets.integers(config.steps)))
        inputs, targets = codes[at], soft_targets[at + 1]
        log_p = ngram_log_p[at + 1] if is_residual else np.zeros((len(at), 1, 1, 1), np.float32)
        if synthetic is not None:
            more = synthetic.chunks(chunks_read, len(at), config.streams, config.steps)
            inputs, targets = (
                np.concatenate(both, axis=2) for both in zip((inputs, targets), more, strict=True)
            )
            chunks_read += len(at)
        yield inputs.astype(np.int32), targets, log_p


def _soften(
    codes: np.ndarray, vocabulary: int, teacher: float, ngram_log_p: np.ndarray
) -> np.ndarray:
    """Targets (N, V): the one-hot codes mixed with the distribution of the n-gram model, ln p (N,
    V)."""
    targets = np.eye(vocabulary, dtype=np.float32)[codes]
    return (1 - teacher) * targets + teacher * np.exp(ngram_log_p) if teacher else targets


def _positions(length: int, config: TrainConfig, offset: int) -> np.ndarray:
    """Positions (P, T, B) to read: stream b of a chunk resumes where it stopped in the chunk
    before."""
    stream = (length - 1 - offset) // config.streams
    count = stream // config.steps
    at = offset + stream * np.arange(config.streams)[:, None] + np.arange(count * config.steps)
    return at.T.reshape(count, config.steps, config.streams)
