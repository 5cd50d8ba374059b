"""Backpropagation of a small net on one example, every number of it, with ``etabli.nn``."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from etabli import nn
from etabli.core import seeding
from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Params

MAX_STEPS = 60
_UNITS, _CLASSES = 3, 2


class BackpropParams(Params):
    """An example of two numbers, the net's initialization, and the gradient-descent step shown."""

    x: list[Annotated[float, Field(ge=-10, le=10)]] = Field([0.5, -1.0], min_length=2, max_length=2)
    label: int = Field(0, ge=0, lt=_CLASSES)
    learning_rate: float = Field(1.0, ge=0, le=100)
    initializer: Literal["xavier", "normal", "zeros"] = "xavier"
    seed: int = Field(0, ge=0, le=9999)
    step: int = Field(0, ge=0, le=MAX_STEPS)


def descend(_state: object, params: BackpropParams) -> dict[str, object]:
    """Return activations, loss, gradients and updated weights at one step, and all losses."""
    x = np.array([params.x])
    target = nn.one_hot(np.array([params.label]), _CLASSES)
    generator = seeding.make_generator(params.seed, "playground")
    initialize = nn.INITIALIZERS[params.initializer]
    weights = {
        "w_h": initialize((2, _UNITS), generator),
        "b_h": np.zeros(_UNITS),
        "w_y": initialize((_UNITS, _CLASSES), generator),
        "b_y": np.zeros(_CLASSES),
    }
    losses = []
    shown: dict[str, dict[str, Any]] = {}
    with np.errstate(all="ignore"):
        for step in range(MAX_STEPS + 1):
            forward, gradients = _propagate(x, target, weights)
            losses.append(forward["loss"])
            updated = {
                name: value - params.learning_rate * gradients[name]
                for name, value in weights.items()
            }
            if step == params.step:
                shown = {
                    "forward": forward,
                    "gradients": gradients,
                    "weights": weights,
                    "updated": updated,
                }
            weights = updated
    lists = {
        part: {name: np.squeeze(value).tolist() for name, value in arrays.items()}
        for part, arrays in shown.items()
    }
    return {"step": params.step, "losses": losses, **lists}


def _propagate(
    x: np.ndarray, target: np.ndarray, weights: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the values of the forward pass and the gradients of the backward pass."""
    a, back_a = nn.linear(x, weights["w_h"], weights["b_h"])
    h, back_h = nn.sigmoid(a)
    z, back_z = nn.linear(h, weights["w_y"], weights["b_y"])
    probabilities, _back = nn.softmax(z)
    loss, back_loss = nn.softmax_cross_entropy(z, target)
    dz = back_loss(1.0)
    dh, dw_y, db_y = back_z(dz)
    da = back_h(dh)
    _dx, dw_h, db_h = back_a(da)
    forward = {"x": x, "y": target, "a": a, "h": h, "z": z, "p": probabilities, "loss": float(loss)}
    return forward, {"z": dz, "w_y": dw_y, "b_y": db_y, "h": dh, "a": da, "w_h": dw_h, "b_h": db_h}


ENDPOINTS = [
    Endpoint(
        "/api/backprop",
        descend,
        BackpropParams,
        "POST",
        summary=N_("Every number of backpropagation on one example"),
    ),
]
