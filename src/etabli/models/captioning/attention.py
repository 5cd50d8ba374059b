"""A GRU captioner with the image as input at every step and optional attention to its regions.

For an image with standardized region features a_1 ... a_L (L, D), their mean, and a caption w_0 =
<start>, w_1, ...:

    g   = relu(mean W_g + b_g)                    image embedding, input at every step
    h_0 = tanh(mean W_0 + b_0)
    h_t = GRU([sqrt(E) E[w_t-1]; g], h_t-1)     sqrt(E) gives words the scale of images
    u_l = relu(a_l W_u + b_u),   k_l = u_l W_k     values and keys of the regions
    alpha_t = softmax_l(k_l . (h_t W_q) / sqrt(A))
    z_t = sum_l alpha_tl u_l                       context for word t
    p(w_t) = softmax(E tanh([h_t; z_t] W_o + b_o) + b)

Without attention, z_t and its weights are left out. Input and output share the matrix E (Press and
Wolf, 2017). Soft
attention: Xu et al., "Show, attend and tell", 2015. The query is the state h_t that predicts word
    t, so that all steps
of a caption are attended at once: Lu et al., "Knowing when to look", 2017.

Pure functions of a dictionary of arrays, in JAX on every backend of Keras.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.training.kernels.matmul import matmul
from etabli.training.kernels.recurrent import gru, gru_step

Parameters = dict[str, Any]


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of a captioner; with ``attention_dim`` 0 it has no attention."""

    vocabulary: int
    features: int = 1280
    embedding: int = 256
    units: int = 384
    attention_dim: int = 0


def init_weights(
    config: ModelConfig, generator: np.random.Generator, maps: np.ndarray | None = None
) -> Parameters:
    """Return initial weights: Glorot uniform, orthogonal recurrent blocks, outputs near 0.

    Features are standardized by their moments in ``maps`` (N, L, D), or not at all without maps.
    """
    v, d, e = config.vocabulary, config.features, config.embedding
    h, a = config.units, config.attention_dim
    uniform = partial(glorot_uniform, generator)
    mean, spread = (np.zeros(d), np.ones(d)) if maps is None else feature_moments(maps)
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


