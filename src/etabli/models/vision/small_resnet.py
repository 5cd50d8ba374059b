"""A small residual net of ResNet's two blocks, trained on single drawn objects in seconds.

He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition, sections 3.2 and 3.3.
"""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.training.checkpoint import Checkpoint, model_state, restore_model

if TYPE_CHECKING:
    import keras


WIDTHS = (24, 48, 96)


def build_small_resnet(
    keras: ModuleType, images: Any, widths: tuple[int, ...] = WIDTHS
) -> "keras.Model":
    """Build the model from an image tensor to (N, height / 8, width / 8, the last width)."""
    x = _convolution(keras, images, widths[0], 3, 2, "stem")
    x = keras.layers.ReLU(name="stem_out")(x)
    for number, width in enumerate(widths, 1):
        if number > 1:
            x = convolution_block(keras, x, width, f"stage{number}_convolution")
        x = identity_block(keras, x, width, f"stage{number}_identity")
    return keras.Model(keras.utils.get_source_inputs(images), x)


def identity_block(keras: ModuleType, x: Any, width: int, name: str) -> Any:
    """Return relu(x + F(x)), where F is two 3 x 3 convolutions and learns the residual."""
    y = _convolution(keras, x, width, 3, 1, f"{name}_1")
    y = keras.layers.ReLU(name=f"{name}_relu")(y)
    y = _convolution(keras, y, width, 3, 1, f"{name}_2")
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([x, y]))


def convolution_block(keras: ModuleType, x: Any, width: int, name: str) -> Any:
    """Return relu(W x + F(x)) at half the size; W is a 1 x 1 convolution to the new width."""
    shortcut = _convolution(keras, x, width, 1, 2, f"{name}_0")
    y = _convolution(keras, x, width, 3, 2, f"{name}_1")
    y = keras.layers.ReLU(name=f"{name}_relu")(y)
    y = _convolution(keras, y, width, 3, 1, f"{name}_2")
    return keras.layers.ReLU(name=f"{name}_out")(
        keras.layers.Add(name=f"{name}_add")([shortcut, y])
    )


def build_classifier(
    model: "keras.Model", classes: int, *, multilabel: bool = False
) -> "keras.Model":
    """Add global average pooling and a linear layer to ``model``, and compile it for ``train``.

    Args:
        model: From images to a feature map.
        classes: K, the number of classes.
        multilabel: Whether targets are (N, K) of 1, 0 (difficult) and -1 and the loss is binary
            cross-entropy; otherwise targets are class indices and it is softmax cross-entropy.

    Returns:
        A model from images to logits (N, K).
    """
    import keras

    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(model.outputs[0])
    head = keras.layers.Dense(classes, kernel_initializer="zeros", name="head")(pooled)
    whole = keras.Model(model.inputs[0], head)
    loss = (
        _masked_bce if multilabel else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    whole.compile(keras.optimizers.Adam(1e-3), loss, metrics=[] if multilabel else ["accuracy"])
    return whole


def train(
    model: "keras.Model",
    images: np.ndarray,
    targets: np.ndarray,
    generator: np.random.Generator,
    *,
    epochs: int,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    watch: Callable[[int, dict[str, float]], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Train a model of ``build_classifier`` on shuffled images, half of them mirrored.

    The learning rate decays as a cosine. Batches are all of one size, so that one compiled step
    serves every epoch. Training resumes after the last epoch of ``checkpoint``, bit for bit.

    Args:
        model: The compiled model; its optimizer is reset.
        images: (N, height, width, 3).
        targets: (N,) or (N, K).
        generator: Draws order and mirroring.
        epochs: Number of epochs.
        batch_size: Images per batch.
        learning_rate: The initial learning rate.
        watch: Called with the epoch and its metrics after every epoch.
        checkpoint: Where to resume from.
    """
    checkpoint = checkpoint or Checkpoint()
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    restore_model(model, checkpoint)
    count = max(1, len(images) // batch_size) * batch_size
    for epoch in range(epochs):
        model.optimizer.learning_rate = learning_rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = np.resize(generator.permutation(len(images)), count)
        mirrored = generator.random(len(order)) < 0.5
        if epoch < checkpoint.epoch:
            continue
        views = images[order]
        views[mirrored] = views[mirrored][:, :, ::-1]
        done = model.fit(views, targets[order], batch_size=batch_size, shuffle=False, verbose=0)
        if watch:
            watch(epoch + 1, {name: float(values[-1]) for name, values in done.history.items()})
        checkpoint.save(epoch + 1, model_state(model))


def predict_logits(model: "keras.Model", images: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return the logits (N, K) of images, in batches of one size."""
    count = -(-len(images) // batch_size) * batch_size
    padded = np.resize(images, (count, *images.shape[1:]))
    return model.predict(padded, batch_size=batch_size, verbose=0)[: len(images)]


def _masked_bce(labels: Any, logits: Any) -> Any:
    """Return the binary cross-entropy over the labels that are not difficult."""
    from keras import ops

    known = ops.cast(labels != 0, logits.dtype)
    losses = ops.softplus(-ops.cast(labels, logits.dtype) * logits)
    return ops.sum(known * losses, axis=-1) / ops.maximum(1.0, ops.sum(known, axis=-1))


def _convolution(keras: ModuleType, x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    x = keras.layers.Conv2D(
        width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
