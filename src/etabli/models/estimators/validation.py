"""What the NumPy estimators accept: scikit-learn's validation, said in one sentence of this house."""

import re
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from etabli.core.errors import BadArray, BadSetting, NotFitted
from etabli.core.i18n import _


class NotLearnt(NotFitted, NotFittedError):
    """A model is asked to predict before it has learnt; scikit-learn's exception too."""


def checked_features(model: BaseEstimator, x: object, *, reset: bool) -> np.ndarray:
    """X as a C-ordered (N, D) array of the model's precision; with ``reset``, D is learnt instead of
    compared.
    """
    try:
        return validate_data(model, x, reset=reset, dtype=np.dtype(model.dtype), order="C")
    except ValueError as error:
        raise _explained(error) from error


def checked_pair(
    model: BaseEstimator, x: object, y: object, *, reset: bool
) -> tuple[np.ndarray, np.ndarray]:
    """X as above, and y as a flat array of labels of the same length."""
    try:
        x, y = validate_data(model, x, y, reset=reset, dtype=np.dtype(model.dtype), order="C")
        check_classification_targets(y)
    except ValueError as error:
        raise _explained(error) from error
    return x, y


def encoded(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The index in ``classes`` (sorted) of every label; a label that is not there is refused by name."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise BadArray(
            _("y holds labels that the model has never seen: {labels}").format(
                labels=_few(unknown)
            ),
            expected=_("labels among {labels}").format(labels=_few(classes)),
            fix=_(
                "Name every class at the first call: fit on all of them, or partial_fit(X, y, classes=...)."
            ),
        )
    return np.searchsorted(classes, y)


def check_learnt(model: BaseEstimator) -> None:
    """Refuse to predict before anything has been learnt."""
    if not hasattr(model, "_parameters"):
        raise NotLearnt(
            _("this {model} has not learnt anything yet").format(model=type(model).__name__),
            fix=_("Call fit(X, y) first."),
        )


def check_count(name: str, value: object) -> None:
    """Refuse a setting that is not a whole number from 1 on."""
    if not isinstance(value, Integral) or value < 1:
        expected = _("a whole number from 1 on")
        raise BadSetting(
            _("{name} is out of range").format(name=name), expected=expected, got=repr(value)
        )


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting outside of [low, high]."""
    if not isinstance(value, Real) or not low <= value <= high:
        expected = _("between {low} and {high}").format(low=low, high=high)
        raise BadSetting(
            _("{name} is out of range").format(name=name), expected=expected, got=repr(value)
        )


def check_choice(name: str, value: object, choices: list[str]) -> None:
    """Refuse a setting that is not one of the choices."""
    if value not in choices:
        expected = _(" or ").join(choices)
        raise BadSetting(
            _("{name} is not known").format(name=name), expected=expected, got=repr(value)
        )


def _few(labels: np.ndarray, most: int = 10) -> str:
    shown = ", ".join(repr(label) for label in labels[:most].tolist())
    return shown + (", ..." if len(labels) > most else "")


def _explained(error: ValueError) -> BadArray:
    """scikit-learn's objection in one sentence, with what to do about it."""
    message = str(error).splitlines()[0].strip()
    if "NaN" in message or "infinity" in message:
        where = _("y") if "Input y" in message else _("X")
        return BadArray(
            _("{where} contains NaN or infinity").format(where=where),
            fix=_("Fill the missing values in, or leave those rows out."),
        )
    if "Expected 2D array" in message:
        return BadArray(
            _("X is not a table of examples"),
            expected=_("two axes, (examples, features)"),
            fix=_(
                "Reshape your data: X.reshape(1, -1) for one example, X.reshape(-1, 1) for one feature."
            ),
        )
    if "could not convert" in message or "bytes/strings" in message:
        return BadArray(
            _("X contains text ({message})").format(message=message),
            fix=_("Give numbers, one row per example."),
        )
    lengths = re.search(
        r"inconsistent numbers of samples: \[(?:np\.int64\()?(\d+)\)?, (?:np\.int64\()?(\d+)",
        message,
    )
    if lengths:
        return BadArray(
            _("X and y have different lengths"),
            got=_("{x} examples and {y} labels").format(x=lengths[1], y=lengths[2]),
            fix=_("Give one label per row of X."),
        )
    return BadArray(message)
