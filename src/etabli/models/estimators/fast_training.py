"""The equations of ``base_network`` in place: every array of a training step is allocated once.

For small matrix products, synchronizing threads costs more than it gains, the more so on a busy
machine: below ``_THREADED_FROM`` multiplications per step they run on one thread.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from threadpoolctl import ThreadpoolController

from etabli import nn
from etabli.core.progress import report_within_epoch

_THREADED_FROM = 200_000_000

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: 0.5 * (1.0 + np.cos(np.pi * progress)),
}


class Parameters:
    """[W₁, b₁, W₂, b₂, ...] as views of one array ``flat``: one operation updates all of them."""

    def __init__(self, widths: list[int], dtype: DTypeLike) -> None:
        self.widths = widths
        self.shapes = [shape for d, h in pairwise(widths) for shape in ((d, h), (h,))]
        self.flat = np.zeros(sum(int(np.prod(shape)) for shape in self.shapes), dtype)
        self._make_views()

    def _make_views(self) -> None:
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        parts = np.split(self.flat, ends[:-1])
        self.arrays = [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        return {"widths": self.widths, "shapes": self.shapes, "flat": self.flat}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_views()  # the views of a copy must refer to the copy

    @property
    def weights(self) -> list[np.ndarray]:
        return self.arrays[::2]

    @property
    def biases(self) -> list[np.ndarray]:
        return self.arrays[1::2]


class Buffers:
    """Arrays for one batch size: inputs h[0], activations h[1:], their gradients, scratch space."""

    def __init__(self, n: int, widths: list[int], dtype: DTypeLike, shifts: bool = False) -> None:
        self.target = np.empty((n, widths[-1]), dtype)
        self.h = [np.empty((n, width), dtype) for width in widths]
        self.dh = [np.empty((n, width), dtype) for width in widths[1:]]
        self.spare = [np.empty((n, width), dtype) for width in widths[1:-1]]
        self.column = np.empty((n, 1), dtype)
        self.shifted = np.empty((n, widths[0]) if shifts else (0, 0), dtype)


class Trainer:
    """Stochastic gradient descent on one net, with its state between two updates.

    With ``shift``, every batch of square images is shifted by up to that many pixels, drawn from
    ``generator``.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        activation: str,
        batch_size: int,
        momentum: float,
        l2: float,
        shift: int,
        generator: np.random.Generator,
    ) -> None:
        self.parameters, self.activation = parameters, activation
        self.shift, self.generator = shift, generator
        self.batch_size, self.momentum, self.l2 = batch_size, momentum, l2
        self.widths, self.dtype = parameters.widths, parameters.flat.dtype
        self.gradients = Parameters(self.widths, self.dtype)
        self.spare = Parameters(self.widths, self.dtype)
        self.velocity = np.zeros_like(parameters.flat)
        self.average: Parameters | None = None
        self._averaged = 0
        self._buffers: dict[int, Buffers] = {}

    def run_epoch(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        order: np.ndarray,
        rates: Sequence[float],
        mean: np.ndarray | None = None,
    ) -> tuple[float, float]:
        """Train for one epoch.

        Args:
            x: Inputs, (N, D).
            labels: Class indices, (N,).
            order: The order of the examples, a permutation of range(N).
            rates: The learning rate of each update.
            mean: The mean to subtract from every input, (D,).

        Returns:
            The mean loss and accuracy of the batches, each measured just before its update.
        """
        target = nn.one_hot(labels, self.widths[-1], self.dtype)
        # Loss of a row: log Σ exp(z) - z_label. Both terms are stored, and summed in float64; what
        # is not needed for the gradients is computed once, after the last update.
        logits = np.empty((len(order), self.widths[-1]), self.dtype)
        total, wanted = np.empty(len(order), self.dtype), labels[order]
        for k, start in enumerate(range(0, len(order), self.batch_size)):
            part = slice(start, start + self.batch_size)
            rows = self._gather(x, target, order[part], mean)
            self._forward(rows)
            logits[part] = rows.h[-1]
            rate = rates[k]
            self._backward(rows, rate)
            total[part] = rows.column[:, 0]
            self._update(rate)
            done = min(start + self.batch_size, len(order))
            report_within_epoch(done / len(order), _mean_loss, total, logits, wanted, done)
        likelihood = logits[np.arange(len(order)), wanted]
        loss = np.log(total).mean(dtype=np.float64) - likelihood.mean(dtype=np.float64)
        return float(loss), float((logits.argmax(axis=1) == wanted).mean())

    def start_averaging(self) -> Parameters:
        """Average the parameters from the next update on (Polyak and Juditsky, 1992)."""
        self.average = Parameters(self.widths, self.dtype)
        self._averaged = 0
        return self.average

    def get_state(self) -> list[np.ndarray]:
        """Copy everything that the next update depends on."""
        arrays = [self.parameters.flat, self.velocity]
        if self.average is not None:
            arrays += [self.average.flat, np.array(self._averaged)]
        return [array.copy() for array in arrays]

    def resume(self, state: list[np.ndarray]) -> Parameters:
        """Restore the result of ``get_state``; return the parameters to predict with."""
        self.parameters.flat[:], self.velocity[:] = state[:2]
        if len(state) > 2:
            self.start_averaging().flat[:] = state[2]
            self._averaged = int(state[3])
        return self.average or self.parameters

    def finish(self) -> Parameters:
        """Replace the parameters by their average, if there is one, and free the buffers."""
        self._buffers.clear()
        if self.average is not None:
            self.parameters.flat[:] = self.average.flat
            self.average = None
        return self.parameters

    def limit_threads(self) -> AbstractContextManager:
        """Use one BLAS thread if the matrix products are too small to profit from more."""
        products = sum(d * h for d, h in pairwise(self.widths))
        if self.batch_size * products >= _THREADED_FROM:
            return nullcontext()
        return _get_controller().limit(limits=1, user_api="blas")

    def _gather(
        self, x: np.ndarray, target: np.ndarray, chosen: np.ndarray, mean: np.ndarray | None
    ) -> Buffers:
        """Copy a batch into the buffers of its size; shift and center it."""
        n = len(chosen)
        if n not in self._buffers:
            self._buffers[n] = Buffers(n, self.widths, self.dtype, shifts=self.shift > 0)
        rows = self._buffers[n]
        # mode="clip" avoids the temporary copy that np.take makes with mode="raise".
        np.take(x, chosen, axis=0, out=rows.h[0], mode="clip")
        np.take(target, chosen, axis=0, out=rows.target, mode="clip")
        if self.shift:
            down, right = self.generator.integers(-self.shift, self.shift, 2, endpoint=True)
            _shift_images(rows.h[0], rows.shifted, down, right)
        if mean is not None:
            rows.h[0] -= mean
        return rows

    def _forward(self, rows: Buffers) -> None:
        """Compute hₗ = σ(hₗ₋₁ Wₗ + bₗ); the last layer: logits minus the maximum of their row."""
        last = len(rows.h) - 1
        for layer, (w, b) in enumerate(
            zip(self.parameters.weights, self.parameters.biases, strict=True), 1
        ):
            u = rows.h[layer]
            np.matmul(rows.h[layer - 1], w, out=u)
            u += b
            if layer < last:
                _activate(u, self.activation)
        np.max(rows.h[-1], axis=1, keepdims=True, out=rows.column)
        rows.h[-1] -= rows.column

    def _backward(self, rows: Buffers, rate: float) -> None:
        """Compute δ = η (Ŷ - Y*) / N; per layer η dW = hᵀ δ, η db = Σ δ, then δ ← δ Wᵀ σ'(u).

        The learning rate η is applied here, where δ is small, not to the gradients of all weights.
        """
        delta = rows.dh[-1]
        np.exp(rows.h[-1], out=delta)
        np.sum(delta, axis=1, keepdims=True, out=rows.column)
        delta /= rows.column
        delta -= rows.target
        delta *= rate / len(delta)
        weights, dw, db = self.parameters.weights, self.gradients.weights, self.gradients.biases
        for layer in range(len(weights) - 1, -1, -1):
            np.matmul(rows.h[layer].T, delta, out=dw[layer])
            np.sum(delta, axis=0, out=db[layer])
            if layer:
                np.matmul(delta, weights[layer].T, out=rows.dh[layer - 1])
                delta = rows.dh[layer - 1]
                _multiply_by_derivative(
                    delta, rows.h[layer], rows.spare[layer - 1], self.activation
                )

    def _update(self, rate: float) -> None:
        """Update v ← m v - η (g + l2 w), w ← w + v; the gradients g already include η."""
        theta, g, v = self.parameters.flat, self.gradients.flat, self.velocity
        if self.l2:
            for w, dw, spare in zip(
                self.parameters.weights, self.gradients.weights, self.spare.weights, strict=True
            ):
                np.multiply(w, rate * self.l2, out=spare)
                dw += spare
        if self.momentum:
            v *= self.momentum
            v -= g
            theta += v
        else:
            theta -= g
        if self.average is not None:
            self._averaged += 1  # running mean: a ← a + (w - a) / t
            np.subtract(theta, self.average.flat, out=self.spare.flat)
            self.spare.flat /= self._averaged
            self.average.flat += self.spare.flat


