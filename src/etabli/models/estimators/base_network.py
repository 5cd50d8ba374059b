"""What ``SoftmaxRegression`` and ``MLP`` share: scikit-learn's API over one net and stochastic gradient
descent.

The feed-forward net that both NumPy estimators are, written with the layers of ``etabli.nn`` to be read.

Parameters stand in one list, input side first: [W₁, b₁, W₂, b₂, ...]. Training runs the same equations
in place (``_training``); a test holds the two together.
"""

import json
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from etabli import nn
from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.estimators import serialization, validation
from etabli.models.estimators.fast_training import SCHEDULES, Parameters, Trainer
from etabli.training.checkpoint import Checkpoint

Callback = Callable[[dict[str, float]], None]


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A net with softmax at its end, learnt by cross-entropy; the subclasses name the settings and
    hidden layers.
    """

    def fit(
        self, X: object, y: object, *, callback: Callback | None = None, memory: Checkpoint | None = None
    ) -> Self:  # fmt: skip
        """Learn from the start. ``callback(row)`` is called after each epoch with the new row of
        ``history_``.

        The model predicts with what it has learnt so far, in the callback too, and after an interruption. With a
        ``memory`` a training that was killed goes on after its last whole epoch, to the same weights bit for bit.
        """
        memory = memory or Checkpoint()
        self._check_settings()
        x, y = validation.checked_pair(self, X, y, reset=True)
        self._start(x, np.unique(y))
        labels, order = validation.encoded(y, self.classes_), np.arange(len(x))
        a_pass = -(-len(x) // self.batch_size)
        updates = self.epochs * a_pass
        averaged_from = round((1 - self.averaging) * self.epochs)
        schedule = SCHEDULES[self.schedule]
        self._go_on(memory, order)
        for epoch in range(memory.done, self.epochs):
            if self.averaging and epoch == averaged_from:
                self._parameters = self._trainer.start_averaging()
            self._epoch(
                x,
                labels,
                order,
                lambda k, done=epoch * a_pass: self.learning_rate * schedule((done + k) / updates),
            )
            if callback is not None:
                callback(self.history_[-1])
            memory.keep(epoch + 1, self._state(order), self._order_stream, self._trainer.stream)
        self._parameters = self._trainer.settle()
        return self

    def _state(self, order: np.ndarray) -> list[np.ndarray]:
        """All that the next epoch depends upon, and the history."""
        return [
            np.frombuffer(json.dumps(self.history_).encode(), np.uint8),
            order,
            *self._trainer.state(),
        ]

    def _go_on(self, memory: Checkpoint, order: np.ndarray) -> None:
        """Bring the training to the state of a memory, where it holds one."""
        if not memory.done:
            return
        history, kept, *arrays = memory.state
        self.history_ = parse_json(history.tobytes())
        memory.restore(self._order_stream, self._trainer.stream)
        order[:] = kept
        self._parameters = self._trainer.go_on(arrays)

    def partial_fit(self, X: object, y: object, classes: object = None) -> Self:
        """One more pass, over these examples; the first call names in ``classes`` every label that will
        ever come.

        The rate stays constant and nothing is averaged; ``center`` keeps the mean of the first call.
        """
        self._check_settings()
        first = not hasattr(self, "_parameters")
        x, y = validation.checked_pair(self, X, y, reset=first)
        if first:
            self._start(x, np.unique(y if classes is None else classes))
        elif not hasattr(self, "_trainer"):  # read from a file
            self._prepare_training()
        trainer, labels = self._trainer, validation.encoded(y, self.classes_)
        trainer.batch_size, trainer.momentum, trainer.l2 = self.batch_size, self.momentum, self.l2
        self._epoch(x, labels, np.arange(len(x)), lambda k: self.learning_rate)
        self._parameters = self._trainer.settle()
        return self

    def predict(self, X: object) -> np.ndarray:
        """The most probable class of every row of X."""
        winners = self._forward(X)[1].argmax(axis=1)
        return self.classes_[winners]

    def predict_proba(self, X: object) -> np.ndarray:
        """ŷ (N, K): the probability of every class, in the order of ``classes_``; each row sums to 1."""
        return nn.softmax(self._forward(X)[1])[0]

    def activations(self, X: object, layer: str) -> np.ndarray:
        """What one of ``layer_names`` gives for every row of X: ``"hidden_1"``, ... (N, H), ``"output"``
        (N, K).
        """
        validation.check_choice("layer", layer, self.layer_names)
        hidden, logits = self._forward(X)
        return [*hidden, nn.softmax(logits)[0]][self.layer_names.index(layer)]

    def loss(self, X: object, y: object) -> float:
        """The mean cross-entropy -1/N Σ log ŷ of the labels, in nats, without the L2 term."""
        x, target = self._examples(X, y)
        logits = forward(x, self.parameters_, self._activation())[1]
        return float(nn.softmax_cross_entropy(logits, target)[0])

    def gradients(self, X: object, y: object) -> tuple[float, list[np.ndarray]]:
        """The loss of these examples with its L2 term, and its gradient for every array of
        ``parameters_``.
        """
        x, target = self._examples(X, y)
        return loss_and_gradients(x, target, self.parameters_, self._activation(), self.l2)

    def save(self, path: Path | str) -> Path:
        """Write settings, classes and weights to one safetensors file."""
        validation.check_learnt(self)
        return serialization.save(self, Path(path))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The model that ``save`` wrote."""
        return serialization.load(cls, Path(path))

    @property
    def parameters_(self) -> list[np.ndarray]:
        """[W₁, b₁, W₂, b₂, ...], input side first; to change one in place changes the model."""
        return self._parameters.arrays

    @property
    def layer_names(self) -> list[str]:
        """The layers by name, input side first."""
        return [*(f"hidden_{index + 1}" for index in range(len(self._hidden_widths()))), "output"]

    def _hidden_widths(self) -> list[int]:
        return []

    def _activation(self) -> str:
        return "sigmoid"

    def _widths(self) -> list[int]:
        return [self.n_features_in_, *self._hidden_widths(), len(self.classes_)]

    def _check_settings(self) -> None:
        for name in ("epochs", "batch_size", *(["shift"] if self.shift != 0 else [])):
            validation.check_count(name, getattr(self, name))
        for name, high in (
            ("learning_rate", 1e6),
            ("l2", 1e6),
            ("momentum", 0.9999),
            ("averaging", 1.0),
        ):
            validation.check_range(name, getattr(self, name), 0.0, high)
        validation.check_choice("initialization", self.initialization, list(nn.INITIALIZERS))
        validation.check_choice("schedule", self.schedule, list(SCHEDULES))
        validation.check_choice("dtype", self.dtype, ["float32", "float64"])

    def _start(self, x: np.ndarray, classes: np.ndarray) -> None:
        """Draw the first weights; biases start from zero."""
        if len(classes) < 2:
            raise BadArray(_("y holds one class only"), expected=_("at least two classes"))
        if self.shift and round(x.shape[1] ** 0.5) ** 2 != x.shape[1]:
            raise BadArray(
                _("shift moves square images, flattened"),
                expected=_("a square number of features, as 28 x 28 = 784"),
                got=x.shape[1],
                fix=_("Set shift=0."),
            )
        self.classes_ = classes
        self.mean_ = x.mean(axis=0, dtype=np.float64).astype(x.dtype) if self.center else None
        self.history_: list[dict[str, float]] = []
        self._parameters = Parameters(self._widths(), x.dtype)
        seed = self._prepare_training()
        weights_stream = make_generator(seed, "weights")
        for w in self._parameters.weights:
            w[...] = nn.INITIALIZERS[self.initialization](w.shape, weights_stream)

    def _prepare_training(self) -> int:
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        self._order_stream = make_generator(int(seed), "order")
        self._trainer = Trainer(
            self._parameters,
            activation=self._activation(),
            batch_size=self.batch_size,
            momentum=self.momentum,
            l2=self.l2,
            shift=self.shift,
            stream=make_generator(int(seed), "shift"),
        )
        return int(seed)

    def _epoch(
        self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, rates: Callable[[int], float]
    ) -> None:
        if self.shuffle:
            self._order_stream.shuffle(order)
        with self._trainer.few_threads():
            loss, accuracy = self._trainer.epoch(x, labels, order, rates, self.mean_)
        if not np.isfinite(loss):
            raise BadSetting(
                _("training diverged: the loss is no longer a finite number"),
                fix=_("Lower learning_rate (now {rate}), or scale X.").format(
                    rate=self.learning_rate
                ),
            )
        self.history_.append({"epoch": len(self.history_) + 1, "loss": loss, "accuracy": accuracy})

    def _examples(self, X: object, y: object) -> tuple[np.ndarray, np.ndarray]:
        validation.check_learnt(self)
        x, y = validation.checked_pair(self, X, y, reset=False)
        target = nn.one_hot(validation.encoded(y, self.classes_), len(self.classes_), self.dtype)
        return self._centred(x), target

    def _centred(self, x: np.ndarray) -> np.ndarray:
        return x if self.mean_ is None else x - self.mean_

    def _forward(self, X: object) -> tuple[list[np.ndarray], np.ndarray]:
        validation.check_learnt(self)
        x = self._centred(validation.checked_features(self, X, reset=False))
        return forward(x, self.parameters_, self._activation())


