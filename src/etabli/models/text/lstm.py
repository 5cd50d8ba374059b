"""A small net that does what can be done on one book: a weight-dropped LSTM with carried state.

The text is cut into B streams that are read side by side, T characters at a time; the state goes on from one
piece to the next, the gradient stops there. Recurrent weights are dropped (one mask a piece), embedding and
output are dropped with one mask for all T steps, and the net that is kept is a moving average of the weights.
Merity, Keskar, Socher 2018, "Regularizing and optimizing LSTM language models"; Gal, Ghahramani 2016.

On a book of 100,000 characters three more things help:

- part of the target is not the character that came but what an n-gram, counted on the other parts of the same
  training text, expected there. Hinton et al. 2015 (distillation);
- the *residual* net learns only what the n-gram does not know: its logits are added to the n-gram's ln p,
  which a gate of its state scales;
- the plain net reads, beside the book, text that the residual net wrote (``models/text/synthetic_text.py``).

The models are plain ``keras.Model``s (saved as ``.keras``); they are trained and run on their weights by JAX.

The compiled passes of the character LSTM: one that learns from a text, one that only reads it.

Both take the weights as Keras lists them: embedding, kernel, recurrent, bias, then of the residual net its
gate, then dense and its bias. All arrays stand time first, (T, B, ...), and a pass is a stack of P pieces of
T steps, the state carried from piece to piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed, make_generator
from etabli.models.text.ngram import held_out
from etabli.models.text.simple_rnn import Epoch
from etabli.models.text.synthetic_text import Synthetic
from etabli.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras
if TYPE_CHECKING:
    pass

__all__ = [
    "RESIDUAL",
    "TAUGHT",
    "Recipe",
    "build",
    "learning",
    "log_probabilities",
    "reading",
    "train",
]


@cache
def reading():
    """(weights, codes (T, B), known (T, B), counted (T, B, V)) -> ln p (T, B, V); the state stays zero where
    ``known`` is False.
    """
    import jax

    def read(weights, codes, known, counted):
        state = _zero_state(codes.shape[1], weights[2].shape[0])
        return jax.nn.log_softmax(_forward(weights, codes, counted, state, known)[0])

    return jax.jit(read)


@cache
def learning(recipe: "Recipe"):
    """(learner, inputs (P, T, B), targets (P, T, B, V), counted, key, rates (P,)) -> learner, mean loss.

    One step of Adam (0.9, 0.999) on every piece in order; the learner is (weights, first moments, second
    moments, averaged weights, number of steps).
    """
    import jax

    def step(carry, batch):
        (learner, state), (*piece, key, rate) = carry, batch
        (loss, state), grads = jax.value_and_grad(_loss, has_aux=True)(
            learner[0], *piece, key, state, recipe
        )
        return (_adam(learner, grads, rate, recipe), state), loss

    def run(learner, inputs, targets, counted, key, rates):
        state = _zero_state(inputs.shape[2], learner[0][2].shape[0])
        keys = jax.random.split(key, len(inputs))
        (learner, _), losses = jax.lax.scan(
            step, (learner, state), (inputs, targets, counted, keys, rates)
        )
        return learner, losses.mean()

    return jax.jit(run)


def _forward(weights, codes, counted, state, known=None, masks=(1.0, 1.0, 1.0)):
    """Logits (T, B, V) and the state after the last step.

    The residual net adds gate(h) ln p_ngram to its own logits, gate = softplus(h g + b).
    """
    import jax

    from etabli.training.kernels.recurrent import lookup, lstm

    embedding, kernel, recurrent, bias, *gate, dense, dense_bias = weights
    rows, inner, outer = masks
    projected = (lookup(embedding, codes) * rows) @ kernel + bias
    if known is not None:
        # A closed input gate and output gate: nothing enters the state and nothing leaves it.
        projected = projected + _closed(known, recurrent.shape[0])
    states, cell = lstm(projected, recurrent * inner, *state)
    seen = states * outer
    logits = seen @ dense + dense_bias
    if gate:
        logits = logits + jax.nn.softplus(seen @ gate[0] + gate[1]) * counted
    return logits, (states[-1], cell)


def _closed(known, units: int):
    import jax.numpy as jnp

    gates = jnp.repeat(jnp.array([1.0, 0.0, 0.0, 1.0]), units) * -1e9
    return jnp.where(known[..., None], 0.0, gates)


def _zero_state(streams: int, units: int):
    import jax.numpy as jnp

    return jnp.zeros((streams, units)), jnp.zeros((streams, units))


def _loss(weights, inputs, targets, counted, key, state, recipe):
    """-mean sum_v q(v) ln p(v) under one draw of the masks, q the targets; and the state to go on with."""
    import jax

    keys, streams = jax.random.split(key, 3), inputs.shape[1]
    shapes = (streams, weights[0].shape[1]), weights[2].shape, (streams, weights[2].shape[0])
    shares = (recipe.input_drop, recipe.weight_drop, recipe.output_drop)
    masks = [
        jax.random.bernoulli(key, 1 - share, shape) / (1 - share) if share else 1.0
        for key, share, shape in zip(keys, shares, shapes, strict=True)
    ]
    logits, state = _forward(weights, inputs, counted, state, masks=masks)
    log_p = jax.nn.log_softmax(logits)
    return -(targets * log_p).sum(axis=-1).mean(), state


def _adam(learner, grads, rate, recipe):
    """One step of Adam on the clipped gradient, and of the moving average (short while it is young)."""
    import jax.numpy as jnp

    weights, means, squares, average, count = learner
    norm = jnp.sqrt(sum((g * g).sum() for g in grads))
    grads = [g * jnp.minimum(1.0, recipe.clip / norm) for g in grads]
    count = count + 1
    means = [0.9 * m + 0.1 * g for m, g in zip(means, grads, strict=True)]
    squares = [0.999 * v + 0.001 * g * g for v, g in zip(squares, grads, strict=True)]
    scale, rescale = 1 - 0.9**count, 1 - 0.999**count
    weights = [
        w - rate * (m / scale) / (jnp.sqrt(v / rescale) + 1e-8)
        for w, m, v in zip(weights, means, squares, strict=True)
    ]
    decay = jnp.minimum(recipe.average, count / (count + 10))
    average = [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    return weights, means, squares, average, count


@dataclass(frozen=True)
class Recipe:
    """How the net is trained; what each knob does when it is turned.

    streams, steps: B and T; shorter pieces mean more updates a pass.
    learning_rate: of Adam, falling along half a cosine to 2 % of it at the last epoch.
    weight_drop: share of recurrent weights that is dropped; the strongest knob against learning by heart.
    input_drop, output_drop: shares of the embedding and of the state that is dropped.
    average: decay per step of the moving average of the weights.
    clip: the longest gradient, in its Euclidean norm over all weights.
    teacher: share of the target that is the held-out n-gram's distribution; teacher_context: its characters.
    """

    streams: int = 32
    steps: int = 32
    learning_rate: float = 5e-3
    weight_drop: float = 0.4
    input_drop: float = 0.1
    output_drop: float = 0.3
    average: float = 0.999
    clip: float = 1.0
    teacher: float = 0.4
    teacher_context: int = 6

    def __post_init__(self) -> None:
        shares = (self.weight_drop, self.input_drop, self.output_drop, self.average, self.teacher)
        if min(self.streams, self.steps) < 1 or min(self.learning_rate, self.clip) <= 0:
            raise self._bad(_("streams and steps >= 1, learning_rate and clip > 0"))
        if not all(0 <= share < 1 for share in shares):
            raise self._bad(_("the dropped shares, the average and the teacher in [0, 1)"))

    def _bad(self, expected: str) -> BadSetting:
        return BadSetting(_("the recipe of the LSTM is out of range"), expected=expected, got=self)


RESIDUAL = Recipe(weight_drop=0.5, teacher=0.0)
"""Of a residual net, which has the n-gram in itself."""
TAUGHT = Recipe(streams=16, weight_drop=0.3, input_drop=0.0, output_drop=0.1)
"""Of a plain net that reads synthetic text beside the book."""


def build(
    vocabulary: int, units: int = 512, embedding: int = 64, seed: int = 0, residual: bool = False
) -> "keras.Model":
    """Codes (N, T) -> Embedding(E) -> LSTM(H) -> Dense(V), softmax: p (N, T, V) of each following
    character.

    The residual net has a second input, what the n-gram expects there, ln p (N, T, V), and a gate for it.
    """
    import keras

    seeds = {
        name: derive_keras_seed(seed, "char_modern", name)
        for name in ("rows", "kernel", "state", "dense")
    }
    layers, initializers = keras.layers, keras.initializers
    inputs = [keras.Input((None,), dtype="int32", name="codes")]
    rows = initializers.RandomUniform(-0.1, 0.1, seed=seeds["rows"])
    x = layers.Embedding(vocabulary, embedding, embeddings_initializer=rows, name="embedding")(
        inputs[0]
    )
    x = layers.LSTM(
        units,
        return_sequences=True,
        kernel_initializer=initializers.GlorotUniform(seeds["kernel"]),
        recurrent_initializer=initializers.Orthogonal(seed=seeds["state"]),
        name="recurrent",
    )(x)
    logits = layers.Dense(
        vocabulary, kernel_initializer=initializers.GlorotUniform(seeds["dense"]), name="dense"
    )(x)
    if residual:
        inputs.append(keras.Input((None, vocabulary), name="counted"))
        # softplus(b) = 1: at first the net is the n-gram.
        start = initializers.Constant(float(np.log(np.e - 1)))
        gate = layers.Dense(
            1, "softplus", kernel_initializer="zeros", bias_initializer=start, name="gate"
        )(x)
        logits = layers.Add(name="sum")([logits, layers.Multiply(name="scaled")([gate, inputs[1]])])
    outputs = layers.Activation("softmax", name="softmax")(logits)
    return keras.Model(inputs if residual else inputs[0], outputs, name="char_modern")


def train(
    model: "keras.Model",
    codes: np.ndarray,
    epochs: int,
    recipe: Recipe,
    seed: int,
    synthetic: Synthetic | None = None,
    memory: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Train on a text (N,) of codes; after each epoch the model holds the averaged weights.

    Each pass begins at another offset, so that the pieces are cut in other places. With ``synthetic`` text as
    many streams of it, with their own targets, are read beside those of the book. With a ``memory`` an interrupted
    training goes on after the last epoch that was followed, to the same weights bit for bit.
    """
    import jax

    pass

    if epochs < 1:
        raise BadSetting(
            _("the number of epochs is out of range"), expected=_("1 or more"), got=epochs
        )
    if len(codes) < recipe.streams * recipe.steps + recipe.steps + 1:
        raise BadArray(
            _("the text is too short for this recipe"),
            expected=_("more than {n} characters").format(n=(recipe.streams + 1) * recipe.steps),
            got=len(codes),
            fix=_("Give a longer text, or fewer streams and steps."),
        )
    run = learning(recipe)
    weights = [jax.numpy.asarray(weight) for weight in model.get_weights()]
    zeros = [jax.numpy.zeros_like(weight) for weight in weights]
    memory = memory or Checkpoint()
    leaves, form = jax.tree.flatten((weights, zeros, zeros, weights, jax.numpy.zeros(())))
    learner = jax.tree.unflatten(form, memory.resumed(leaves))
    model.set_weights([np.asarray(weight) for weight in learner[3]])
    key = jax.random.key(derive_keras_seed(seed, "char_modern", "dropout"), impl="rbg")
    passes = _passes(
        np.asarray(codes), model, recipe, make_generator(seed, "char_modern", "offset"), synthetic
    )
    for number in range(1, epochs + 1):
        arrays = next(passes)
        key, now = jax.random.split(key)
        if number <= memory.done:
            continue
        done = (number - 1 + np.arange(len(arrays[0])) / len(arrays[0])) / epochs
        rates = recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        learner, loss = run(learner, *arrays, now, rates.astype(np.float32))
        model.set_weights([np.asarray(weight) for weight in learner[3]])
        yield Epoch(number, float(loss))
        memory.keep(number, jax.tree.leaves(learner))


