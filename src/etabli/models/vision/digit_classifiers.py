"""The image classifiers of practical 2: softmax regression, MLP, CNN, and a modern small CNN.

Activations are separate layers, so that any stage can be read by its name. Weights depend on the
seed alone (Glorot uniform; biases zero).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed

if TYPE_CHECKING:
    import keras


def build_softmax_regression(
    seed: int = 0, *, inputs: int = 784, classes: int = 10
) -> "keras.Sequential":
    """Build softmax(x W + b): 7,850 parameters on MNIST."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((inputs,), name="images"),
            _dense(classes, seed, "fc1"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="softmax_regression",
    )


def build_mlp(
    seed: int = 0,
    *,
    inputs: int = 784,
    units: int = 100,
    classes: int = 10,
    activation: str = "sigmoid",
) -> "keras.Sequential":
    """Build an MLP with one hidden layer, 784-100-10: 79,510 parameters."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((inputs,), name="images"),
            _dense(units, seed, "fc1"),
            layers.Activation(activation, name=activation),
            _dense(classes, seed, "fc2"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="perceptron",
    )


def build_cnn(
    seed: int = 0,
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    filters: tuple[int, int] = (16, 32),
    units: int = 100,
    classes: int = 10,
) -> "keras.Sequential":
    """Build a CNN: twice 5 x 5 valid convolution, relu, 2 x 2 max pooling; 65,558 parameters."""
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
            _dense(units, seed, "fc1"),
            layers.Activation("sigmoid", name="sigmoid"),
            _dense(classes, seed, "fc2"),
            layers.Activation("softmax", name="softmax"),
        ],
        name="convolutional",
    )


def build_modern_cnn(
    seed: int = 0,
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    width: int = 32,
    dropout: float = 0.3,
    classes: int = 10,
) -> "keras.Sequential":
    """Build a small CNN with batch normalization after every convolution, and dropout.

    Pooling comes before batch normalization, which then computes a quarter of the values.
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


def compile_model(
    model: "keras.Model",
    *,
    learning_rate: float,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    decay_steps: int = 0,
    warmup_steps: int = 0,
    ema_decay: float = 0.0,
    label_smoothing: float = 0.0,
    weight_decay: float = 0.0,
) -> "keras.Model":
    """Compile a model with cross-entropy and an optimizer.

    Args:
        model: The model.
        optimizer: "sgd" or "adam".
        learning_rate: The (peak) learning rate.
        momentum: Nesterov momentum of SGD.
        decay_steps: Steps until a cosine schedule reaches zero; 0 for a constant learning rate.
        warmup_steps: Steps of linear warm-up within ``decay_steps``.
        ema_decay: Decay of the moving average that replaces the weights at the end; 0 for none.
        label_smoothing: Share of smoothing; above 0 labels must be one-hot.
        weight_decay: Decoupled weight decay.
    """
    from keras import losses, optimizers

    schedule: Any = learning_rate
    if decay_steps:
        schedule = optimizers.schedules.CosineDecay(
            learning_rate * 1e-3 if warmup_steps else learning_rate,
            max(1, decay_steps - warmup_steps),
            warmup_target=learning_rate if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    shared: dict[str, Any] = {
        "learning_rate": schedule,
        "use_ema": ema_decay > 0,
        "ema_momentum": ema_decay or 0.99,
        "weight_decay": weight_decay or None,
    }
    if optimizer == "sgd":
        chosen = optimizers.SGD(momentum=momentum, nesterov=momentum > 0, **shared)
    elif optimizer == "adam":
        chosen = optimizers.Adam(**shared)
    else:
        raise UnknownName(_("optimizer"), optimizer, ("sgd", "adam"))
    loss = (
        losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
        if label_smoothing
        else "sparse_categorical_crossentropy"
    )
    model.compile(optimizer=chosen, loss=loss, metrics=["accuracy"])
    return model


def compute_activations(
    model: "keras.Model", images: np.ndarray, names: Sequence[str], batch_size: int = 500
) -> dict[str, np.ndarray]:
    """Return the outputs of the named layers for the images, each flattened to (N, D)."""
    import keras

    known = [layer.name for layer in model.layers]
    for name in names:
        if name not in known:
            raise UnknownName(_("layer"), name, known)
    reader = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    parts = []
    for start in range(0, len(images), batch_size):
        outputs = reader.predict_on_batch(images[start : start + batch_size])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        parts.append([np.asarray(output) for output in outputs])
    return {
        name: np.concatenate([part[index] for part in parts]).reshape(len(images), -1)
        for index, name in enumerate(names)
    }


def list_layers(model: "keras.Model") -> list[tuple[str, str, str, int]]:
    """Return name, type, output shape and number of parameters of each layer, as Keras' summary."""
    rows = []
    for layer in model.layers:
        shape = ", ".join("N" if size is None else str(size) for size in layer.output.shape)
        rows.append((layer.name, type(layer).__name__, f"({shape})", int(layer.count_params())))
    return rows


def _dense(units: int, seed: int, name: str) -> "keras.layers.Dense":
    from keras import initializers, layers

    return layers.Dense(
        units,
        kernel_initializer=initializers.GlorotUniform(seed=derive_keras_seed(seed, name)),
        name=name,
    )


def _convolution(
    filters: int, size: int, seed: int, name: str, **options: Any
) -> "keras.layers.Conv2D":
    from keras import initializers, layers

    drawn = initializers.GlorotUniform(seed=derive_keras_seed(seed, name))
    return layers.Conv2D(filters, size, kernel_initializer=drawn, name=name, **options)
