"""Scores that carry their recipe, and the checks of points and labels that metrics share."""

import math
from dataclasses import dataclass, field

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

_ROWS_AT_ONCE = 2**16  # of a check, which then needs no second array


@dataclass(frozen=True)
class Score:
    """A value and the recipe by which it was computed.

    ``value`` is a fraction for shares (0.924, never 92.4). ``recipe`` lists what must be equal for
    two values to be comparable; in order, it is the signature:
    ``Score(0.83, {"ap": "area", "n": 4952}).signature`` is ``"ap:area | n:4952"``.
    """

    value: float
    recipe: dict[str, object] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        return " | ".join(f"{key}:{value}" for key, value in self.recipe.items())

    def with_recipe(self, **more: object) -> "Score":
        """Return the same value with further entries in its recipe."""
        return Score(self.value, {**self.recipe, **more})

    @classmethod
    def undefined(cls, reason: str, recipe: dict[str, object]) -> "Score":
        """Return a score without a value (NaN), which reports show as a dash; say why."""
        return cls(math.nan, {**recipe, "undefined": reason})

    @property
    def is_undefined(self) -> bool:
        return "undefined" in self.recipe

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value:.4f} | {self.signature}"


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % interval from ``low`` to ``high``, and the recipe of both (``Score``)."""

    value: float
    low: float
    high: float
    recipe: dict[str, object] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        return Score(self.value, self.recipe).signature

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] | {self.signature}"


def check_points(points: np.ndarray, *, at_least: int = 1) -> np.ndarray:
    """Return (N, D) finite floats; a vector (N,) is one dimension. Raises ``BadArray``."""
    array = np.asarray(points)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.dtype.kind not in "fiub" or array.shape[1] == 0:
        raise BadArray(
            _("these are not points"),
            expected=_("an array of numbers, N x D"),
            got=_("shape {shape} of {kind}").format(shape=array.shape, kind=array.dtype),
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    for start in range(0, len(array), _ROWS_AT_ONCE):
        good = np.isfinite(array[start : start + _ROWS_AT_ONCE]).all(axis=1)
        if good.all():
            continue
        row = start + int(np.flatnonzero(~good)[0])
        raise BadArray(
            _("point {row} holds a value that is not finite").format(row=row),
            fix=_("Remove such points, or fill in their values."),
        )
    if len(array) < at_least:
        raise BadArray(
            _("there are too few points"),
            expected=_("at least {n}").format(n=at_least),
            got=len(array),
        )
    return array


def encode_labels(labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted class names, and each point's class index; labels may be text."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise BadArray(
            _("the labels do not match the points"),
            expected=_("{n} labels").format(n=n),
            got=_("shape {shape}").format(shape=array.shape),
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadArray(
            _("a label is not a number"), fix=_("Give every point a label, or remove it.")
        )
    if array.dtype.kind == "O":
        array = array.astype(str)
    return np.unique(array, return_inverse=True)