def log_probabilities(
    weights: list[np.ndarray],
    codes: np.ndarray,
    first: int,
    last: int,
    streams: int = 32,
    warm_up: int = 300,
    counted: np.ndarray | None = None,
) -> np.ndarray:
    """ln p (N, V) of the characters at positions first..last-1, each given the text before it, state carried.

    The range is cut into ``streams`` that are read side by side; each first reads the ``warm_up`` characters
    before its own (fewer at the start of the text), whose predictions are not used. The residual net needs the
    n-gram's ln p (N, V) of the same characters, ``counted``.
    """
    pass

    length, vocabulary = -(-(last - first) // streams), weights[-1].shape[0]
    starts = first + length * np.arange(streams)
    positions = starts + np.arange(-warm_up - 1, length - 1)[:, None]
    codes = np.asarray(codes)[np.clip(positions, 0, len(codes) - 1)]
    given = np.zeros(
        (len(positions) if counted is not None else 1, streams, vocabulary), np.float32
    )
    if counted is not None:
        whole = np.pad(counted, ((0, length * streams - len(counted)), (0, 0)))
        given[warm_up:] = whole.reshape(streams, length, vocabulary).transpose(1, 0, 2)
    log_p = np.asarray(reading()(weights, codes, positions >= 0, given))[warm_up:]
    return log_p.transpose(1, 0, 2).reshape(-1, vocabulary)[: last - first]


def _passes(
    codes, model, recipe: Recipe, offsets: np.random.Generator, synthetic: Synthetic | None
):
    """Pass after pass: inputs (P, T, B), targets (P, T, B, V), and what the n-gram expected (P, T, B, V) where
    the net needs it.
    """
    vocabulary, residual = model.output_shape[-1], len(model.inputs) == 2
    expected = None
    if recipe.teacher or residual:
        expected = held_out(codes, vocabulary, recipe.teacher_context).astype(np.float32)
    taught, read = _soft_targets(codes, vocabulary, recipe.teacher, expected), 0
    while True:
        at = _places(len(codes), recipe, int(offsets.integers(recipe.steps)))
        inputs, targets = codes[at], taught[at + 1]
        counted = expected[at + 1] if residual else np.zeros((len(at), 1, 1, 1), np.float32)
        if synthetic is not None:
            written = synthetic.pieces(read, len(at), recipe.streams, recipe.steps)
            inputs, targets = (
                np.concatenate(both, axis=2)
                for both in zip((inputs, targets), written, strict=True)
            )
            read += len(at)
        yield inputs.astype(np.int32), targets, counted


def _soft_targets(
    codes: np.ndarray, vocabulary: int, teacher: float, expected: np.ndarray | None
) -> np.ndarray:
    """(N, V): the character that came, one-hot, mixed with what the held-out n-gram expected, ln p (N, V)."""
    targets = np.eye(vocabulary, dtype=np.float32)[codes]
    return (1 - teacher) * targets + teacher * np.exp(expected) if teacher else targets


def _places(length: int, recipe: Recipe, offset: int) -> np.ndarray:
    """Positions (pieces, T, B) to read: stream b of the next piece goes on where it stopped in this one."""
    stream = (length - 1 - offset) // recipe.streams
    count = stream // recipe.steps
    at = offset + stream * np.arange(recipe.streams)[:, None] + np.arange(count * recipe.steps)
    return at.T.reshape(count, recipe.steps, recipe.streams)
