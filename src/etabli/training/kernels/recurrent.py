"""Recurrent layers as JAX functions of arrays, in Keras' weight layout, with gradients made for a CPU.

The scan over time carries only the state. The gradient of the recurrent weights is not summed step by step
but is one product over all steps afterwards: dU = sum_t h_(t-1)^T dz_t; and a one-hot input is a row of the
kernel, so that neither the one-hot array nor its product is ever made on the way forward.

A gated recurrent unit over whole sequences, its gradient by hand: one product for the weights of all steps.

Cho et al., 2014; with the reset gate after the recurrent product, as cuDNN and Keras have it. JAX's own gradient adds
up the recurrent weights' gradient step by step; here the steps' are kept and multiplied once (a third faster).
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from etabli.training.kernels.matmul import matmul

if TYPE_CHECKING:
    from jax import Array

__all__ = ["gru", "lookup", "lstm", "recur", "simple_rnn"]

UNROLL = 10
"""Steps of the small net to an iteration of its compiled loop; the LSTM, whose steps are heavy, takes one."""


def lookup(kernel: "Array", codes: "Array") -> "Array":
    """onehot(codes) W: the rows (..., H) of the kernel (V, H); its gradient is onehot^T dy, one product."""
    return _differentiable(_lookup_forward, _lookup_backward)(kernel, codes)


def simple_rnn(projected: "Array", recurrent: "Array", hidden: "Array") -> "Array":
    """h_t = tanh(z_t), z_t = x_t W + b + h_(t-1) U: the states (T, B, H).

    ``projected`` (T, B, H) holds x_t W + b, ``recurrent`` (H, H) is U, ``hidden`` (B, H) is h_(-1).
    """
    return _differentiable(_simple_rnn_forward, _simple_rnn_backward)(projected, recurrent, hidden)


def lstm(
    projected: "Array", recurrent: "Array", hidden: "Array", cell: "Array"
) -> tuple["Array", "Array"]:
    """i, f, o = sigmoid(z), g = tanh(z); c_t = f c_(t-1) + i g; h_t = o tanh(c_t).

    z_t (B, 4H) = x_t W + b + h_(t-1) U, its blocks in Keras' order i, f, g, o; ``projected`` (T, B, 4H)
    holds x_t W + b. Returns the states (T, B, H) and the last cell (B, H). Hochreiter, Schmidhuber 1997.
    """
    return _differentiable(_lstm_forward, _lstm_backward)(projected, recurrent, hidden, cell)


@cache
def _differentiable(forward: Callable, backward: Callable) -> Callable:
    import jax

    function = jax.custom_vjp(lambda *inputs: forward(*inputs)[0])
    function.defvjp(forward, backward)
    return function


def _lookup_forward(kernel, codes):
    return kernel[codes], (codes, kernel.shape[0])


def _lookup_backward(saved, upstream):
    import jax

    codes, vocabulary = saved
    one_hot = jax.nn.one_hot(codes.reshape(-1), vocabulary, dtype=upstream.dtype)
    return one_hot.T @ upstream.reshape(-1, upstream.shape[-1]), None


def _simple_rnn_forward(projected, recurrent, hidden):
    import jax
    import jax.numpy as jnp

    def step(h, x):
        h = jnp.tanh(x + h @ recurrent)
        return h, h

    states = jax.lax.scan(step, hidden, projected, unroll=UNROLL)[1]
    return states, (states, recurrent, hidden)


def _simple_rnn_backward(saved, upstream):
    """dz_t = (1 - h_t^2) (dh_t + dz_(t+1) U^T)."""
    import jax
    import jax.numpy as jnp

    states, recurrent, hidden = saved

    def step(later, inputs):
        h, dh = inputs
        dz = (1 - h * h) * (dh + later)
        return dz @ recurrent.T, dz

    first, dz = jax.lax.scan(
        step, jnp.zeros_like(hidden), (states, upstream), reverse=True, unroll=UNROLL
    )
    before = jnp.concatenate([hidden[None], states[:-1]])
    return dz, jnp.einsum("tbh,tbz->hz", before, dz), first


def _lstm_forward(projected, recurrent, hidden, cell):
    import jax
    import jax.numpy as jnp

    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x + h @ recurrent, 4, axis=-1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (h, c), (h, c, i, f, g, o)

    (_, last), kept = jax.lax.scan(step, (hidden, cell), projected)
    return (kept[0], last), (kept, recurrent, hidden, cell)


def _lstm_backward(saved, upstream):
    """Through h_t = o tanh(c_t) and c_t = f c_(t-1) + i g, from the last step to the first."""
    import jax
    import jax.numpy as jnp

    (states, cells, *gates), recurrent, hidden, cell = saved
    d_states, d_last = upstream
    cells_before = jnp.concatenate([cell[None], cells[:-1]])

    def step(carry, inputs):
        dh, dc = carry
        d_state, c, c_before, (i, f, g, o) = inputs
        dh, squashed = dh + d_state, jnp.tanh(c)
        dc = dc + dh * o * (1 - squashed * squashed)
        dz = (dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g))
        dz = jnp.concatenate([*dz, dh * squashed * o * (1 - o)], axis=-1)
        return (dz @ recurrent.T, dc * f), dz

    start = (jnp.zeros_like(hidden), d_last)
    inputs = (d_states, cells, cells_before, tuple(gates))
    (dh, dc), dz = jax.lax.scan(step, start, inputs, reverse=True)
    before = jnp.concatenate([hidden[None], states[:-1]])
    return dz, jnp.einsum("tbh,tbz->hz", before, dz), dh, dc


def recur(inputs: Any, state: Any, recurrent: Any, bias: Any) -> Any:
    """h' = u h + (1 - u) n, n = tanh(x_n + r c_n), u = s(x_u + c_u), r = s(x_r + c_r), c = h U + b.

    ``inputs`` x (B, 3 H) are already multiplied by the kernel; ``state`` h (B, H); s is the logistic function.
    """
    return _step(inputs, state, recurrent, bias)[0]


def gru(inputs: Any, first: Any, recurrent: Any, bias: Any) -> Any:
    """The states (T, B, H) after each of ``inputs`` (T, B, 3 H), from the state ``first`` (B, H)."""
    return _gru()(inputs, first, recurrent, bias)


def _step(inputs: Any, state: Any, recurrent: Any, bias: Any) -> tuple[Any, tuple]:
    import jax
    import jax.numpy as jnp

    x_update, x_reset, x_new = jnp.split(inputs, 3, axis=-1)
    c_update, c_reset, c_new = jnp.split(matmul(state, recurrent) + bias, 3, axis=-1)
    update, reset = jax.nn.sigmoid(x_update + c_update), jax.nn.sigmoid(x_reset + c_reset)
    new = jnp.tanh(x_new + reset * c_new)
    return update * state + (1 - update) * new, (state, update, reset, new, c_new)


@cache
def _gru():
    import jax
    import jax.numpy as jnp

    def forward(inputs, first, recurrent, bias):
        def step(state, x):
            state, kept = _step(x, state, recurrent, bias)
            return state, (state, kept)

        _last, (states, kept) = jax.lax.scan(step, first, inputs)
        return states, (kept, recurrent)

    def backward(kept, dstates):
        """dx_n = dh (1-u)(1-n^2), dx_u = dh (h-n) u(1-u), dx_r = dx_n c_n r(1-r); dc = [dx_u, dx_r, r dx_n];
        dh_before = u dh + dc U^T; over all steps dU = sum h^T dc, db = sum dc."""
        (befores, *gates), recurrent = kept
        transposed = recurrent.T

        def step(dstate, step_kept):
            dabove, before, update, reset, new, c_new = step_kept
            dstate = dstate + dabove
            dnew = dstate * (1 - update) * (1 - new**2)
            dupdate = dstate * (before - new) * update * (1 - update)
            dreset = dnew * c_new * reset * (1 - reset)
            dc = jnp.concatenate([dupdate, dreset, dnew * reset], axis=-1)
            return update * dstate + matmul(dc, transposed), (dc, dnew)

        dfirst, (dc, dnew) = jax.lax.scan(
            step, jnp.zeros_like(dstates[0]), (dstates, befores, *gates), reverse=True
        )
        size = befores.shape[-1]
        drecurrent = matmul(befores.reshape(-1, size).T, dc.reshape(-1, 3 * size))
        dinputs = jnp.concatenate([dc[..., : 2 * size], dnew], axis=-1)
        return dinputs, dfirst, drecurrent, dc.sum(axis=(0, 1))

    states = jax.custom_vjp(lambda *arguments: forward(*arguments)[0])
    states.defvjp(forward, backward)
    return states