ACTIVATIONS = {"sigmoid": nn.sigmoid, "relu": nn.relu}


def forward(
    x: np.ndarray, parameters: list[np.ndarray], activation: str = "sigmoid"
) -> tuple[list[np.ndarray], np.ndarray]:
    """The hidden activations, input side first, and the logits z (N, K): hₗ = σ(hₗ₋₁ Wₗ + bₗ), z = h W +
    b.
    """
    hidden = []
    for w, b in _pairs(parameters)[:-1]:
        u, _ = nn.linear(x, w, b)
        x, _ = ACTIVATIONS[activation](u)
        hidden.append(x)
    logits, _ = nn.linear(x, *parameters[-2:])
    return hidden, logits


def loss_and_gradients(
    x: np.ndarray,
    target: np.ndarray,
    parameters: list[np.ndarray],
    activation: str = "sigmoid",
    l2: float = 0.0,
) -> tuple[float, list[np.ndarray]]:
    """L = cross-entropy + l2/2 Σ‖W‖² of one batch, and dL/d(parameter) for each, by back-propagation."""
    backprops = []
    for w, b in _pairs(parameters)[:-1]:
        u, linear_backprop = nn.linear(x, w, b)
        x, activation_backprop = ACTIVATIONS[activation](u)
        backprops.append((linear_backprop, activation_backprop))
    logits, linear_backprop = nn.linear(x, *parameters[-2:])
    loss, loss_backprop = nn.softmax_cross_entropy(logits, target)

    dx, dw, db = linear_backprop(loss_backprop(1.0))
    gradients = [dw, db]
    for linear_backprop, activation_backprop in reversed(backprops):
        dx, dw, db = linear_backprop(activation_backprop(dx))
        gradients = [dw, db, *gradients]
    for index in range(0, len(parameters), 2):  # weights only: a bias has no reason to be small
        gradients[index] = gradients[index] + l2 * parameters[index]
        loss = loss + l2 / 2 * (parameters[index] ** 2).sum()
    return loss, gradients


def _pairs(parameters: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))
