"""Several models of the next symbol as one: p proportional to prod_i p_i^(a_i), the weights from
held-out text.

A log-linear mixture lets each model veto what it knows to be impossible; with one model and weight 1 it
is that model. The weights minimise the nats of a validation text, where the objective is convex.
Hinton 2002 (products of experts); Klakow 1998, "Log-linear interpolation of language models".
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from etabli.errors import BadArray
from etabli.i18n import _

__all__ = ["combine", "fit_weights"]


def combine(log_probabilities: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """ln p (N, V) of the mixture: sum_i a_i ln p_i, normalised; each model gives (N, V)."""
    total = sum(weight * np.asarray(log_p) for weight, log_p in zip(weights, log_probabilities, strict=True))
    return log_softmax(total, axis=-1)


def fit_weights(log_probabilities: Sequence[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """The weights a (M,), none negative, that give the held-out targets (N,) the fewest nats."""
    shapes = {np.shape(log_p) for log_p in log_probabilities}
    if len(shapes) != 1 or next(iter(shapes))[0] != len(targets) or len(targets) == 0:
        raise BadArray(
            _("the models of a mixture do not speak of the same targets"),
            expected=_("arrays (N, V) of one shape, and N targets"),
            got=_("{shapes} and {n} targets").format(shapes=sorted(shapes), n=len(targets)),
        )
    stack = np.stack([np.asarray(log_p) for log_p in log_probabilities])
    rows = np.arange(len(targets))
    chosen = stack[:, rows, targets].mean(axis=1)

    def nats(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """-mean ln p(target), and d/da_i = E_p[ln p_i] - ln p_i(target)."""
        log_p = combine(stack, weights)
        expected = np.einsum("nv,mnv->m", np.exp(log_p), stack) / len(rows)
        return -log_p[rows, targets].mean(), expected - chosen

    start = np.full(len(stack), 1 / len(stack))
    return minimize(nats, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(stack)).x
