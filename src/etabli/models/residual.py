"""A small residual net: few enough weights to learn single drawn objects in seconds, built of ResNet's two blocks.

Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, sections 3.2 and 3.3.
"""

from collections.abc import Callable

import numpy as np

__all__ = ["convolution_block", "identity_block", "small_residual", "train_classifier"]

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
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([shortcut, y]))


def train_classifier(
    model,
    pictures: np.ndarray,
    targets: np.ndarray,
    *,
    epochs: int,
    batch: int = 32,
    rate: float = 2e-3,
    multilabel: bool = False,
    seed: int = 0,
    watch: Callable[[int, float, float], None] | None = None,
):
    """Train ``model`` (pictures to a map) with a linear layer on its averaged map; the layer comes back as a model.

    ``targets`` are class numbers (softmax), or with ``multilabel`` (N, K) of 1, 0 (difficult) and -1 (sigmoids).
    ``watch(epoch, loss, accuracy)`` is called after every epoch.
    """
    import keras

    keras.utils.set_random_seed(seed)
    count = targets.shape[1] if multilabel else int(targets.max()) + 1
    pooled = keras.layers.GlobalAveragePooling2D()(model.outputs[0])
    whole = keras.Model(model.inputs[0], keras.layers.Dense(count, name="head")(pooled))
    steps = epochs * -(-len(pictures) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(rate / 10, steps, warmup_target=rate, warmup_steps=steps // 10)
    loss = _masked_bce if multilabel else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = [] if multilabel else ["accuracy"]
    whole.compile(keras.optimizers.Adam(schedule), loss, metrics=metrics)
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: watch and watch(epoch + 1, logs["loss"], logs.get("accuracy", 0.0))
    )
    flips = pictures[:, :, ::-1]
    generator = np.random.default_rng(seed)
    for epoch in range(epochs):
        mirrored = generator.random(len(pictures)) < 0.5
        now = np.where(mirrored[:, None, None, None], flips, pictures)
        whole.fit(
            now,
            targets,
            batch_size=batch,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=0,
            callbacks=[report],
        )
    return whole


def _masked_bce(labels, logits):
    """Binary cross-entropy over the labels that are not difficult."""
    from keras import ops

    known = ops.cast(labels != 0, logits.dtype)
    losses = ops.softplus(-ops.cast(labels, logits.dtype) * logits)
    return ops.sum(known * losses, axis=-1) / ops.maximum(1.0, ops.sum(known, axis=-1))


def _convolution(keras, x, width: int, kernel: int, stride: int, name: str):
    x = keras.layers.Conv2D(width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
