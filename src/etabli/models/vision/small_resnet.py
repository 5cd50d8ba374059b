"""A small residual net: few enough weights to learn single drawn objects in seconds, built of ResNet's two blocks.

Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, sections 3.2 and 3.3.
"""

from collections.abc import Callable

import numpy as np

from etabli.training import checkpoint
from etabli.training.checkpoint import Checkpoint

__all__ = ["classifier", "convolution_block", "identity_block", "logits", "small_residual", "teach"]

WIDTHS = (24, 48, 96)


def small_residual(keras, pictures):
    """The ``keras.Model`` from a tensor of pictures to (N, height / 8, width / 8, 96)."""
    x = _convolution(keras, pictures, WIDTHS[0], 3, 2, "stem")
    x = keras.layers.ReLU(name="stem_out")(x)
    for number, width in enumerate(WIDTHS, 1):
        if number > 1:
            x = convolution_block(keras, x, width, f"stage{number}_convolution")
        x = identity_block(keras, x, width, f"stage{number}_identity")
    return keras.Model(keras.utils.get_source_inputs(pictures), x)


def identity_block(keras, x, width: int, name: str):
    """x + F(x), F two 3 x 3 convolutions: the input passes unchanged, so that F learns what is to be added."""
    y = _convolution(keras, x, width, 3, 1, f"{name}_1")
    y = keras.layers.ReLU(name=f"{name}_relu")(y)
    y = _convolution(keras, y, width, 3, 1, f"{name}_2")
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([x, y]))


def convolution_block(keras, x, width: int, name: str):
    """W x + F(x) at half the size: a 1 x 1 convolution brings the shortcut to the new width."""
    shortcut = _convolution(keras, x, width, 1, 2, f"{name}_0")
    y = _convolution(keras, x, width, 3, 2, f"{name}_1")
    y = keras.layers.ReLU(name=f"{name}_relu")(y)
    y = _convolution(keras, y, width, 3, 1, f"{name}_2")
    return keras.layers.ReLU(name=f"{name}_out")(
        keras.layers.Add(name=f"{name}_add")([shortcut, y])
    )


def classifier(model, classes: int, *, multilabel: bool = False):
    """``model`` (pictures to a map), its map averaged, and a linear layer: logits (N, K), compiled for ``teach``.

    The loss is softmax cross-entropy on class numbers, or with ``multilabel`` sigmoids' on 1, 0 (difficult), -1.
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


def teach(
    whole,
    pictures: np.ndarray,
    targets: np.ndarray,
    generator: np.random.Generator,
    *,
    epochs: int,
    batch: int = 32,
    rate: float = 2e-3,
    watch: Callable[[int, dict[str, float]], None] | None = None,
    memory: Checkpoint | None = None,
) -> None:
    """Train a ``classifier`` on shuffled, mirrored pictures, the rate falling as a cosine, from a fresh optimizer.

    Only whole batches are taken, so that one compiled step serves every pass. ``watch(epoch, numbers)`` follows.
    With a ``memory`` an interrupted training goes on after its last whole epoch, to the same weights bit for bit.
    """
    memory = memory or Checkpoint()
    for variable in whole.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    checkpoint.resume(whole, memory)
    whole_batches = max(1, len(pictures) // batch) * batch
    for epoch in range(epochs):
        whole.optimizer.learning_rate = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = np.resize(generator.permutation(len(pictures)), whole_batches)
        mirrored = generator.random(len(order)) < 0.5
        if epoch < memory.done:
            continue
        now = pictures[order]
        now[mirrored] = now[mirrored][:, :, ::-1]
        done = whole.fit(now, targets[order], batch_size=batch, shuffle=False, verbose=0)
        if watch:
            watch(epoch + 1, {name: float(values[-1]) for name, values in done.history.items()})
        memory.keep(epoch + 1, checkpoint.arrays(whole))


def logits(whole, pictures: np.ndarray, batch: int = 32) -> np.ndarray:
    """The logits of many pictures, in batches of one size."""
    filled = np.resize(pictures, (-(-len(pictures) // batch) * batch, *pictures.shape[1:]))
    return whole.predict(filled, batch_size=batch, verbose=0)[: len(pictures)]


def _masked_bce(labels, logits):
    """Binary cross-entropy over the labels that are not difficult."""
    from keras import ops

    known = ops.cast(labels != 0, logits.dtype)
    losses = ops.softplus(-ops.cast(labels, logits.dtype) * logits)
    return ops.sum(known * losses, axis=-1) / ops.maximum(1.0, ops.sum(known, axis=-1))


def _convolution(keras, x, width: int, kernel: int, stride: int, name: str):
    x = keras.layers.Conv2D(
        width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
