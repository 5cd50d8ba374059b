"""Softmax regression: the linear classifier of practical 1, exercise 1."""

from etabli.models.estimators.base_network import NetworkClassifier


class SoftmaxRegression(NetworkClassifier):
    """ŷ = softmax(x W + b), learnt by gradient descent on the cross-entropy; dL/dW = Xᵀ(Ŷ - Y*)/N.

    learning_rate: the step η; larger learns faster, until it diverges.
    epochs: passes over the training set.
    batch_size: examples per update; smaller gives more, noisier updates.
    momentum: the share of the last step that is kept, in [0, 1).
    l2: adds l2/2 ‖W‖² to the loss; larger gives smaller weights.
    schedule: "constant", or the rate goes to zero along a "linear" or "cosine" slope.
    averaging: the last share of the epochs over whose updates the weights are averaged; 0 keeps the last
    weights. center: takes the mean of the training examples off every input.
    initialization: "zeros", "normal" (deviation 0.1) or "xavier".
    shuffle: a new order of the examples in every epoch.
    dtype: "float32" or "float64".
    random_state: a seed gives the same weights, bit for bit, on one machine.

    After ``fit``: ``parameters_`` [W (D, K), b (K,)], ``classes_``, ``history_`` (loss and accuracy of
    each epoch).
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        epochs: int = 20,
        batch_size: int = 100,
        momentum: float = 0.0,
        l2: float = 0.0,
        schedule: str = "constant",
        averaging: float = 0.0,
        center: bool = False,
        shift: int = 0,
        initialization: str = "zeros",
        shuffle: bool = True,
        dtype: str = "float32",
        random_state: object = None,
    ) -> None:
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