def feature_moments(maps: np.ndarray, images: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (D,) of each feature over about ``images`` evenly spaced
    images."""
    some = maps[:: max(1, len(maps) // images)].astype(np.float32).reshape(-1, maps.shape[-1])
    spread = some.std(axis=0)
    return some.mean(axis=0), np.maximum(spread, 0.01 * spread.mean() + 1e-6)


def encode_images(weights: Parameters, maps: Any) -> Parameters:
    """Return each image's context: gist (N, E), first (N, H), regions (N, L, H), keys (N, L, A).

    ``maps`` are (N, L, D); L = 1 is the pooled feature.
    """
    import jax
    import jax.numpy as jnp

    # The moments of the features are constants that are stored with the weights.
    center, spread = (
        jax.lax.stop_gradient(weights[f"features/{name}"]) for name in ("mean", "spread")
    )
    maps = (jnp.asarray(maps, jnp.float32) - center) / spread
    mean = maps.mean(axis=1)
    context = {
        "gist": jax.nn.relu(matmul(mean, weights["gist/kernel"]) + weights["gist/bias"]),
        "first": jnp.tanh(matmul(mean, weights["first/kernel"]) + weights["first/bias"]),
    }
    if "query/kernel" in weights:
        context["regions"] = jax.nn.relu(
            matmul(maps, weights["region/kernel"]) + weights["region/bias"]
        )
        context["keys"] = matmul(context["regions"], weights["key/kernel"])
    return context


def attend(weights: Parameters, context: Parameters, states: Any) -> tuple[Any, Any]:
    """Return for states (N, S, H) the attended values (N, S, H) and the attention weights (N, S,
    L)."""
    import jax
    import jax.numpy as jnp

    queries = matmul(states, weights["query/kernel"]) / np.sqrt(weights["query/kernel"].shape[1])
    scores = jnp.einsum("nsa,nla->nsl", queries, context["keys"])
    attention = jax.nn.softmax(scores, axis=-1)
    return jnp.einsum("nsl,nlh->nsh", attention, context["regions"]), attention


def decode_teacher_forced(
    weights: Parameters, maps: Any, words: Any, dropout: float = 0.0, key: Any = None
) -> Any:
    """Return the output features (N R T, E) at each step of R captions of each image (teacher
    forcing).

    Args:
        weights: The weights.
        maps: Feature maps (N, L, D).
        words: The words read (N, R, T).
        dropout: Dropout rate of the gist, of the words read and of the output features.
        key: JAX random key of the dropout masks; without it nothing is dropped.
    """
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(key, 3) if key is not None else (None,) * 3
    n, r, t = words.shape
    context = encode_images(weights, maps)
    context["gist"] = _drop(context["gist"], dropout, keys[0])
    vectors = _drop(weights["words"][words.reshape(n, r * t)], dropout, keys[1])
    inputs = project_inputs(weights, context, vectors)
    steps = jnp.moveaxis(inputs.reshape(n * r, t, -1), 1, 0)  # the GRU is time-major
    first = jnp.repeat(context["first"], r, axis=0)
    states = gru(steps, first, weights["gru/recurrent"], weights["gru/recurrent_bias"])
    by_image = jnp.moveaxis(states, 0, 1).reshape(n, r * t, -1)
    attended, _attention = attend_states(weights, context, by_image)
    return _drop(output_features(weights, attended).reshape(n * r * t, -1), dropout, keys[2])


def project_inputs(weights: Parameters, context: Parameters, vectors: Any) -> Any:
    """Return [sqrt(E) e; g] W + b (N, S, 3 H) of word vectors e (N, S, E).

    G W is computed once per image.
    """
    size = vectors.shape[-1]
    gist = matmul(context["gist"], weights["gru/kernel"][size:]) + weights["gru/bias"]
    return matmul(np.sqrt(size) * vectors, weights["gru/kernel"][:size]) + gist[:, None]


def attend_states(weights: Parameters, context: Parameters, states: Any) -> tuple[Any, Any]:
    """Return the states with their attended values (N, S, 2 H) and the attention.

    States and None without.
    """
    import jax.numpy as jnp

    if "query/kernel" not in weights:
        return states, None
    values, attention = attend(weights, context, states)
    return jnp.concatenate([states, values], axis=-1), attention


def output_features(weights: Parameters, attended: Any) -> Any:
    """Return tanh(s W_o + b_o), (..., E), whose product with the embedding matrix gives the
    logits."""
    import jax.numpy as jnp

    return jnp.tanh(matmul(attended, weights["out/kernel"]) + weights["out/bias"])


def word_logits(weights: Parameters, features: Any) -> Any:
    """Return features words^T + bias, (..., V)."""
    return matmul(features, weights["words"].T) + weights["bias"]


def log_probabilities(weights: Parameters, features: Any) -> Any:
    """Return log softmax(features words^T + bias), (..., V)."""
    import jax

    return jax.nn.log_softmax(word_logits(weights, features), axis=-1)


def step_logits(weights: Parameters, context: Parameters, state: Any, words: Any) -> Any:
    """Advance by one word: state (N, K, H), words (N, K) -> logits (N, K, V), state."""
    import jax.numpy as jnp

    inputs = project_inputs(weights, context, jnp.asarray(weights["words"])[words])
    state = gru_step(inputs, state, weights["gru/recurrent"], weights["gru/recurrent_bias"])
    attended, _attention = attend_states(weights, context, state)
    return word_logits(weights, output_features(weights, attended)), state


def step(weights: Parameters, context: Parameters, state: Any, words: Any) -> tuple[Any, Any]:
    """Advance by one word, for ``beam_search``: as ``step_logits``, with log p (N, K, V)."""
    import jax

    logits, state = step_logits(weights, context, state, words)
    return jax.nn.log_softmax(logits, axis=-1), state


def attention_maps(weights: Parameters, maps: Any, words: Any) -> np.ndarray:
    """Return the attention weights (N, T, L) of the regions for each word, given those before.

    ``words`` (N, T) are the words read, ``<start>`` first; the padding after the end of a caption
    counts as word 0.
    """
    return np.asarray(_compile_attention()(weights, maps, np.maximum(words, 0)))


@cache
def _compile_attention() -> Callable:
    import jax
    import jax.numpy as jnp

    @jax.jit
    def compute_attention(weights: Parameters, maps: Any, words: Any) -> Any:
        context = encode_images(weights, maps)
        steps = jnp.moveaxis(project_inputs(weights, context, weights["words"][words]), 1, 0)
        states = gru(
            steps, context["first"], weights["gru/recurrent"], weights["gru/recurrent_bias"]
        )
        return attend_states(weights, context, jnp.moveaxis(states, 0, 1))[1]

    return compute_attention


def _drop(array: Any, share: float, key: Any) -> Any:
    """Inverted dropout with the rate rounded to 256ths: eight random bits per number are enough."""
    import jax
    import jax.numpy as jnp

    level = round(share * 256)
    if key is None or level == 0:
        return array
    kept = jax.random.bits(key, array.shape, jnp.uint8) >= level
    return jnp.where(kept, array * (256 / (256 - level)), 0.0)


def glorot_uniform(generator: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Draw uniformly from +-sqrt(6 / (rows + columns)). Glorot and Bengio, 2010."""
    limit = np.sqrt(6 / (rows + columns))
    return generator.uniform(-limit, limit, (rows, columns))


def orthogonal(generator: np.random.Generator, size: int) -> np.ndarray:
    """Draw an orthogonal matrix uniformly. Saxe et al., 2014."""
    q, r = np.linalg.qr(generator.normal(size=(size, size)))
    return q * np.sign(np.diag(r))  # the signs make the distribution uniform (Haar)
