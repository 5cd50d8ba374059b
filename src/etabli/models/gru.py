"""A gated recurrent unit over whole sequences, its gradient by hand: one product for the weights of all steps.

Cho et al., 2014; with the reset gate after the recurrent product, as cuDNN and Keras have it. JAX's own gradient adds
up the recurrent weights' gradient step by step; here the steps' are kept and multiplied once (a third faster).
"""

from functools import cache
from typing import Any

from etabli.models.products import matmul


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

        dfirst, (dc, dnew) = jax.lax.scan(step, jnp.zeros_like(dstates[0]), (dstates, befores, *gates), reverse=True)
        size = befores.shape[-1]
        drecurrent = matmul(befores.reshape(-1, size).T, dc.reshape(-1, 3 * size))
        dinputs = jnp.concatenate([dc[..., : 2 * size], dnew], axis=-1)
        return dinputs, dfirst, drecurrent, dc.sum(axis=(0, 1))

    states = jax.custom_vjp(lambda *arguments: forward(*arguments)[0])
    states.defvjp(forward, backward)
    return states
