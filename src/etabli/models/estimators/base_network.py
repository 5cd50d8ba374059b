"""Base class of ``SoftmaxRegression`` and ``MLP``: the API of scikit-learn, one feed-forward net.

``forward`` and ``loss_and_gradients`` are written with the layers of ``etabli.nn``, to be read.
Training runs the same equations in place (``fast_training``); a test checks that both agree.
Parameters are one list, input side first: [W₁, b₁, W₂, b₂, ...].
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Self

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


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A net with softmax output, trained on the cross-entropy; subclasses define hidden layers."""

    learning_rate: float = 0.1
    epochs: int = 20
    batch_size: int = 100
    momentum: float = 0.0
    l2: float = 0.0
    schedule: str = "constant"
    averaging: float = 0.0
    center: bool = False
    shift: int = 0
    initialization: str = "zeros"
    shuffle: bool = True
    dtype: str = "float32"
    random_state: Any = None

    def fit(
        self,
        X: object,
        y: object,
        *,
        callback: Callback | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        """Train from scratch.

        The model can predict during training (in the callback) and after an interruption.

        Args:
            X: Examples, (N, D).
            y: Labels, (N,).
            callback: Called after each epoch with the new row of ``history_``.
            checkpoint: With it, a killed training resumes after its last complete epoch, to the
                same weights bit for bit.

        Raises:
            BadArray: X or y is invalid.
            BadSetting: A setting is out of range, or training diverged.
        """
        checkpoint = checkpoint or Checkpoint()
        self._check_settings()
        x, y = validation.validate_pair(self, X, y, reset=True)
        self._start(x, np.unique(y))
        labels, order = validation.encode_labels(y, self.classes_), np.arange(len(x))
        epoch_updates = -(-len(x) // self.batch_size)
        updates = self.epochs * epoch_updates
        average_from = round((1 - self.averaging) * self.epochs)
        schedule = SCHEDULES[self.schedule]
        self._resume(checkpoint, order)
        for epoch in range(checkpoint.epoch, self.epochs):
            if self.averaging and epoch == average_from:
                self._parameters = self._trainer.start_averaging()
            steps = range(epoch * epoch_updates, (epoch + 1) * epoch_updates)
            rates = [self.learning_rate * schedule(step / updates) for step in steps]
            self._run_epoch(x, labels, order, rates)
            if callback is not None:
                callback(self.history_[-1])
            checkpoint.save(
                epoch + 1, self._get_state(order), self._order_generator, self._trainer.generator
            )
        self._parameters = self._trainer.finish()
        return self

    def _get_state(self, order: np.ndarray) -> list[np.ndarray]:
        """Return the history and everything that the next epoch depends on."""
        history = np.frombuffer(json.dumps(self.history_).encode(), np.uint8)
        return [history, order, *self._trainer.get_state()]

    def _resume(self, checkpoint: Checkpoint, order: np.ndarray) -> None:
        """Restore the state of a checkpoint, if it has one."""
        if not checkpoint.epoch:
            return
        history, saved_order, *arrays = checkpoint.state
        self.history_: list[dict[str, float]] = parse_json(history.tobytes())
        checkpoint.restore_streams(self._order_generator, self._trainer.generator)
        order[:] = saved_order
        self._parameters = self._trainer.resume(arrays)

    def partial_fit(self, X: object, y: object, classes: object = None) -> Self:
        """Train for one epoch on these examples, with a constant learning rate and no averaging.

        The first call gives in ``classes`` every label that will ever occur; with ``center``, its
        mean is used by later calls too.
        """
        self._check_settings()
        first = not hasattr(self, "_parameters")
        x, y = validation.validate_pair(self, X, y, reset=first)
        if first:
            self._start(x, np.unique(y if classes is None else np.asarray(classes)))
        elif not hasattr(self, "_trainer"):  # loaded from a file
            self._prepare_training()
        trainer, labels = self._trainer, validation.encode_labels(y, self.classes_)
        trainer.batch_size, trainer.momentum, trainer.l2 = self.batch_size, self.momentum, self.l2
        rates = [self.learning_rate] * -(-len(x) // self.batch_size)
        self._run_epoch(x, labels, np.arange(len(x)), rates)
        self._parameters = self._trainer.finish()
        return self

    def predict(self, X: object) -> np.ndarray:
        """Return the most probable class of every row of X."""
        logits = self._forward(X)[1]  # before classes_: it checks that the model is fitted
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: object) -> np.ndarray:
        """Return ŷ (N, K), the probability of every class in the order of ``classes_``."""
        return nn.softmax(self._forward(X)[1])[0]

    def activations(self, X: object, layer: str) -> np.ndarray:
        """Return the output of a layer of ``layer_names`` for every row of X, (N, H) or (N, K)."""
        validation.check_choice("layer", layer, self.layer_names)
        hidden, logits = self._forward(X)
        return [*hidden, nn.softmax(logits)[0]][self.layer_names.index(layer)]

    def loss(self, X: object, y: object) -> float:
        """Compute the mean cross-entropy -1/N Σ log ŷ of the labels, in nats (no L2 term)."""
        x, target = self._examples(X, y)
        logits = forward(x, self.parameters_, self._activation())[1]
        return float(nn.softmax_cross_entropy(logits, target)[0])

    def gradients(self, X: object, y: object) -> tuple[float, list[np.ndarray]]:
        """Compute the loss with its L2 term, and its gradient for each array of ``parameters_``."""
        x, target = self._examples(X, y)
        return loss_and_gradients(x, target, self.parameters_, self._activation(), self.l2)

    def save(self, path: Path | str) -> Path:
        """Write settings, classes and weights to one safetensors file."""
        validation.check_fitted(self)
        return serialization.save(self, Path(path))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Load a model that ``save`` wrote."""
        return serialization.load(cls, Path(path))

    @property
    def parameters_(self) -> list[np.ndarray]:
        """[W₁, b₁, W₂, b₂, ...], input side first; changing one in place changes the model."""
        return self._parameters.arrays

    @property
    def layer_names(self) -> list[str]:
        """The names of the layers, input side first: "hidden_1", ..., "output"."""
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
        highest = {"learning_rate": 1e6, "l2": 1e6, "momentum": 0.9999, "averaging": 1.0}
        for name, high in highest.items():
            validation.check_range(name, getattr(self, name), 0.0, high)
        validation.check_choice("initialization", self.initialization, list(nn.INITIALIZERS))
        validation.check_choice("schedule", self.schedule, list(SCHEDULES))
        validation.check_choice("dtype", self.dtype, ["float32", "float64"])

    def _start(self, x: np.ndarray, classes: np.ndarray) -> None:
        """Draw the initial weights; biases are zero."""
        if len(classes) < 2:
            raise BadArray(_("y contains only one class"), expected=_("at least two classes"))
        if self.shift and round(x.shape[1] ** 0.5) ** 2 != x.shape[1]:
            raise BadArray(
                _("shift needs flattened square images"),
                expected=_("a square number of features, as 28 x 28 = 784"),
                got=x.shape[1],
                fix=_("Set shift=0."),
            )
        self.classes_ = classes
        self.mean_ = x.mean(axis=0, dtype=np.float64).astype(x.dtype) if self.center else None
        self.history_ = []
        self._parameters = Parameters(self._widths(), x.dtype)
        seed = self._prepare_training()
        generator = make_generator(seed, "weights")
        for w in self._parameters.weights:
            w[...] = nn.INITIALIZERS[self.initialization](w.shape, generator)

    def _prepare_training(self) -> int:
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        self._order_generator = make_generator(int(seed), "order")
        self._trainer: Trainer = Trainer(
            self._parameters,
            activation=self._activation(),
            batch_size=self.batch_size,
            momentum=self.momentum,
            l2=self.l2,
            shift=self.shift,
            generator=make_generator(int(seed), "shift"),
        )
        return int(seed)

    def _run_epoch(
        self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, rates: Sequence[float]
    ) -> None:
        if self.shuffle:
            self._order_generator.shuffle(order)
        with self._trainer.limit_threads():
            loss, accuracy = self._trainer.run_epoch(x, labels, order, rates, self.mean_)
        if not np.isfinite(loss):
            raise BadSetting(
                _("training diverged: the loss is no longer a finite number"),
                fix=_("Lower learning_rate (now {learning_rate}), or scale X.").format(
                    learning_rate=self.learning_rate
                ),
            )
        self.history_.append({"epoch": len(self.history_) + 1, "loss": loss, "accuracy": accuracy})

    def _examples(self, X: object, y: object) -> tuple[np.ndarray, np.ndarray]:
        validation.check_fitted(self)
        x, y = validation.validate_pair(self, X, y, reset=False)
        target = nn.one_hot(
            validation.encode_labels(y, self.classes_), len(self.classes_), self.dtype
        )
        return self._center(x), target

    def _center(self, x: np.ndarray) -> np.ndarray:
        return x if self.mean_ is None else x - self.mean_

    def _forward(self, X: object) -> tuple[list[np.ndarray], np.ndarray]:
        validation.check_fitted(self)
        x = self._center(validation.validate_features(self, X, reset=False))
        return forward(x, self.parameters_, self._activation())


ACTIVATIONS = {"sigmoid": nn.sigmoid, "relu": nn.relu}


def forward(
    x: np.ndarray, parameters: list[np.ndarray], activation: str = "sigmoid"
) -> tuple[list[np.ndarray], np.ndarray]:
    """Compute the hidden activations hₗ = σ(hₗ₋₁ Wₗ + bₗ) and the logits z = h W + b.

    The activations are listed input side first. x is (N, D), each hₗ (N, Hₗ), z (N, K).
    """
    hidden = []
    for w, b in _pairs(parameters)[:-1]:
        x = ACTIVATIONS[activation](nn.linear(x, w, b)[0])[0]
        hidden.append(x)
    return hidden, nn.linear(x, *parameters[-2:])[0]


def loss_and_gradients(
    x: np.ndarray,
    target: np.ndarray,
    parameters: list[np.ndarray],
    activation: str = "sigmoid",
    l2: float = 0.0,
) -> tuple[float, list[np.ndarray]]:
    """Compute L = cross-entropy + l2/2 Σ‖W‖² of one batch, and dL/d(parameter) by backpropagation.

    Args:
        x: Inputs, (N, D).
        target: One-hot labels, (N, K).
        parameters: [W₁, b₁, W₂, b₂, ...], input side first.
        activation: A name of ``ACTIVATIONS``.
        l2: The weight of the penalty.

    Returns:
        The loss, and one gradient for each parameter.
    """
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
    for index in range(0, len(parameters), 2):  # weights only: biases are not penalized
        gradients[index] = gradients[index] + l2 * parameters[index]
        loss = loss + l2 / 2 * (parameters[index] ** 2).sum()
    return loss, gradients


def _pairs(parameters: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(parameters[::2], parameters[1::2], strict=True))
