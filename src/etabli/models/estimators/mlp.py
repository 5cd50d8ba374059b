"""The multilayer perceptron (practical 1, exercise 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from etabli.models.estimators import base_network, validation
from etabli.models.estimators.base_network import NetworkClassifier


@dataclass(kw_only=True, eq=False, repr=False)
class MLP(NetworkClassifier):
    """h = σ(x W_h + b_h), ŷ = softmax(h W_y + b_y), trained by backpropagation.

    hidden_units: H, or a list of widths for several hidden layers, input side first.
    activation: "sigmoid" or "relu".
    The other parameters are those of ``SoftmaxRegression``. With initialization="zeros", all units
    of a hidden layer get equal gradients and stay identical, up to rounding; use "xavier".

    After ``fit``: ``parameters_`` [W_h (D, H), b_h (H,), W_y (H, K), b_y (K,)], ``classes_``,
    ``history_``; ``activations(X, "hidden_1")`` returns the hidden activations.
    """

    hidden_units: int | list[int] = 100
    activation: str = "sigmoid"
    learning_rate: float = 1.0
    initialization: str = "xavier"

    def _hidden_widths(self) -> list[int]:
        units = self.hidden_units
        return list(units) if isinstance(units, Iterable) else [units]

    def _activation(self) -> str:
        return self.activation

    def _check_settings(self) -> None:
        super()._check_settings()
        validation.check_choice("activation", self.activation, list(base_network.ACTIVATIONS))
        for width in self._hidden_widths():
            validation.check_count("hidden_units", width)
