"""What a projection asks of its points."""

import numpy as np

from etabli.errors import BadArray
from etabli.i18n import _


def points_of(points: np.ndarray) -> np.ndarray:
    """(N, D) finite numbers as float32 or float64, N and D at least 1. Raises ``BadArray``."""
    array = np.asarray(points)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise BadArray(
            _("these points cannot be projected"),
            expected=_("an array of numbers, N x D"),
            got=_("shape {shape} of {kind}").format(shape=array.shape, kind=array.dtype),
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise BadArray(_("point {row} holds a value that is not finite").format(row=row))
    return array
