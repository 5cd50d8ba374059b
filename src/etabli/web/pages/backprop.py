"""Back-propagation of a small net on one example, every number of it, computed by the layers of ``etabli.nn``."""

from typing import Annotated, Literal

from pydantic import Field

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Question

STEPS = 60
HIDDEN, CLASSES = 3, 2


class Small(Question):
    """x of two numbers, three sigmoid units, two classes; the state after ``step`` steps of descent."""

    x: list[Annotated[float, Field(ge=-10, le=10)]] = Field([0.5, -1.0], min_length=2, max_length=2)
    label: int = Field(0, ge=0, lt=CLASSES)
    rate: float = Field(1.0, ge=0, le=100)
    start: Literal["xavier", "normal", "zeros"] = "xavier"
    seed: int = Field(0, ge=0, le=9999)
    step: int = Field(0, ge=0, le=STEPS)


def descend(studio: object, question: Small) -> dict[str, object]:
    """The forward numbers, the loss, each gradient and the next weights at one step, and the loss at every step."""
    import numpy as np

    from etabli import nn
    from etabli.core import seeding

    x = np.array([question.x])
    target = nn.one_hot([question.label], CLASSES)
    generator = seeding.make_generator(question.seed, "playground")
    initial = nn.INITIALIZERS[question.start]
    weights = {
        "w_h": initial((2, HIDDEN), generator),
        "b_h": np.zeros(HIDDEN),
        "w_y": initial((HIDDEN, CLASSES), generator),
        "b_y": np.zeros(CLASSES),
    }
    losses = []
    shown: dict[str, object] = {}
    with np.errstate(all="ignore"):
        for step in range(STEPS + 1):
            forward, gradients = _passes(x, target, weights)
            losses.append(forward["loss"])
            after = {
                name: value - question.rate * gradients[name] for name, value in weights.items()
            }
            if step == question.step:
                shown = {
                    "forward": forward,
                    "gradients": gradients,
                    "weights": weights,
                    "after": after,
                }
            weights = after
    plain = {
        part: {name: np.squeeze(value).tolist() for name, value in each.items()}
        for part, each in shown.items()
    }
    return {"step": question.step, "rate": question.rate, "losses": losses, **plain}


def _passes(x, target, weights: dict) -> tuple[dict, dict]:
    """One way forward and one way back."""
    from etabli import nn

    a, back_a = nn.linear(x, weights["w_h"], weights["b_h"])
    h, back_h = nn.sigmoid(a)
    z, back_z = nn.linear(h, weights["w_y"], weights["b_y"])
    probabilities, _ = nn.softmax(z)
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
        Small,
        "POST",
        says=N_("Every number of back-propagation on one example"),
    ),
]