def _mean_loss(
    total: np.ndarray, logits: np.ndarray, labels: np.ndarray, done: int
) -> dict[str, float]:
    """Return the mean loss of the first ``done`` examples of an epoch."""
    logs = np.log(total[:done]) - logits[np.arange(done), labels[:done]]
    return {"loss": float(logs.mean(dtype=np.float64))}


def _shift_images(x: np.ndarray, spare: np.ndarray, down: int, right: int) -> None:
    """Shift square images in place by whole pixels; pixels from outside the image are zero."""
    side = round(x.shape[1] ** 0.5)
    images, shifted = x.reshape(-1, side, side), spare.reshape(-1, side, side)
    shifted[:] = 0
    target, source = _overlap(down, side), _overlap(-down, side)
    shifted[:, target, _overlap(right, side)] = images[:, source, _overlap(-right, side)]
    x[:] = spare


def _overlap(step: int, side: int) -> slice:
    """Return the pixels of a side that are still inside the image after a shift."""
    return slice(max(step, 0), side + min(step, 0))


def _activate(u: np.ndarray, activation: str) -> None:
    if activation == "relu":
        np.maximum(u, 0, out=u)
    else:  # sigmoid: (1 + tanh(u/2)) / 2 cannot overflow
        u *= 0.5
        np.tanh(u, out=u)
        u *= 0.5
        u += 0.5


def _multiply_by_derivative(
    delta: np.ndarray, h: np.ndarray, spare: np.ndarray, activation: str
) -> None:
    """Update δ ← δ σ'(u), with σ' = h (1 - h) for the sigmoid, 1 where h > 0 for relu."""
    if activation == "relu":
        np.greater(h, 0, out=spare)
        delta *= spare
    else:  # sigmoid
        delta *= h
        np.subtract(1, h, out=spare)
        delta *= spare


@cache
def _get_controller() -> ThreadpoolController:
    return ThreadpoolController()
