"""A recurrent captioner that sees the whole deep feature at every word, and may look at regions of the map.

For an image with regions a_1 ... a_L (L, D), each less the training images' mean and over their spread, and the mean
of the regions, written for one caption w_0 = <start>, w_1, ...:

    g   = relu(mean W_g + b_g)                    the gist of the image, present at every step
    h_0 = tanh(mean W_0 + b_0)
    h_t = GRU([sqrt(E) E[w_t-1]; g], h_t-1)     words as long as images
    u_l = relu(a_l W_u + b_u),   k_l = u_l W_k     regions, and what they are found by
    alpha_t = softmax_l(k_l . (h_t W_q) / sqrt(A))
    z_t = sum_l alpha_tl u_l                       what the net looks at for word t
    p(w_t) = softmax(E tanh([h_t; z_t] W_o + b_o) + b)

Without attention, z_t and its weights are left out. The output shares its matrix E with the input (Press and Wolf,
2017). Soft attention: Xu et al., "Show, attend and tell", 2015; that the state h_t which writes word t is also the one
that looks (so that all steps of a caption are attended to at once): Lu et al., "Knowing when to look", 2017.

Pure functions of a dictionary of arrays, in JAX, whatever the backend of Keras.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.training.kernels.matmul import matmul
from etabli.training.kernels.recurrent import gru, recur

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """The sizes of a captioner. ``attention`` 0 means that it sees the mean of the map only."""

    vocabulary: int
    features: int = 1280
    embedding: int = 256
    hidden: int = 384
    attention: int = 0


def initial(
    shape: Shape, generator: np.random.Generator, maps: np.ndarray | None = None
) -> Parameters:
    """Fresh weights: Glorot's uniform, orthogonal recurrent blocks, an output near 0, so that the loss is ln V.

    The mean and the spread of each feature come from ``maps`` (N, L, D); without, features are taken as they are.
    """
    v, d, e, h, a = shape.vocabulary, shape.features, shape.embedding, shape.hidden, shape.attention
    uniform = partial(glorot, generator)
    mean, spread = (np.zeros(d), np.ones(d)) if maps is None else moments(maps)
    weights = {
        "features/mean": mean,
        "features/spread": spread,
        "words": generator.normal(0, 0.05, (v, e)),
        "gist/kernel": uniform(d, e),
        "gist/bias": np.zeros(e),
        "first/kernel": uniform(d, h),
        "first/bias": np.zeros(h),
        "gru/kernel": uniform(2 * e, 3 * h),
        "gru/recurrent": np.concatenate([orthogonal(generator, h) for _gate in range(3)], axis=1),
        "gru/bias": np.zeros(3 * h),
        "gru/recurrent_bias": np.zeros(3 * h),
        "out/kernel": uniform(2 * h if a else h, e),
        "out/bias": np.zeros(e),
        "bias": np.zeros(v),
    }
    if a:
        weights |= {"region/kernel": uniform(d, h), "region/bias": np.zeros(h)}
        weights |= {"key/kernel": uniform(h, a), "query/kernel": uniform(h, a)}
    return {name: array.astype(np.float32) for name, array in weights.items()}


def moments(maps: np.ndarray, images: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (D,) of each feature over the regions of ``images`` images spread over all."""
    some = maps[:: max(1, len(maps) // images)].astype(np.float32).reshape(-1, maps.shape[-1])
    spread = some.std(axis=0)
    return some.mean(axis=0), np.maximum(spread, 0.01 * spread.mean() + 1e-6)


def look(weights: Parameters, maps: Any) -> Parameters:
    """What is computed once for each image: gist (N, E), first state (N, H), regions (N, L, H), keys (N, L, A).

    ``maps`` are (N, L, D); L = 1 is the pooled feature.
    """
    import jax
    import jax.numpy as jnp

    # What the features are measured against is no weight: nothing learns it.
    centre, spread = (
        jax.lax.stop_gradient(weights[f"features/{name}"]) for name in ("mean", "spread")
    )
    maps = (jnp.asarray(maps, jnp.float32) - centre) / spread
    mean = maps.mean(axis=1)
    scene = {
        "gist": jax.nn.relu(matmul(mean, weights["gist/kernel"]) + weights["gist/bias"]),
        "first": jnp.tanh(matmul(mean, weights["first/kernel"]) + weights["first/bias"]),
    }
    if "query/kernel" in weights:
        scene["regions"] = jax.nn.relu(
            matmul(maps, weights["region/kernel"]) + weights["region/bias"]
        )
        scene["keys"] = matmul(scene["regions"], weights["key/kernel"])
    return scene


def attend(weights: Parameters, scene: Parameters, states: Any) -> tuple[Any, Any]:
    """Of states (N, S, H), what each looks at (N, S, H), and the attention (N, S, L), each row summing to 1."""
    import jax
    import jax.numpy as jnp

    queries = matmul(states, weights["query/kernel"]) / np.sqrt(weights["query/kernel"].shape[1])
    scores = jnp.einsum("nsa,nla->nsl", queries, scene["keys"])
    attention = jax.nn.softmax(scores, axis=-1)
    return jnp.einsum("nsl,nlh->nsh", attention, scene["regions"]), attention


def teacher_forced(
    weights: Parameters, maps: Any, words: Any, dropout: float = 0.0, key: Any = None
) -> Any:
    """What is said (N R T, E) at each step of R captions of each image, given their words (N, R, T).

    The logits are ``said words^T + bias``. With ``key`` (a JAX key) a share ``dropout`` of the gist, of the words
    read and of what is said is zeroed.
    """
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(key, 3) if key is not None else (None,) * 3
    n, r, t = words.shape
    scene = look(weights, maps)
    scene["gist"] = _drop(scene["gist"], dropout, keys[0])
    inputs = read(
        weights, scene, _drop(weights["words"][words.reshape(n, r * t)], dropout, keys[1])
    )
    steps = jnp.moveaxis(inputs.reshape(n * r, t, -1), 1, 0)
    first = jnp.repeat(scene["first"], r, axis=0)
    states = gru(steps, first, weights["gru/recurrent"], weights["gru/recurrent_bias"])
    seen, _attention = see(weights, scene, jnp.moveaxis(states, 0, 1).reshape(n, r * t, -1))
    return _drop(say(weights, seen).reshape(n * r * t, -1), dropout, keys[2])


def read(weights: Parameters, scene: Parameters, vectors: Any) -> Any:
    """[sqrt(E) e; g] W + b (N, S, 3 H) of word vectors e (N, S, E); the gist's share is made once an image."""
    size = vectors.shape[-1]
    gist = matmul(scene["gist"], weights["gru/kernel"][size:]) + weights["gru/bias"]
    return matmul(np.sqrt(size) * vectors, weights["gru/kernel"][:size]) + gist[:, None]


def see(weights: Parameters, scene: Parameters, states: Any) -> tuple[Any, Any]:
    """What a word is written from, (N, S, H) or with attention (N, S, 2 H), and the attention (N, S, L) or None."""
    import jax.numpy as jnp

    if "query/kernel" not in weights:
        return states, None
    context, attention = attend(weights, scene, states)
    return jnp.concatenate([states, context], axis=-1), attention


def say(weights: Parameters, seen: Any) -> Any:
    """tanh(s W_o + b_o), (..., E): its product with the words' matrix makes the logits."""
    import jax.numpy as jnp

    return jnp.tanh(matmul(seen, weights["out/kernel"]) + weights["out/bias"])


def log_probabilities(weights: Parameters, said: Any) -> Any:
    """log softmax(said words^T + bias), (..., V)."""
    import jax

    return jax.nn.log_softmax(matmul(said, weights["words"].T) + weights["bias"], axis=-1)


def step(weights: Parameters, scene: Parameters, state: Any, words: Any) -> tuple[Any, Any]:
    """One word further, for ``etabli.models.captioning.beam_search``: state (N, K, H), words (N, K) -> log p (N, K, V), state."""
    import jax.numpy as jnp

    inputs = read(weights, scene, jnp.asarray(weights["words"])[words])
    state = recur(inputs, state, weights["gru/recurrent"], weights["gru/recurrent_bias"])
    seen, _attention = see(weights, scene, state)
    return log_probabilities(weights, say(weights, seen)), state


def where_it_looks(weights: Parameters, maps: Any, words: Any) -> np.ndarray:
    """The attention over the L regions while each of T words was written, given those before: (N, T, L).

    ``words`` (N, T) are what was read, ``<start>`` first; negative ones, after a caption's end, count as 0.
    """
    return np.asarray(_looking()(weights, maps, np.maximum(words, 0)))


@cache
def _looking():
    import jax
    import jax.numpy as jnp

    @jax.jit
    def shares(weights, maps, words):
        scene = look(weights, maps)
        steps = jnp.moveaxis(read(weights, scene, weights["words"][words]), 1, 0)
        states = gru(steps, scene["first"], weights["gru/recurrent"], weights["gru/recurrent_bias"])
        return see(weights, scene, jnp.moveaxis(states, 0, 1))[1]

    return shares


def _drop(array: Any, share: float, key: Any) -> Any:
    """A share, in 256ths, of the numbers set to 0 and the others raised; eight random bits for each."""
    import jax
    import jax.numpy as jnp

    level = round(share * 256)
    if key is None or level == 0:
        return array
    kept = jax.random.bits(key, array.shape, jnp.uint8) >= level
    return jnp.where(kept, array * (256 / (256 - level)), 0.0)


def glorot(generator: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Uniform in +-sqrt(6 / (rows + columns)). Glorot and Bengio, 2010."""
    limit = np.sqrt(6 / (rows + columns))
    return generator.uniform(-limit, limit, (rows, columns))


def orthogonal(generator: np.random.Generator, size: int) -> np.ndarray:
    """A random rotation or reflection, every one as likely. Saxe et al., 2014."""
    q, r = np.linalg.qr(generator.normal(size=(size, size)))
    return q * np.sign(np.diag(r))
