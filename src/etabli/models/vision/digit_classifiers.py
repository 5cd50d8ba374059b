"""The image classifiers of practical 2: softmax regression, perceptron, convolutional net, and a modern small one.

Plain ``keras.Model``s with activations as layers of their own, so that any stage can be read by its name. Every
weight is drawn from the seed alone (Glorot uniform; biases zero).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed

if TYPE_CHECKING:
    import keras


def softmax_regression(
    seed: int = 0, *, inputs: int = 784, classes: int = 10
) -> "keras.Sequential":
    """softmax(x W + b): 7,850 parameters on MNIST."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((inputs,), name="images"),
            _dense(classes, seed, "fc1"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="softmax_regression",
    )


def perceptron(
    seed: int = 0,
    *,
    inputs: int = 784,
    hidden: int = 100,
    classes: int = 10,
    activation: str = "sigmoid",
) -> "keras.Sequential":
    """One hidden layer, 784-100-10: 79,510 parameters. Layers fc1, sigmoid, fc2, softmax."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((inputs,), name="images"),
            _dense(hidden, seed, "fc1"),
            layers.Activation(activation, name=activation),
            _dense(classes, seed, "fc2"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="perceptron",
    )


def convolutional(
    seed: int = 0, *, shape: tuple[int, int, int] = (28, 28, 1), filters: tuple[int, int] = (16, 32),
    hidden: int = 100, classes: int = 10,
) -> "keras.Sequential":  # fmt: skip
    """Twice (5 x 5 valid convolution, relu, 2 x 2 maximum), 100 sigmoids, softmax: 65,558 parameters."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(shape, name="images"),
            _convolution(filters[0], 5, seed, "conv1"),
            layers.Activation("relu", name="relu1"),
            layers.MaxPooling2D(2, name="pool1"),
            _convolution(filters[1], 5, seed, "conv2"),
            layers.Activation("relu", name="relu2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            _dense(hidden, seed, "fc1"),
            layers.Activation("sigmoid", name="sigmoid"),
            _dense(classes, seed, "fc2"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="convolutional",
    )


def modern(
    seed: int = 0, *, shape: tuple[int, int, int] = (28, 28, 1), width: int = 32, dropout: float = 0.3,
    classes: int = 10,
) -> "keras.Sequential":  # fmt: skip
    """A small convolutional net with batch normalisation after every convolution and dropout before the softmax.

    The maximum comes before the normalisation, which then has a quarter of the numbers to look at.
    """
    from keras import Input, Sequential, layers

    def stage(index: int, filters: int, size: int, *, pool: bool = False) -> list:
        return [
            _convolution(filters, size, seed, f"conv{index}", use_bias=False),
            *([layers.MaxPooling2D(2, name=f"pool{index}")] if pool else []),
            layers.BatchNormalization(momentum=0.95, name=f"norm{index}"),
            layers.Activation("relu", name=f"relu{index}"),
        ]

    return Sequential(
        [
            Input(shape, name="images"),
            *stage(1, width, 5, pool=True),
            *stage(2, 2 * width, 3),
            *stage(3, 2 * width, 3, pool=True),
            *stage(4, 4 * width, 3),
            layers.Flatten(name="flatten"),
            layers.Dropout(dropout, seed=derive_keras_seed(seed, "dropout"), name="dropout"),
            _dense(classes, seed, "fc1"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="modern",
    )


def compiled(
    model: "keras.Model", *, optimizer: str = "sgd", rate: float, momentum: float = 0.0, decay_steps: int = 0,
    warmup_steps: int = 0, averaging: float = 0.0, smoothing: float = 0.0, weight_decay: float = 0.0,
) -> "keras.Model":  # fmt: skip
    """The model with its loss (cross-entropy; labels one-hot where they are smoothed) and its optimizer.

    ``decay_steps`` lets the rate fall to zero on a cosine after a linear warm-up; ``averaging`` is the factor of
    the moving average of the weights that replaces them at the end.
    """
    from keras import losses, optimizers

    schedule = rate
    if decay_steps:
        schedule = optimizers.schedules.CosineDecay(
            rate * 1e-3 if warmup_steps else rate, max(1, decay_steps - warmup_steps),
            warmup_target=rate if warmup_steps else None, warmup_steps=warmup_steps,
        )  # fmt: skip
    shared = {
        "learning_rate": schedule,
        "use_ema": averaging > 0,
        "ema_momentum": averaging or 0.99,
        "weight_decay": weight_decay or None,
    }
    if optimizer == "sgd":
        chosen = optimizers.SGD(momentum=momentum, nesterov=momentum > 0, **shared)
    elif optimizer == "adam":
        chosen = optimizers.Adam(**shared)
    else:
        raise UnknownName(_("optimizer"), optimizer, ("sgd", "adam"))
    loss = (
        losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else "sparse_categorical_crossentropy"
    )
    model.compile(optimizer=chosen, loss=loss, metrics=["accuracy"])
    return model


def activations(
    model: "keras.Model", images: np.ndarray, names: Sequence[str], batch_size: int = 500
) -> dict[str, np.ndarray]:
    """What the layers of these names give for the images, each flattened to (N, D)."""
    import keras

    known = [layer.name for layer in model.layers]
    for name in names:
        if name not in known:
            raise UnknownName(_("layer"), name, known)
    reader = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    parts = [
        [
            np.asarray(keras.ops.convert_to_numpy(output))
            for output in _listed(reader.predict_on_batch(batch))
        ]
        for batch in _batches(images, batch_size)
    ]
    return {
        name: np.concatenate([part[index] for part in parts]).reshape(len(images), -1)
        for index, name in enumerate(names)
    }


def layer_table(model: "keras.Model") -> list[tuple[str, str, str, int]]:
    """For each layer its name, kind, output shape and number of parameters, as Keras' summary lists them."""
    rows = []
    for layer in model.layers:
        shape = ", ".join("N" if size is None else str(size) for size in layer.output.shape)
        rows.append((layer.name, type(layer).__name__, f"({shape})", int(layer.count_params())))
    return rows


def _batches(images: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [images[start : start + batch_size] for start in range(0, len(images), batch_size)]


def _listed(outputs: object) -> list:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _dense(units: int, seed: int, name: str):
    from keras import initializers, layers

    return layers.Dense(
        units,
        kernel_initializer=initializers.GlorotUniform(seed=derive_keras_seed(seed, name)),
        name=name,
    )


def _convolution(filters: int, size: int, seed: int, name: str, **options: object):
    from keras import initializers, layers

    drawn = initializers.GlorotUniform(seed=derive_keras_seed(seed, name))
    return layers.Conv2D(filters, size, kernel_initializer=drawn, name=name, **options)
