"""The training loop on JAX: one compiled scan per epoch, or one compiled step per batch.

A convolution inside ``lax.scan`` is ten times slower on a CPU, hence the second way there;
convolutions and max-pooling are computed by ``kernels.convolution``. On a GPU every epoch is a
scan, of the layers as Keras has them.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.progress import report_within_epoch
from etabli.training import data_parallel, devices
from etabli.training.data_loader import DataLoader
from etabli.training.kernels import convolution

if TYPE_CHECKING:
    import keras

__all__ = ["JaxTrainer", "make_forward", "plan_layers"]


class JaxTrainer:
    """The state of a training as JAX arrays, advanced one epoch at a time."""

    def __init__(self, model: "keras.Model", loader: DataLoader) -> None:
        import jax

        self.loader = loader
        self.groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        # Copies: the compiled steps are donated the buffers of the state.
        self.state = data_parallel.replicate(
            tuple(
                [jax.numpy.array(each.value, copy=True) for each in group] for group in self.groups
            )
        )
        step = _make_step(model)
        plan = devices.plan_work(devices.find_device())
        self.is_scanned = plan.scans_convolutions or not _has_convolution(model)
        self.step = data_parallel.jit_replicated(step, donate_argnums=0)
        self.scan = data_parallel.jit_replicated(partial(_scan, step), donate_argnums=0)
        self.labels = self._put(loader.labels)
        self.images: Any = None
        self.host_images = loader.images

    def train_epoch(self, epoch: int) -> tuple[float, float]:
        """Train one epoch.

        Return the mean loss and accuracy of its batches, measured before each update.
        """
        images, order = self._load_images(epoch), self.loader.shuffle(epoch)
        run = self._run_scan if self.is_scanned else self._run_steps
        totals = run(images, order)
        loss, right = totals.sum(axis=0, dtype=np.float64)
        return loss / len(order), right / len(order)

    def write_back(self) -> None:
        """Assign the current weights and optimizer state to the model."""
        import jax

        for group, values in zip(self.groups, self.state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(jax.numpy.array(data_parallel.to_host(value), copy=True))

    def _load_images(self, epoch: int) -> Any:
        if self.images is None or self.loader.augment is not None:
            self.host_images = self.loader.load_images(epoch)
            self.images = self._put(self.host_images)
        return self.images

    def _put(self, array: np.ndarray) -> Any:
        """All examples on every device for a scan, which shards only the indices of a batch.

        Else as they are.
        """
        import jax

        return data_parallel.replicate(jax.numpy.asarray(array)) if self.is_scanned else array

    def _run_scan(self, images: Any, order: np.ndarray) -> np.ndarray:
        size = self.loader.batch_size
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
                data_parallel.shard_batch(self.host_images[rest]),
                data_parallel.shard_batch(self.loader.labels[rest]),
            )
            totals = np.concatenate([totals, np.asarray(last)[None]])
        return totals

    def _run_steps(self, images: np.ndarray, order: np.ndarray) -> np.ndarray:
        totals = []
        for start in range(0, len(order), self.loader.batch_size):
            chosen = order[start : start + self.loader.batch_size]
            self.state, each = self.step(
                self.state,
                data_parallel.shard_batch(images[chosen]),
                data_parallel.shard_batch(self.labels[chosen]),
            )
            totals.append(data_parallel.to_host(each))
            done = start + len(chosen)
            report_within_epoch(done / len(order), _means, totals, done)
        return np.asarray(totals)


def _means(totals: list, n_examples: int) -> dict[str, float]:
    """Return the mean loss and accuracy of the batches of an epoch so far."""
    loss, right = np.asarray(totals).sum(axis=0, dtype=np.float64)
    return {"loss": loss / n_examples, "accuracy": right / n_examples}


def _scan(step: Callable, state: Any, images: Any, labels: Any, order: Any) -> Any:
    import jax

    return jax.lax.scan(lambda now, chosen: step(now, images[chosen], labels[chosen]), state, order)


def _make_step(model: "keras.Model") -> Callable:
    """Return (state, images, labels) -> (state after one update, [summed loss, correct
    predictions])."""
    import jax
    from keras import losses

    loss_of, forward, optimizer = losses.get(model.loss), make_forward(model), model.optimizer
    mean = loss_of if isinstance(loss_of, losses.Loss) else lambda y, p: loss_of(y, p).mean()

    def loss(trainable: list, fixed: list, images: Any, labels: Any) -> Any:
        outputs, fixed = forward(trainable, fixed, images)
        classes = labels.argmax(axis=-1) if labels.ndim == 2 else labels
        return mean(labels, outputs), (fixed, (outputs.argmax(axis=-1) == classes).sum())

    def step(state: tuple, images: Any, labels: Any) -> tuple:
        trainable, fixed, optimizer_state = state
        (value, (fixed, right)), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable, fixed, images, labels
        )
        trainable, optimizer_state = optimizer.stateless_apply(
            optimizer_state, gradients, trainable
        )
        totals = jax.numpy.stack([value * len(images), right.astype(value.dtype)])
        return (trainable, fixed, optimizer_state), totals

    return step


def make_forward(model: "keras.Model") -> Callable:
    """Return (trainable, non-trainable, images) -> (outputs, non-trainable), in training mode."""
    import keras

    if not isinstance(model, keras.Sequential):
        return lambda trainable, fixed, images: model.stateless_call(
            trainable, fixed, images, training=True
        )
    fast_layers = plan_layers(model.layers, devices.plan_work(devices.find_device()))
    place = {id(variable): index for index, variable in enumerate(model.trainable_variables)}
    place_fixed = {
        id(variable): index for index, variable in enumerate(model.non_trainable_variables)
    }

    def forward(trainable: list, fixed: list, x: Any) -> tuple:
        fixed = list(fixed)
        for layer, fast in fast_layers:
            mine = [trainable[place[id(variable)]] for variable in layer.trainable_variables]
            if fast:
                x = fast(x, *mine)
                continue
            where = [place_fixed[id(variable)] for variable in layer.non_trainable_variables]
            training = {"training": True} if layer._call_has_training_arg else {}
            x, after = layer.stateless_call(mine, [fixed[index] for index in where], x, **training)
            for index, value in zip(where, after, strict=True):
                fixed[index] = value
        return x, fixed

    return forward


def plan_layers(layers: list, work: devices.WorkPlan) -> list[tuple[Any, Callable | None]]:
    """Return the layers, each with its faster form ``(x, kernel, bias)`` where it has one.

    ReLU is monotonic, so it may follow the maximum: it then sees a quarter of the numbers.
    """
    if not work.uses_cpu_kernels:
        return [(layer, None) for layer in layers]
    plan: list[tuple[Any, Callable | None]] = []
    rest = list(layers)
    while rest:
        layer = rest.pop(0)
        between = rest[:1] if rest and _is_relu(rest[0]) else []
        pool = rest[len(between)] if len(rest) > len(between) else None
        if _is_plain_convolution(layer) and _is_pool(pool) and _is_worth_folding(layer):
            plan.append((layer, _add_bias(convolution.convolve_and_pool)))
            plan.extend((each, None) for each in between)
            rest = rest[len(between) + 1 :]
        elif _is_plain_convolution(layer):
            plan.append((layer, _add_bias(convolution.make_convolution(layer.strides[0]))))
        else:
            plan.append((layer, convolution.max_pool_2x2 if _is_pool(layer) else None))
    return plan


def _add_bias(convolve: Callable) -> Callable:
    return lambda x, kernel, bias=0: convolve(x, kernel) + bias


def _is_worth_folding(layer: Any) -> bool:
    """A folded kernel has (k + 1)^2 weights in place of k^2, too many more for a small one."""
    (_batch, height, width, _channels), size = layer.input.shape, layer.kernel_size[0]
    is_dense = tuple(layer.strides) == (1, 1)
    return is_dense and size >= 5 and convolution.can_fold(height, width, size)


def _is_relu(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu


def _is_pool(layer: Any) -> bool:
    import keras

    return (
        isinstance(layer, keras.layers.MaxPooling2D)
        and (tuple(layer.pool_size), tuple(layer.strides), layer.padding)
        == ((2, 2), (2, 2), "valid")
        and layer.data_format == "channels_last"
        and all(size % 2 == 0 for size in layer.input.shape[1:3])
    )


def _is_plain_convolution(layer: Any) -> bool:
    import keras

    return (
        type(layer) is keras.layers.Conv2D
        and layer.activation is keras.activations.linear
        and (tuple(layer.dilation_rate), layer.padding) == ((1, 1), "valid")
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.kernel_size[0] == layer.kernel_size[1]
        and layer.strides[0] == layer.strides[1]
    )


def _has_convolution(model: "keras.Model") -> bool:
    import keras

    kinds = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
    return any(isinstance(layer, kinds) for layer in model.layers)
