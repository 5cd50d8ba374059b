"""The leading directions of features, by which the training of a linear classifier is scaled.

Where a few directions of the features have most of the variance, L-BFGS takes many steps. In
variables of which the loss has a curvature near 1 in all directions it takes a third.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Scaling", "Spectrum", "estimate_spectrum"]


@dataclass(frozen=True)
class Spectrum:
    """Directions (D, R) of standardized features, their variances (R,), and the mean of others."""

    directions: np.ndarray
    variances: np.ndarray
    rest: float


def estimate_spectrum(features: np.ndarray, rank: int = 128) -> Spectrum:
    """Estimate the leading directions of features (N, D) by two subspace iterations.

    Halko, Martinsson, Tropp 2011, Finding structure with randomness, algorithm 4.4.
    """
    z = np.asarray(features, np.float32)
    z = (z - z.mean(0)) / (z.std(0) + 1e-6)
    rank = min(rank, *z.shape)
    basis = np.random.default_rng(0).standard_normal((z.shape[1], rank)).astype(np.float32)
    for _pass in range(2):
        basis = np.linalg.qr(z.T @ (z @ basis))[0]
    reduced = z @ basis
    variances, turn = np.linalg.eigh(reduced.T @ reduced / len(z))
    rest = (float(np.square(z).mean(0).sum()) - float(variances.sum())) / z.shape[1]
    return Spectrum(basis @ turn, np.maximum(variances, 0), max(rest, 0.0))


class Scaling:
    """The map between a kernel (D, K) and variables of which the loss has a curvature near 1.

    The curvature of class k is about s_k S + l2, with S the covariance of the features and s_k the
    mean of p (1 - p); the kernel is the inverse root of that, a symmetric matrix, times the
    variables.
    """

    def __init__(self, spectrum: Spectrum, slopes: np.ndarray, l2: float) -> None:
        """Take the s_k (K,) as ``slopes``."""
        self.directions = spectrum.directions
        leading, others = (
            np.sqrt(np.multiply.outer(variances, slopes) + max(l2, 1e-6)).astype(np.float32)
            for variances in (spectrum.variances, spectrum.rest)
        )
        self._outward = 1 / others, 1 / leading - 1 / others
        self._inward = others, leading - others
        self.of_bias = np.sqrt(slopes + 1e-6)

    def to_kernel(self, variables: np.ndarray) -> np.ndarray:
        """Return the kernel of variables, or the variables' gradient of the kernel's gradient."""
        return self._apply(variables, *self._outward)

    def to_variables(self, kernel: np.ndarray) -> np.ndarray:
        """Return the variables of a kernel."""
        return self._apply(kernel, *self._inward)

    def _apply(self, rows: np.ndarray, others: np.ndarray, leading: np.ndarray) -> np.ndarray:
        return rows * others + self.directions @ (leading * (self.directions.T @ rows))
