"""Backpropagation of a small net on one to four examples, every number of it, by ``etabli.nn``."""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from etabli import nn
from etabli.core import seeding
from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Params

MAX_STEPS = 200
_UNITS, _CLASSES = 3, 2
_GRID = np.linspace(-2, 2, 33)  # of the plane that the page colors

Initializer = Literal["xavier", "normal", "large", "zeros"]
INITIALIZERS: tuple[Initializer, ...] = get_args(Initializer)
_Coordinate = Annotated[float, Field(ge=-10, le=10)]
_Example = Annotated[list[_Coordinate], Field(min_length=2, max_length=2)]
_Label = Annotated[int, Field(ge=0, lt=_CLASSES)]


class BackpropParams(Params):
    """Examples of two numbers, the net's initialization, and the gradient-descent step shown."""

    x: list[_Example] = Field([[1.0, 1.0], [-1.0, -0.5]], min_length=1, max_length=4)
    labels: list[_Label] = Field([0, 1], min_length=1, max_length=4)
    learning_rate: float = Field(1.0, ge=0, le=100)
    initializer: Initializer = "xavier"
    seed: int = Field(0, ge=0, le=9999)
    step: int = Field(0, ge=0, le=MAX_STEPS)

    @model_validator(mode="after")
    def _check_labels(self) -> "BackpropParams":
        if len(self.labels) != len(self.x):
            raise ValueError("one label for each example")
        return self


def descend(_state: object, params: BackpropParams) -> dict[str, object]:
    """Return activations, loss, gradients and updated weights at one step, and all losses."""
    x = np.array(params.x)
    target = nn.one_hot(np.array(params.labels), _CLASSES)
    weights = _initialize(params.initializer, params.seed)
    losses = []
    shown: dict[str, Any] = {}
    with np.errstate(all="ignore"):  # a learning rate that is too large may overflow: shown as such
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
                plane = _color_plane(weights)
            weights = updated
    lists = {
        part: {name: np.asarray(value).tolist() for name, value in arrays.items()}
        for part, arrays in shown.items()
    }
    return {"step": params.step, "losses": losses, "plane": plane, **lists}


def list_initial_weights() -> dict[str, dict[str, list]]:
    """Return the weights before the first step of each initializer, for the page's seed."""
    made = {name: _initialize(name, 0) for name in INITIALIZERS}
    return {
        name: {key: value.tolist() for key, value in weights.items()}
        for name, weights in made.items()
    }


def _initialize(initializer: Initializer, seed: int) -> dict[str, np.ndarray]:
    """Return the weights before the first step."""
    generator = seeding.make_generator(seed, "playground")

    def draw(shape: tuple[int, int]) -> np.ndarray:
        if initializer == "large":  # saturates every sigmoid
            return nn.normal(shape, generator, deviation=100.0)
        return nn.INITIALIZERS[initializer](shape, generator)

    return {
        "w_h": draw((2, _UNITS)),
        "b_h": np.zeros(_UNITS),
        "w_y": draw((_UNITS, _CLASSES)),
        "b_y": np.zeros(_CLASSES),
    }


def _propagate(
    x: np.ndarray, target: np.ndarray, weights: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the values of the forward pass and the gradients of the mean loss."""
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


def _color_plane(weights: dict[str, np.ndarray]) -> list[list[float]]:
    """Return the probability of class 1 on a grid: rows of x₂ from -2 to 2, columns of x₁."""
    grid = np.stack(np.meshgrid(_GRID, _GRID), axis=-1).reshape(-1, 2)
    target = np.zeros((len(grid), _CLASSES))
    probabilities = _propagate(grid, target, weights)[0]["p"][:, 0]
    return np.round(probabilities, 3).reshape(len(_GRID), len(_GRID)).tolist()


ENDPOINTS = [
    Endpoint(
        "/api/backprop",
        descend,
        BackpropParams,
        "POST",
        summary=N_("Every number of backpropagation on a few examples"),
    ),
]
