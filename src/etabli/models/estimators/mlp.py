"""The multilayer perceptron (practical 1, exercise 2)."""

from collections.abc import Iterable

from etabli.models.estimators import base_network, validation
from etabli.models.estimators.base_network import NetworkClassifier


class MLP(NetworkClassifier):
    """h = σ(x W_h + b_h), ŷ = softmax(h W_y + b_y), trained by back-propagation.

    hidden_units: H, or a list of widths for several hidden layers, input side first.
    activation: "sigmoid" or "relu".
    The other parameters are those of ``SoftmaxRegression``. With initialization="zeros", all units
    of a hidden layer get equal gradients and stay identical, up to rounding; use "xavier".

    After ``fit``: ``parameters_`` [W_h (D, H), b_h (H,), W_y (H, K), b_y (K,)], ``classes_``,
    ``history_``; ``activations(X, "hidden_1")`` returns the hidden activations.
    """

    def __init__(
        self,
        *,
        hidden_units: int | list[int] = 100,
        activation: str = "sigmoid",
        learning_rate: float = 1.0,
        epochs: int = 20,
        batch_size: int = 100,
        momentum: float = 0.0,
        l2: float = 0.0,
        schedule: str = "constant",
        averaging: float = 0.0,
        center: bool = False,
        shift: int = 0,
        initialization: str = "xavier",
        shuffle: bool = True,
        dtype: str = "float32",
        random_state: object = None,
    ) -> None:
        self.hidden_units = hidden_units
        self.activation = activation
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.l2 = l2
        self.schedule = schedule
        self.averaging = averaging
        self.center = center
        self.shift = shift
        self.initialization = initialization
        self.shuffle = shuffle
        self.dtype = dtype
        self.random_state = random_state

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
