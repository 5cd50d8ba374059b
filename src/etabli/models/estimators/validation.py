"""Validation of settings and arrays: that of scikit-learn, with the errors of ``etabli``."""

import re
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from etabli.core.errors import BadArray, BadSetting, NotFitted
from etabli.core.i18n import _


class EstimatorNotFitted(NotFitted, NotFittedError):
    """A model is used before it is fitted; also a scikit-learn ``NotFittedError``."""


def validate_features(model: BaseEstimator, x: object, *, reset: bool) -> np.ndarray:
    """Return X as a C-ordered (N, D) array of the dtype of the model.

    With ``reset``, the model stores D; otherwise D must be the stored one.
    """
    try:
        return validate_data(model, x, reset=reset, dtype=np.dtype(model.dtype), order="C")
    except ValueError as error:
        raise _translate_error(error) from error


def validate_pair(
    model: BaseEstimator, x: object, y: object, *, reset: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return X as ``validate_features`` does, and y as a flat array of labels, one per row."""
    try:
        examples, labels = validate_data(
            model, x, y, reset=reset, dtype=np.dtype(model.dtype), order="C"
        )
        check_classification_targets(labels)
    except ValueError as error:
        raise _translate_error(error) from error
    return examples, labels


def encode_labels(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the index in ``classes`` (sorted) of every label; an absent one is an error."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise BadArray(
            _("y holds labels that the model has never seen: {labels}").format(
                labels=_list_labels(unknown)
            ),
            expected=_("labels among {labels}").format(labels=_list_labels(classes)),
            fix=_(
                "Give every class in the first call: fit on all of them, or "
                "partial_fit(X, y, classes=...)."
            ),
        )
    return np.searchsorted(classes, y)


def check_fitted(model: BaseEstimator) -> None:
    """Raise ``EstimatorNotFitted`` if the model is not fitted."""
    if not hasattr(model, "_parameters"):
        raise EstimatorNotFitted(
            _("this {model} is not fitted").format(model=type(model).__name__),
            fix=_("Call fit(X, y) first."),
        )


def check_count(name: str, value: object) -> None:
    """Raise ``BadSetting`` unless a setting is an integer of at least 1."""
    if not isinstance(value, Integral) or value < 1:
        problem = _("{name} is out of range").format(name=name)
        raise BadSetting(problem, expected=_("an integer of at least 1"), got=repr(value))


def check_range(name: str, value: object, low: float, high: float) -> None:
    """Raise ``BadSetting`` unless a setting is in [low, high]."""
    if not isinstance(value, Real) or not low <= float(value) <= high:
        problem = _("{name} is out of range").format(name=name)
        expected = _("between {low} and {high}").format(low=low, high=high)
        raise BadSetting(problem, expected=expected, got=repr(value))


def check_choice(name: str, value: object, choices: list[str]) -> None:
    """Raise ``BadSetting`` unless a setting is one of the choices."""
    if value not in choices:
        problem = _("unknown {name}").format(name=name)
        raise BadSetting(problem, expected=_(" or ").join(choices), got=repr(value))


def _list_labels(labels: np.ndarray, limit: int = 10) -> str:
    shown = ", ".join(repr(label) for label in labels[:limit].tolist())
    return shown + (", ..." if len(labels) > limit else "")


def _translate_error(error: ValueError) -> BadArray:
    """Turn an error of scikit-learn into one sentence and a fix."""
    message = str(error).splitlines()[0].strip()
    if "NaN" in message or "infinity" in message:
        where = _("y") if "Input y" in message else _("X")
        return BadArray(
            _("{where} contains NaN or infinity").format(where=where),
            fix=_("Impute the missing values, or remove those rows."),
        )
    if "Expected 2D array" in message:
        return BadArray(
            _("X is not two-dimensional"),
            expected=_("two axes, (examples, features)"),
            fix=_(
                "Reshape your data: X.reshape(1, -1) for one example, "
                "X.reshape(-1, 1) for one feature."
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
