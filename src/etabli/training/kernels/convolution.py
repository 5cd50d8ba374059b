"""Convolution and max-pooling as matrix products, for training on a CPU with JAX.

XLA's gradients of max-pooling (``reduce_window``) and of convolutions are slow on a CPU. Here

- a convolution is the product of the image's patches with the kernel (``make_convolution``);
- 2 x 2 max-pooling compares four strided views (``max_pool_2x2``); equal maxima share the gradient
  equally;
- a large kernel followed by pooling computes each 2 x 2 block of outputs at once
  (``convolve_and_pool``): a k x k convolution C -> O is a (k + 1) / 2 convolution 4C -> 4O of the
  space-to-depth image, then a maximum over four.

``accelerate`` replaces pointwise and depthwise layers of a Keras model by faster ones: XLA's CPU
gradient of a depthwise convolution is a slow loop, and its 1 x 1 convolution is slower than a
matrix product. Names and weights stay the same.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras


def can_fold(height: int, width: int, kernel: int) -> bool:
    """Return whether ``convolve_and_pool`` applies (to sizes 28 and 12 with kernel 5, for
    example)."""
    return kernel % 2 == 1 and height % 2 == 0 and width % 2 == 0 and min(height, width) > kernel


def space_to_depth(images: Any) -> Any:
    """Return (B, H/2, W/2, 4C) of (B, H, W, C): each 2 x 2 block of pixels as the channels of
    one."""
    batch, height, width, channels = images.shape
    blocks = images.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // 2, width // 2, 4 * channels)


def fold_kernel(kernel: Any) -> Any:
    """Return (m, m, 4C, 4O), m = (k + 1) / 2, of (k, k, C, O): the kernel at the four offsets of a
    block."""
    import jax.numpy as jnp

    size, _, inputs, outputs = kernel.shape
    shifted = [
        jnp.pad(kernel, ((row, 1 - row), (column, 1 - column), (0, 0), (0, 0)))
        for row in range(2)
        for column in range(2)
    ]
    m = (size + 1) // 2
    folded = jnp.stack(shifted, axis=-2).reshape(m, 2, m, 2, inputs, 4 * outputs)
    return folded.transpose(0, 2, 1, 3, 4, 5).reshape(m, m, 4 * inputs, 4 * outputs)


def extract_patches(images: Any, size: int, stride: int = 1) -> Any:
    """Return the patches (B, H', W', k * k * C) of images (B, H, W, C) (im2col).

    Without a stride H' is H - k + 1.
    """
    import jax.numpy as jnp

    height, width = images.shape[1] - size + 1, images.shape[2] - size + 1
    windows = [
        images[:, i : i + height : stride, j : j + width : stride]
        for i in range(size)
        for j in range(size)
    ]
    return jnp.concatenate(windows, axis=-1)


def multiply_narrow_first(first: Any, second: Any) -> Any:
    """Return first' second, of long and narrow matrices, the narrower one as the first factor.

    That is a third to a half faster, with the same bits (decision 0010).
    """
    import jax

    if first.shape[1] <= second.shape[1]:
        return first.T @ second
    # The barrier keeps XLA from undoing it.
    return jax.lax.optimization_barrier(second.T @ first).T


@cache
def make_convolution(stride: int = 1) -> "Callable":
    """Return (images, kernel) -> valid convolution, with y = P w, dw = P' dy, dP = dy w'.

    P are the patches.
    """
    import jax

    @jax.custom_vjp
    def convolve(images: Any, kernel: Any) -> Any:
        return forward(images, kernel)[0]

    def forward(images: Any, kernel: Any) -> tuple:
        patches, unpatch = jax.vjp(lambda x: extract_patches(x, len(kernel), stride), images)
        rows = patches.reshape(-1, patches.shape[-1])
        outputs = rows @ kernel.reshape(rows.shape[-1], -1)
        return outputs.reshape(*patches.shape[:3], -1), (rows, unpatch, kernel)

    def backward(saved: tuple, gradient: Any) -> tuple:
        patches, unpatch, kernel = saved
        rows = gradient.reshape(len(patches), -1)
        gradient_of_kernel = multiply_narrow_first(patches, rows)
        (images,) = unpatch(
            (rows @ kernel.reshape(patches.shape[-1], -1).T).reshape(*gradient.shape[:3], -1)
        )
        return images, gradient_of_kernel.reshape(kernel.shape)

    convolve.defvjp(forward, backward)
    return convolve


def convolve_and_pool(images: Any, kernel: Any) -> Any:
    """Return the 2 x 2 max-pooled valid convolution of (B, H, W, C) with (k, k, C, O)."""
    outputs = make_convolution()(space_to_depth(images), fold_kernel(kernel))
    return _maximum_of_four()(outputs.reshape(*outputs.shape[:3], 4, kernel.shape[-1]))


def max_pool_2x2(images: Any) -> Any:
    """Return the maximum (B, H, W, C) of each 2 x 2 block of (B, 2H, 2W, C)."""
    batch, height, width, channels = images.shape
    blocks = space_to_depth(images)
    return _maximum_of_four()(blocks.reshape(batch, height // 2, width // 2, 4, channels))


@cache
def _maximum_of_four() -> "Callable":
    """(B, H, W, 4, C) -> the maximum over the four, (B, H, W, C)."""
    import jax

    @jax.custom_vjp
    def maximum(outputs: Any) -> Any:
        return outputs.max(axis=3)

    def forward(outputs: Any) -> tuple:
        highest = outputs.max(axis=3)
        return highest, (outputs, highest)

    def backward(saved: tuple, gradient: Any) -> tuple:
        outputs, highest = saved
        is_highest = outputs == highest[:, :, :, None]
        share = gradient / is_highest.sum(axis=3)  # ties share the gradient equally
        return (jax.numpy.where(is_highest, share[:, :, :, None], 0),)

    maximum.defvjp(forward, backward)
    return maximum


def accelerate(
    model: "keras.Model", dtype: str | None = None, replaces_layers: bool = True
) -> "keras.Model":
    """Return a copy of ``model`` with fast layers and the same weights.

    ``dtype`` is a Keras dtype policy; without ``replaces_layers`` only that is changed.
    """
    import keras

    pointwise, depthwise = _layers()

    def replace(layer: Any) -> Any:
        config = layer.get_config()
        if dtype is not None and isinstance(layer, keras.Layer):
            config["dtype"] = dtype
        if not replaces_layers:
            return layer.__class__.from_config(config)
        if type(layer) is keras.layers.Conv2D and layer.kernel_size == (1, 1) and layer.groups == 1:
            return pointwise.from_config(config)
        if type(layer) is keras.layers.DepthwiseConv2D and layer.depth_multiplier == 1:
            return depthwise.from_config(config)
        return layer.__class__.from_config(config)

    copy = keras.models.clone_model(model, clone_function=replace)
    copy.set_weights(model.get_weights())
    return copy


@cache
def _layers() -> tuple[Any, Any]:
    import keras
    from keras import ops

    class PointwiseConv2D(keras.layers.Conv2D):
        """A 1 x 1 convolution as a matrix product."""

        def call(self, inputs: Any) -> Any:
            down, right = self.strides
            outputs = ops.matmul(inputs[:, ::down, ::right], self.kernel[0, 0])
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    class ShiftedDepthwiseConv2D(keras.layers.DepthwiseConv2D):
        """y = sum over i, j of w[i, j] * (x shifted by i, j): elementwise operations on whole
        maps."""

        def call(self, inputs: Any) -> Any:
            (rows, columns), (down, right) = self.kernel_size, self.strides
            height, width = inputs.shape[1:3]
            if self.padding == "same":
                vertical, horizontal = _same(height, rows, down), _same(width, columns, right)
                inputs = ops.pad(inputs, ((0, 0), vertical, horizontal, (0, 0)))
                height, width = inputs.shape[1:3]
            bottom, end = height - rows + 1, width - columns + 1
            outputs = sum(
                inputs[:, i : i + bottom : down, j : j + end : right] * self.kernel[i, j, :, 0]
                for i in range(rows)
                for j in range(columns)
            )
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    return PointwiseConv2D, ShiftedDepthwiseConv2D


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """The padding before and after of Keras' "same": an odd one goes behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
