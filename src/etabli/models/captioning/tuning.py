"""Joint training of a captioner and of the upper layers of the net that computes its region maps.

The outputs of the last frozen layer are stored; the layers above it (the tail) are trained together
with the captioner, at a share of its learning rate that decreases towards the lower layers. Each
image passes through the tail once for all of its captions. Batch normalization stays in inference
mode, as in ``etabli.models.vision.finetune``.

The weights of both are in one dictionary, those of the tail under ``tail/layer/variable``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.models.captioning.attention import Parameters
from etabli.models.captioning.train import TrainConfig, make_batch_loss
from etabli.training.devices import find_device, plan_work
from etabli.training.kernels.convolution import accelerate

if TYPE_CHECKING:
    import keras

PREFIX = "tail/"
IMAGES_PER_BATCH = 50


class Tail:
    """The layers of ``model`` above ``layer``: stored outputs of ``layer`` -> maps (N, L, D).

    ``weights`` are the trained arrays; ``rates`` the share of the learning rate of each, from
    ``lower_rate`` at the lowest layer to 1 at the top, linear in the depth. On a CPU, kernels of
    depthwise convolutions are not trained: few weights, and a third of the time.
    """

    def __init__(self, model: "keras.Model", layer: str, lower_rate: float = 0.3) -> None:
        import keras

        self.part = keras.Model(model.get_layer(layer).output, model.outputs[0], name="tail")
        is_on_cpu = plan_work(find_device()).uses_cpu_kernels
        self.twin = accelerate(self.part, replaces_layers=is_on_cpu)
        self.weights: Parameters = {}
        self.rates: dict[str, float] = {}
        self._variables, top = {}, max(1, len(self.part.layers) - 1)
        for depth, (ours, theirs) in enumerate(
            zip(self.part.layers, self.twin.layers, strict=True)
        ):
            if type(ours).__name__ == "DepthwiseConv2D":
                theirs.trainable = False
                continue
            for variable in ours.trainable_variables:
                name = f"{PREFIX}{ours.name}/{variable.name}"
                self.weights[name] = np.array(variable.value)
                self.rates[name] = lower_rate + (1 - lower_rate) * depth / top
                self._variables[name] = variable
        self._fixed = [np.array(each.value) for each in self.twin.non_trainable_variables]
        self._compiled: Callable | None = None

    def apply(self, weights: Parameters, stored: Any) -> Any:
        """Return the region maps (N, L, D) of stored outputs (N, h, w, C), differentiably."""
        import jax.numpy as jnp

        trained = [weights[name] for name in self.weights]
        stored = jnp.asarray(stored, jnp.float32)
        maps, _fixed = self.twin.stateless_call(trained, self._fixed, stored, training=False)
        return maps.reshape(len(stored), -1, maps.shape[-1])

    def compute_maps(self, weights: Parameters, stored: np.ndarray) -> np.ndarray:
        """Return the region maps (N, L, D) float16 of all images."""
        import jax

        self._compiled = self._compiled or jax.jit(self.apply)
        trained, parts = {name: weights[name] for name in self.weights}, []
        for first in range(0, len(stored), IMAGES_PER_BATCH):
            part = stored[first : first + IMAGES_PER_BATCH]
            whole = np.resize(part, (IMAGES_PER_BATCH, *part.shape[1:]))
            maps = np.asarray(self._compiled(trained, whole), np.float16)
            parts.append(maps[: len(part)])
        return np.concatenate(parts)

    def assign(self, weights: Parameters) -> None:
        """Put trained weights into the model that the tail is a part of."""
        for name, variable in self._variables.items():
            variable.assign(weights[name])


def make_joint_loss(tail: Tail, config: TrainConfig, is_tail_frozen: bool = False) -> Callable:
    """Return (weights, stored, captions, key) -> mean loss per word of a batch, for ``train``.

    A frozen tail gets a gradient of zero.
    """
    import jax

    loss = make_batch_loss(config)

    def joint(weights: Parameters, stored: Any, captions: Any, key: Any) -> Any:
        read = jax.lax.stop_gradient(weights) if is_tail_frozen else weights
        return loss(weights, tail.apply(read, stored), captions, key)

    return joint


def share_rates(tail: Tail, decoder: Parameters, encoder_rate: float) -> dict[str, float]:
    """Return the share of the learning rate of each array, ``encoder_rate`` at the tail's top."""
    rates = {name: encoder_rate * share for name, share in tail.rates.items()}
    return dict.fromkeys(decoder, 1.0) | rates


def split_weights(weights: Parameters) -> tuple[Parameters, Parameters]:
    """Return the arrays of the captioner and those of the tail."""
    is_tail = {name: name.startswith(PREFIX) for name in weights}
    return (
        {name: array for name, array in weights.items() if not is_tail[name]},
        {name: array for name, array in weights.items() if is_tail[name]},
    )
