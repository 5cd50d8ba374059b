"""Softmax regression, a linear classifier (practical 1, exercise 1)."""

from etabli.models.estimators.base_network import NetworkClassifier


class SoftmaxRegression(NetworkClassifier):
    """ŷ = softmax(x W + b), trained by gradient descent: dL/dW = Xᵀ(Ŷ - Y*)/N.

    learning_rate: step size η; larger is faster, until training diverges.
    epochs: number of epochs.
    batch_size: examples per update; smaller gives more, noisier updates.
    momentum: share of the last step that is kept, in [0, 1).
    l2: adds l2/2 ‖W‖² to the loss; larger gives smaller weights.
    schedule: of the learning rate: "constant", or "linear" or "cosine" decay to zero.
    averaging: last share of the epochs over which weights are averaged; 0 keeps the last weights.
    center: subtracts the mean of the training examples from every input.
    shift: shifts every batch of square images by up to this many pixels (augmentation).
    initialization: "zeros", "normal" (standard deviation 0.1) or "xavier".
    shuffle: draws a new order of the examples in every epoch.
    dtype: "float32" or "float64".
    random_state: a seed gives the same weights, bit for bit, on one machine.

    After ``fit``: ``parameters_`` [W (D, K), b (K,)], ``classes_``, ``history_`` (loss and
    accuracy of each epoch).
    """
