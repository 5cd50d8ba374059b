"""The equations of ``_network`` run in place: every array of a training step is made once, before the
first epoch.

Small matrix products lose more to handing work between threads than they gain, and are slowed further by
every other program on the machine: below ``THREADED_FROM`` multiplications a step they run on one thread.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise

import numpy as np
from threadpoolctl import ThreadpoolController

from etabli import nn

THREADED_FROM = 200_000_000

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: 0.5 * (1.0 + np.cos(np.pi * progress)),
}


class Parameters:
    """One flat array and, as views of it, [W₁, b₁, W₂, b₂, ...]: to update all of them is one operation
    on ``flat``.
    """

    def __init__(self, widths: list[int], dtype: str) -> None:
        self.widths = widths
        self.shapes = [shape for d, h in pairwise(widths) for shape in ((d, h), (h,))]
        self.flat = np.zeros(sum(int(np.prod(shape)) for shape in self.shapes), dtype)
        self._view()

    def _view(self) -> None:
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        parts = np.split(self.flat, ends[:-1])
        self.arrays = [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def __getstate__(self) -> dict:
        return {"widths": self.widths, "shapes": self.shapes, "flat": self.flat}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._view()  # a copy's views must look at the copy

    @property
    def weights(self) -> list[np.ndarray]:
        return self.arrays[::2]

    @property
    def biases(self) -> list[np.ndarray]:
        return self.arrays[1::2]


class Rows:
    """The buffers of one batch size: inputs h[0], activations h[1:], their gradients, and one spare for
    each.
    """

    def __init__(self, n: int, widths: list[int], dtype: str, moving: bool = False) -> None:
        self.target = np.empty((n, widths[-1]), dtype)
        self.h = [np.empty((n, width), dtype) for width in widths]
        self.dh = [np.empty((n, width), dtype) for width in widths[1:]]
        self.spare = [np.empty((n, width), dtype) for width in widths[1:]]
        self.column = np.empty((n, 1), dtype)
        self.moved = np.empty((n, widths[0]), dtype) if moving else None


class Trainer:
    """Stochastic gradient descent on one net, with everything that it remembers between two updates.

    With ``shift``, every batch of square images is moved by up to so many pixels, drawn from ``stream``.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        activation: str,
        batch_size: int,
        momentum: float,
        l2: float,
        shift: int = 0,
        stream: np.random.Generator | None = None,
    ) -> None:
        self.parameters, self.activation = parameters, activation
        self.shift, self.stream = shift, stream
        self.batch_size, self.momentum, self.l2 = batch_size, momentum, l2
        self.widths, self.dtype = parameters.widths, parameters.flat.dtype
        self.gradients = Parameters(self.widths, self.dtype)
        self.spare = Parameters(self.widths, self.dtype)
        self.velocity = np.zeros_like(parameters.flat)
        self.average: Parameters | None = None
        self._averaged = 0
        self._rows: dict[int, Rows] = {}

    def epoch(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        order: np.ndarray,
        rates: Callable[[int], float],
        mean: np.ndarray | None = None,
    ) -> tuple[float, float]:
        """One pass in this order, ``rates(k)`` at the k-th update of the pass.

        Returns the mean loss and accuracy of the batches, each measured just before its update.
        """
        target = nn.one_hot(labels, self.widths[-1], self.dtype)
        likelihood, total = np.empty((2, len(order)), self.dtype)
        predicted = np.empty(len(order), np.intp)
        for k, start in enumerate(range(0, len(order), self.batch_size)):
            part = slice(start, start + self.batch_size)
            rows = self._gather(x, target, order[part], mean)
            self._forward(rows)
            np.argmax(rows.h[-1], axis=1, out=predicted[part])
            np.multiply(rows.h[-1], rows.target, out=rows.spare[-1])
            np.sum(rows.spare[-1], axis=1, out=likelihood[part])
            rate = rates(k)
            self._backward(rows, rate)
            total[part] = rows.column[:, 0]
            self._update(rate)
        loss = np.log(total).mean(dtype=np.float64) - likelihood.mean(dtype=np.float64)
        return float(loss), float((predicted == labels[order]).mean())

    def start_averaging(self) -> Parameters:
        """From the next update on, follow the mean of the parameters (Polyak and Juditsky, 1992)."""
        self.average = Parameters(self.widths, self.dtype)
        self._averaged = 0
        return self.average

    def state(self) -> list[np.ndarray]:
        """Copies of what the next update depends upon."""
        kept = [self.parameters.flat, self.velocity]
        if self.average is not None:
            kept += [self.average.flat, np.array(self._averaged)]
        return [array.copy() for array in kept]

    def go_on(self, state: list[np.ndarray]) -> Parameters:
        """Take over what ``state`` gave; returns the parameters to predict with."""
        self.parameters.flat[:], self.velocity[:] = state[:2]
        if len(state) > 2:
            self.start_averaging().flat[:] = state[2]
            self._averaged = int(state[3])
        return self.average or self.parameters

    def settle(self) -> Parameters:
        """End a training: the averaged parameters, if any, take the place of the last ones; buffers are given back."""
        self._rows.clear()
        if self.average is not None:
            self.parameters.flat[:] = self.average.flat
            self.average = None
        return self.parameters

    def few_threads(self) -> AbstractContextManager:
        """One BLAS thread while products are too small to be worth sharing out."""
        products = sum(d * h for d, h in pairwise(self.widths))
        if self.batch_size * products >= THREADED_FROM:
            return nullcontext()
        return _controller().limit(limits=1, user_api="blas")

    def _gather(
        self, x: np.ndarray, target: np.ndarray, chosen: np.ndarray, mean: np.ndarray | None
    ) -> Rows:
        if len(chosen) not in self._rows:
            self._rows[len(chosen)] = Rows(
                len(chosen), self.widths, self.dtype, moving=self.shift > 0
            )
        rows = self._rows[len(chosen)]
        np.take(x, chosen, axis=0, out=rows.h[0], mode="clip")
        np.take(target, chosen, axis=0, out=rows.target, mode="clip")
        if self.shift:
            down, right = self.stream.integers(-self.shift, self.shift, 2, endpoint=True)
            _move(rows.h[0], rows.moved, down, right)
        if mean is not None:
            rows.h[0] -= mean
        return rows

    def _forward(self, rows: Rows) -> None:
        """hₗ = σ(hₗ₋₁ Wₗ + bₗ); the last layer keeps its logits, less their row's maximum."""
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

    def _backward(self, rows: Rows, rate: float) -> None:
        """δ = η (Ŷ - Y*) / N; in each layer η dW = hᵀ δ, η db = Σ δ, and for the layer below δ ← δ Wᵀ σ'(u).

        The rate η is taken in here, where δ is small, and not on the gradients of all weights.
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
                _times_slope(delta, rows.h[layer], rows.spare[layer - 1], self.activation)

    def _update(self, rate: float) -> None:
        """v ← m v - η (g + l2 w), w ← w + v; the gradients g hold η already."""
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
            self._averaged += 1
            np.subtract(theta, self.average.flat, out=self.spare.flat)
            self.spare.flat /= self._averaged
            self.average.flat += self.spare.flat


def _move(x: np.ndarray, spare: np.ndarray, down: int, right: int) -> None:
    """Move square images, in place, by whole pixels; what comes in from beyond the border is zero."""
    side = round(x.shape[1] ** 0.5)
    images, moved = x.reshape(-1, side, side), spare.reshape(-1, side, side)
    moved[:] = 0
    to, come = _overlap(down, side), _overlap(-down, side)
    moved[:, to, _overlap(right, side)] = images[:, come, _overlap(-right, side)]
    x[:] = spare


def _overlap(step: int, side: int) -> slice:
    return slice(max(step, 0), side + min(step, 0))


def _activate(u: np.ndarray, activation: str) -> None:
    if activation == "relu":
        np.maximum(u, 0, out=u)
    else:  # sigmoid
        u *= 0.5
        np.tanh(u, out=u)
        u *= 0.5
        u += 0.5


def _times_slope(delta: np.ndarray, h: np.ndarray, spare: np.ndarray, activation: str) -> None:
    """δ ← δ σ'(u), where σ' = h (1 - h) for the sigmoid and 1 for a positive h of relu."""
    if activation == "relu":
        np.greater(h, 0, out=spare)
        delta *= spare
    else:  # sigmoid
        delta *= h
        np.subtract(1, h, out=spare)
        delta *= spare


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
