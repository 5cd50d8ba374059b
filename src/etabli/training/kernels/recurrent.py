"""Recurrent layers as JAX functions in Keras' weight layout, with gradients for a CPU.

JAX's automatic gradient accumulates that of the recurrent weights step by step. Here the scan
carries only the
gradient of the state, and one product over all steps follows: dU = sum_t h_(t-1)^T dz_t (for the
GRU a third faster). A one-hot input is a row of the kernel: the one-hot array is not computed
in the forward pass.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from etabli.training.kernels.matmul import matmul

if TYPE_CHECKING:
    from jax import Array

__all__ = ["embedding_lookup", "gru", "gru_step", "lstm", "simple_rnn"]

UNROLL = 10
"""Steps of the SimpleRNN per iteration of the compiled loop.

The steps of the LSTM are heavy enough for one.
"""


def embedding_lookup(kernel: "Array", codes: "Array") -> "Array":
    """Return onehot(codes) W, rows (..., H) of the kernel (V, H).

    Its gradient is one product, onehot^T dy.
    """
    return _differentiable(_lookup_forward, _lookup_backward)(kernel, codes)


def simple_rnn(projected: "Array", recurrent: "Array", hidden: "Array") -> "Array":
    """Return the states (T, B, H), h_t = tanh(z_t), z_t = x_t W + b + h_(t-1) U.

    ``projected`` (T, B, H) holds x_t W + b, ``recurrent`` (H, H) is U, ``hidden`` (B, H) is h_(-1).
    """
    return _differentiable(_simple_rnn_forward, _simple_rnn_backward)(projected, recurrent, hidden)


def lstm(
    projected: "Array", recurrent: "Array", hidden: "Array", cell: "Array"
) -> tuple["Array", "Array"]:
    """Return the states (T, B, H) and the last cell (B, H) of an LSTM. Hochreiter, Schmidhuber
    1997.

    i, f, o = sigmoid(z), g = tanh(z); c_t = f c_(t-1) + i g; h_t = o tanh(c_t), where z_t (B, 4H) =
    x_t W + b + h_(t-1) U has its blocks in Keras' order i, f, g, o and ``projected`` (T, B, 4H)
    holds x_t W + b.
    """
    return _differentiable(_lstm_forward, _lstm_backward)(projected, recurrent, hidden, cell)


def _scan(step: Callable, carry: Any, inputs: Any, **options: Any) -> tuple[Any, Any]:
    import jax

    return jax.lax.scan(step, carry, inputs, **options)


@cache
def _differentiable(forward: Callable, backward: Callable) -> Callable:
    import jax

    function = jax.custom_vjp(lambda *inputs: forward(*inputs)[0])
    function.defvjp(forward, backward)
    return function


def _lookup_forward(kernel: Any, codes: Any) -> tuple:
    return kernel[codes], (codes, kernel.shape[0])


def _lookup_backward(saved: tuple, upstream: Any) -> tuple:
    import jax

    codes, vocabulary = saved
    one_hot = jax.nn.one_hot(codes.reshape(-1), vocabulary, dtype=upstream.dtype)
    return one_hot.T @ upstream.reshape(-1, upstream.shape[-1]), None


def _simple_rnn_forward(projected: Any, recurrent: Any, hidden: Any) -> tuple:
    import jax.numpy as jnp

    def step(h: Any, x: Any) -> tuple:
        h = jnp.tanh(x + h @ recurrent)
        return h, h

    states = _scan(step, hidden, projected, unroll=UNROLL)[1]
    return states, (states, recurrent, hidden)


def _simple_rnn_backward(saved: tuple, upstream: Any) -> tuple:
    """dz_t = (1 - h_t^2) (dh_t + dz_(t+1) U^T)."""
    import jax.numpy as jnp

    states, recurrent, hidden = saved

    def step(later: Any, inputs: tuple) -> tuple:
        h, dh = inputs
        dz = (1 - h * h) * (dh + later)
        return dz @ recurrent.T, dz

    first, dz = _scan(step, jnp.zeros_like(hidden), (states, upstream), reverse=True, unroll=UNROLL)
    before = jnp.concatenate([hidden[None], states[:-1]])
    return dz, jnp.einsum("tbh,tbz->hz", before, dz), first


def _lstm_forward(projected: Any, recurrent: Any, hidden: Any, cell: Any) -> tuple:
    import jax
    import jax.numpy as jnp

    def step(carry: tuple, x: Any) -> tuple:
        h, c = carry
        i, f, g, o = jnp.split(x + h @ recurrent, 4, axis=-1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (h, c), (h, c, i, f, g, o)

    (_, last), kept = _scan(step, (hidden, cell), projected)
    return (kept[0], last), (kept, recurrent, hidden, cell)


def _lstm_backward(saved: tuple, upstream: tuple) -> tuple:
    """Backpropagate through h_t = o tanh(c_t) and c_t = f c_(t-1) + i g, from the last step to the
    first."""
    import jax.numpy as jnp

    (states, cells, *gates), recurrent, hidden, cell = saved
    d_states, d_last = upstream
    cells_before = jnp.concatenate([cell[None], cells[:-1]])

    def step(carry: tuple, inputs: tuple) -> tuple:
        dh, dc = carry
        d_state, c, c_before, (i, f, g, o) = inputs
        dh, squashed = dh + d_state, jnp.tanh(c)
        dc = dc + dh * o * (1 - squashed * squashed)  # tanh' = 1 - tanh^2
        # sigmoid' = s (1 - s) for i, f, o
        di, df, dg = dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g)
        dz = jnp.concatenate([di, df, dg, dh * squashed * o * (1 - o)], axis=-1)
        return (dz @ recurrent.T, dc * f), dz

    start = (jnp.zeros_like(hidden), d_last)
    inputs = (d_states, cells, cells_before, tuple(gates))
    (dh, dc), dz = _scan(step, start, inputs, reverse=True)
    before = jnp.concatenate([hidden[None], states[:-1]])
    return dz, jnp.einsum("tbh,tbz->hz", before, dz), dh, dc


def gru_step(inputs: Any, state: Any, recurrent: Any, bias: Any) -> Any:
    """Return the next state of a GRU, reset gate after the product as in cuDNN and Keras. Cho et
    al. 2014.

    h' = u h + (1 - u) n, n = tanh(x_n + r c_n), u = s(x_u + c_u), r = s(x_r + c_r), c = h U + b.
    ``inputs`` x (B, 3 H) are already multiplied by the kernel; ``state`` is h (B, H); s is the
    logistic function.
    """
    return _gru_step(inputs, state, recurrent, bias)[0]


def gru(inputs: Any, first: Any, recurrent: Any, bias: Any) -> Any:
    """Return the GRU states (T, B, H) of inputs (T, B, 3 H), from the state ``first`` (B, H)."""
    return _gru()(inputs, first, recurrent, bias)


def _gru_step(inputs: Any, state: Any, recurrent: Any, bias: Any) -> tuple[Any, tuple]:
    import jax
    import jax.numpy as jnp

    x_update, x_reset, x_new = jnp.split(inputs, 3, axis=-1)
    c_update, c_reset, c_new = jnp.split(matmul(state, recurrent) + bias, 3, axis=-1)
    update, reset = jax.nn.sigmoid(x_update + c_update), jax.nn.sigmoid(x_reset + c_reset)
    new = jnp.tanh(x_new + reset * c_new)
    return update * state + (1 - update) * new, (state, update, reset, new, c_new)


@cache
def _gru() -> Callable:
    import jax
    import jax.numpy as jnp

    def forward(inputs: Any, first: Any, recurrent: Any, bias: Any) -> tuple:
        def step(state: Any, x: Any) -> tuple:
            state, gates = _gru_step(x, state, recurrent, bias)
            return state, (state, gates)

        _last, (states, gates) = _scan(step, first, inputs)
        return states, (gates, recurrent)

    def backward(saved: tuple, dstates: Any) -> tuple:
        """dx_n = dh (1-u)(1-n^2), dx_u = dh (h-n) u(1-u), dx_r = dx_n c_n r(1-r); dc = [dx_u, dx_r,
        r dx_n]; dh_before = u dh + dc U^T; over all steps dU = sum h^T dc, db = sum dc."""
        (befores, *gates), recurrent = saved
        transposed = recurrent.T

        def step(dstate: Any, inputs: tuple) -> tuple:
            dabove, before, update, reset, new, c_new = inputs
            dstate = dstate + dabove
            dnew = dstate * (1 - update) * (1 - new**2)
            dupdate = dstate * (before - new) * update * (1 - update)
            dreset = dnew * c_new * reset * (1 - reset)
            dc = jnp.concatenate([dupdate, dreset, dnew * reset], axis=-1)
            return update * dstate + matmul(dc, transposed), (dc, dnew)

        dfirst, (dc, dnew) = _scan(
            step, jnp.zeros_like(dstates[0]), (dstates, befores, *gates), reverse=True
        )
        size = befores.shape[-1]
        drecurrent = matmul(befores.reshape(-1, size).T, dc.reshape(-1, 3 * size))
        dinputs = jnp.concatenate([dc[..., : 2 * size], dnew], axis=-1)
        return dinputs, dfirst, drecurrent, dc.sum(axis=(0, 1))

    states = jax.custom_vjp(lambda *arguments: forward(*arguments)[0])
    states.defvjp(forward, backward)
    return states
