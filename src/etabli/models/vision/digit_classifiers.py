"""The image classifiers of practical 2: softmax regression, MLP, CNN, and a modern small CNN.

Activations are separate layers, so that any stage can be read by its name. Weights depend on the
seed alone (Glorot uniform; biases zero).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import derive_keras_seed

if TYPE_CHECKING:
    import keras

LAYER = r"([1-9])x([1-9]\d{0,2})(?:s([1-4]))?(p?)"
"""A convolution in ``layers``: size x filters, stride, pooling."""


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
    """Build a small CNN of four convolutions, pooled twice; 136,106 parameters with width 32."""
    layers = f"5x{width}p 3x{2 * width} 3x{2 * width}p 3x{4 * width}"
    return build_small_cnn(
        seed, layers=layers, shape=shape, dropout=dropout, classes=classes, name="modern"
    )


def build_small_cnn(
    seed: int = 0,
    *,
    layers: str,
    shape: tuple[int, int, int] = (28, 28, 1),
    dropout: float = 0.0,
    classes: int = 10,
    name: str = "small",
) -> "keras.Sequential":
    """Build a CNN with batch normalization after every convolution, and dropout before the last.

    Pooling comes before batch normalization, which then computes a quarter of the values.

    Args:
        seed: Seed of the initial weights and of the dropout.
        layers: The convolutions (valid): size x filters, s2 for stride 2, p for 2 x 2 max pooling;
            "5x16s2 3x32p 3x64", for example.
        shape: Height, width and channels of the images.
        dropout: Dropout rate of the last layer.
        classes: Number of classes.
        name: The name of the net.

    Raises:
        BadSetting: The layers are not described like that, or the images are too small for them.
    """
    from keras import Input, Sequential
    from keras import layers as kinds

    stages: list = [Input(shape, name="images")]
    side = min(shape[:2])
    for index, (size, filters, stride, pools) in enumerate(_parse_layers(layers), 1):
        side = ((side - size) // stride + 1) // (2 if pools else 1)
        if side < 1:
            raise BadSetting(
                _("the images are too small for the {net}").format(net=layers),
                expected=_("fewer or smaller convolutions"),
                got=f"{shape[0]} x {shape[1]}",
            )
        stages += [
            _convolution(filters, size, seed, f"conv{index}", strides=stride, use_bias=False),
            *([kinds.MaxPooling2D(2, name=f"pool{index}")] if pools else []),
            kinds.BatchNormalization(momentum=0.95, name=f"norm{index}"),
            kinds.Activation("relu", name=f"relu{index}"),
        ]
    stages += [
        kinds.Flatten(name="flatten"),
        kinds.Dropout(dropout, seed=derive_keras_seed(seed, "dropout"), name="dropout"),
        _dense(classes, seed, "fc1"),
        kinds.Activation("softmax", name="softmax"),
    ]
    return Sequential(stages, name=name)


def _parse_layers(layers: str) -> list[tuple[int, int, int, bool]]:
    """Return size, filters, stride, and whether pooled, of each convolution."""
    found = [re.fullmatch(LAYER, word) for word in layers.split()]
    if not found or not all(found):
        raise BadSetting(
            _("the convolutions are not described as expected"),
            expected='"5x16s2 3x32p 3x64"',
            got=layers,
        )
    parts = [each.groups() for each in found if each]
    return [
        (int(size), int(filters), int(stride or 1), bool(pooled))
        for size, filters, stride, pooled in parts
    ]


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
