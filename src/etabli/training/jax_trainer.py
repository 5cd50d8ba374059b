"""The training loop on JAX: dense nets one compiled scan an epoch, convolutional ones one compiled step a batch.

A convolution inside ``lax.scan`` is ten times slower on a CPU, so nets that have one take the second way, and their
convolutions and maxima are computed by `fast_convolution`.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from etabli.training import data_parallel
from etabli.training.kernels import convolution

if TYPE_CHECKING:
    import keras

    from etabli.training.keras_trainer import Course


class JaxLoop:
    """The state of a training as JAX arrays, and one epoch of it at a time."""

    def __init__(self, model: "keras.Model", course: "Course") -> None:
        import jax

        self.model, self.course = model, course
        self.groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        # copies: the compiled steps take over the memory of the state that they are given
        self.state = data_parallel.replicate(
            tuple(
                [jax.numpy.array(each.value, copy=True) for each in group] for group in self.groups
            )
        )
        step = _step(model)
        self.scans = not _has_convolution(model)
        self.step = data_parallel.jit_replicated(step, donate_argnums=0)
        self.scan = data_parallel.jit_replicated(partial(_scan, step), donate_argnums=0)
        self.labels = self._held(course.labels)
        self.images = self.seen = None

    def epoch(self, epoch: int) -> tuple[float, float]:
        """Train one epoch; returns the mean loss and the accuracy of its batches as they were met."""
        images, order = self._images(epoch), self.course.order(epoch)
        totals = self._scanned(images, order) if self.scans else self._stepped(images, order)
        loss, right = np.sum(totals, axis=0, dtype=np.float64)
        return loss / len(order), right / len(order)

    def write_back(self) -> None:
        """Give the model the weights, and the optimizer its state, as they are now."""
        import jax

        for group, values in zip(self.groups, self.state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(jax.numpy.array(data_parallel.to_host(value), copy=True))

    def _images(self, epoch: int):
        if self.course.augment is None and self.images is not None:
            return self.images
        self.seen = self.course.seen(epoch)
        self.images = self._held(self.seen)
        return self.images

    def _held(self, array: np.ndarray):
        """An array of all examples where it is needed: a scan deals out only the places of a batch."""
        import jax

        return data_parallel.replicate(jax.numpy.asarray(array)) if self.scans else array

    def _scanned(self, images, order: np.ndarray) -> np.ndarray:
        size = self.course.batch_size
        whole = len(order) // size * size
        totals = np.zeros((0, 2))
        if whole:
            self.state, each = self.scan(
                self.state,
                images,
                self.labels,
                data_parallel.shard_batch(order[:whole].reshape(-1, size), axis=1),
            )
            totals = np.asarray(each)
        if whole < len(order):
            rest = order[whole:]
            self.state, last = self.step(
                self.state,
                data_parallel.shard_batch(self.seen[rest]),
                data_parallel.shard_batch(self.course.labels[rest]),
            )
            totals = np.concatenate([totals, np.asarray(last)[None]])
        return totals

    def _stepped(self, images: np.ndarray, order: np.ndarray) -> np.ndarray:
        totals = []
        for start in range(0, len(order), self.course.batch_size):
            chosen = order[start : start + self.course.batch_size]
            self.state, each = self.step(
                self.state,
                data_parallel.shard_batch(images[chosen]),
                data_parallel.shard_batch(self.labels[chosen]),
            )
            totals.append(data_parallel.to_host(each))
        return np.asarray(totals)


def _scan(step, state, images, labels, order):
    import jax

    return jax.lax.scan(lambda now, chosen: step(now, images[chosen], labels[chosen]), state, order)


def _step(model: "keras.Model"):
    """(state, images, labels) -> the state after one update, and (summed loss, number right)."""
    import jax
    from keras import losses

    loss_of, forward, optimizer = losses.get(model.loss), forward_pass(model), model.optimizer
    mean = loss_of if isinstance(loss_of, losses.Loss) else lambda y, p: loss_of(y, p).mean()

    def loss(trainable, fixed, images, labels):
        outputs, fixed = forward(trainable, fixed, images)
        classes = labels.argmax(axis=-1) if labels.ndim == 2 else labels
        return mean(labels, outputs), (fixed, (outputs.argmax(axis=-1) == classes).sum())

    def step(state, images, labels):
        trainable, fixed, memory = state
        (value, (fixed, right)), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable, fixed, images, labels
        )
        trainable, memory = optimizer.stateless_apply(memory, gradients, trainable)
        return (trainable, fixed, memory), jax.numpy.stack(
            [value * len(images), right.astype(value.dtype)]
        )

    return step


def forward_pass(model: "keras.Model"):
    """(trainable, non-trainable, images) -> (outputs, non-trainable), in training, by the fast convolutions."""
    import keras

    if not isinstance(model, keras.Sequential):
        return lambda trainable, fixed, images: model.stateless_call(
            trainable, fixed, images, training=True
        )
    plan = _plan(model.layers)
    place = {id(variable): index for index, variable in enumerate(model.trainable_variables)}
    place_fixed = {
        id(variable): index for index, variable in enumerate(model.non_trainable_variables)
    }

    def forward(trainable, fixed, x):
        fixed = list(fixed)
        for layer, fast in plan:
            mine = [trainable[place[id(variable)]] for variable in layer.trainable_variables]
            if fast:
                x = fast(x, *mine)
                continue
            where = [place_fixed[id(variable)] for variable in layer.non_trainable_variables]
            x, after = layer.stateless_call(
                mine, [fixed[index] for index in where], x, **_training(layer)
            )
            for index, value in zip(where, after, strict=True):
                fixed[index] = value
        return x, fixed

    return forward


def _training(layer) -> dict[str, bool]:
    return {"training": True} if layer._call_has_training_arg else {}


def _plan(layers: list) -> list[tuple[object, object]]:
    """The layers in order of computation, each with its faster form ``(x, kernel, bias)`` where it has one.

    relu never changes which of four numbers is the largest, so it may come after the maximum.
    """
    plan, rest = [], list(layers)
    while rest:
        layer = rest.pop(0)
        between = rest[:1] if rest and _is_relu(rest[0]) else []
        pool = rest[len(between)] if len(rest) > len(between) else None
        if _is_plain_convolution(layer) and _is_pool(pool) and _worth_folding(layer):
            plan.append((layer, _biased(convolution.pooled_convolution)))
            plan.extend((each, None) for each in between)
            rest = rest[len(between) + 1 :]
        elif _is_plain_convolution(layer):
            plan.append((layer, _biased(convolution.convolution())))
        else:
            plan.append((layer, convolution.maximum_of_blocks if _is_pool(layer) else None))
    return plan


def _biased(convolve):
    return lambda x, kernel, bias=0: convolve(x, kernel) + bias


def _worth_folding(layer) -> bool:
    """A folded kernel multiplies (k + 1)^2 numbers where k^2 would do: too many more for a small one."""
    return layer.kernel_size[0] >= 5 and convolution.folds(
        *layer.input.shape[1:3], layer.kernel_size[0]
    )


def _is_relu(layer) -> bool:
    import keras

    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu


def _is_pool(layer) -> bool:
    import keras

    return (
        isinstance(layer, keras.layers.MaxPooling2D)
        and (tuple(layer.pool_size), tuple(layer.strides), layer.padding)
        == ((2, 2), (2, 2), "valid")
        and layer.data_format == "channels_last"
        and all(size % 2 == 0 for size in layer.input.shape[1:3])
    )


def _is_plain_convolution(layer) -> bool:
    import keras

    return (
        type(layer) is keras.layers.Conv2D
        and layer.activation is keras.activations.linear
        and (tuple(layer.strides), tuple(layer.dilation_rate), layer.padding)
        == ((1, 1), (1, 1), "valid")
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.kernel_size[0] == layer.kernel_size[1]
    )


def _has_convolution(model: "keras.Model") -> bool:
    import keras

    kinds = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
    return any(isinstance(layer, kinds) for layer in model.layers)
