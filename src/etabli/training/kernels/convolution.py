"""Convolution and max-pooling for training on a CPU with JAX: matrix products over contiguous memory, both ways.

XLA's gradients of max-pooling (``reduce_window``) and of convolutions are slow on a CPU. Here

- a convolution is the product of the patches that it sees with its kernel (`convolution`);
- a 2 x 2 maximum compares four strided views, and sends the gradient where the maximum was (`maximum_of_blocks`);
- a large kernel followed by pooling computes each 2 x 2 block of outputs at once: a k x k convolution C -> O is a
  (k + 1) / 2 convolution 4C -> 4O of the image folded by two, then a maximum over four (`pooled_convolution`).

Where several numbers share a maximum, they share its gradient equally.

Layers that compute what Keras's own do, several times faster where a net is trained on a CPU.

XLA's CPU gradient of a depthwise convolution is a slow loop, and its 1 x 1 convolution loses to a matrix product.
The layers keep names and weights of those they stand in for: a net trains in one form and is saved in the other.
"""

from functools import cache


def folds(height: int, width: int, kernel: int) -> bool:
    """Whether images and kernel have sizes that fold by two without a remainder (28 and 12 with 5: yes)."""
    return kernel % 2 == 1 and height % 2 == 0 and width % 2 == 0 and min(height, width) > kernel


def fold(images):
    """(B, H, W, C) -> (B, H/2, W/2, 4C): every 2 x 2 block of pixels becomes the channels of one pixel."""
    batch, height, width, channels = images.shape
    blocks = images.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // 2, width // 2, 4 * channels)


def fold_kernel(kernel):
    """(k, k, C, O) -> (m, m, 4C, 4O) with m = (k + 1) / 2: the kernel at each of the four places of a block."""
    import jax.numpy as jnp

    size, _, inputs, outputs = kernel.shape
    places = [
        jnp.pad(kernel, ((row, 1 - row), (column, 1 - column), (0, 0), (0, 0)))
        for row in range(2)
        for column in range(2)
    ]
    m = (size + 1) // 2
    folded = jnp.stack(places, axis=-2).reshape(m, 2, m, 2, inputs, 4 * outputs)
    return folded.transpose(0, 2, 1, 3, 4, 5).reshape(m, m, 4 * inputs, 4 * outputs)


def patches(images, size: int):
    """(B, H, W, C) -> (B, H - k + 1, W - k + 1, k * k * C): what each place of a k x k window sees."""
    import jax.numpy as jnp

    height, width = images.shape[1] - size + 1, images.shape[2] - size + 1
    windows = [images[:, i : i + height, j : j + width] for i in range(size) for j in range(size)]
    return jnp.concatenate(windows, axis=-1)


@cache
def convolution():
    """The function ``(images, kernel) -> valid convolution``: y = P w, dw = P' dy, dP = dy w'."""
    import jax

    @jax.custom_vjp
    def convolve(images, kernel):
        return forward(images, kernel)[0]

    def forward(images, kernel):
        seen, unpatch = jax.vjp(lambda x: patches(x, len(kernel)), images)
        rows = seen.reshape(-1, seen.shape[-1])
        outputs = rows @ kernel.reshape(rows.shape[-1], -1)
        return outputs.reshape(*seen.shape[:3], -1), (rows, unpatch, kernel)

    def backward(kept, gradient):
        seen, unpatch, kernel = kept
        rows = gradient.reshape(len(seen), -1)
        # (dy' P)' runs a third faster than P' dy; the barrier keeps XLA from turning it round again
        turned = jax.lax.optimization_barrier(rows.T @ seen)
        (images,) = unpatch(
            (rows @ kernel.reshape(seen.shape[-1], -1).T).reshape(*gradient.shape[:3], -1)
        )
        return images, turned.T.reshape(kernel.shape)

    convolve.defvjp(forward, backward)
    return convolve


def pooled_convolution(images, kernel):
    """(B, H, W, C), (k, k, C, O) -> (B, (H - k + 1) / 2, (W - k + 1) / 2, O): the maxima over 2 x 2 blocks."""
    outputs = convolution()(fold(images), fold_kernel(kernel))
    return _maximum_of_four()(outputs.reshape(*outputs.shape[:3], 4, kernel.shape[-1]))


def maximum_of_blocks(images):
    """(B, 2H, 2W, C) -> (B, H, W, C): the maximum of each 2 x 2 block."""
    batch, height, width, channels = images.shape
    folded = fold(images)
    return _maximum_of_four()(folded.reshape(batch, height // 2, width // 2, 4, channels))


@cache
def _maximum_of_four():
    import jax

    @jax.custom_vjp
    def maximum(outputs):
        return outputs.max(axis=3)

    def forward(outputs):
        highest = outputs.max(axis=3)
        return highest, (outputs, highest)

    def backward(kept, gradient):
        outputs, highest = kept
        here = outputs == highest[:, :, :, None]
        shared = gradient / here.sum(axis=3)
        return (jax.numpy.where(here, shared[:, :, :, None], 0),)

    maximum.defvjp(forward, backward)
    return maximum


def accelerated(model, dtype: str | None = None):
    """A twin of ``model`` with fast layers and a copy of its weights; ``dtype`` is a Keras policy for its layers."""
    import keras

    pointwise, depthwise = _layers()

    def faster(layer):
        config = layer.get_config()
        if dtype is not None and isinstance(layer, keras.Layer):
            config["dtype"] = dtype
        if type(layer) is keras.layers.Conv2D and layer.kernel_size == (1, 1) and layer.groups == 1:
            return pointwise.from_config(config)
        if type(layer) is keras.layers.DepthwiseConv2D and layer.depth_multiplier == 1:
            return depthwise.from_config(config)
        return layer.__class__.from_config(config)

    twin = keras.models.clone_model(model, clone_function=faster)
    twin.set_weights(model.get_weights())
    return twin


@cache
def _layers():
    import keras
    from keras import ops

    class PointwiseConv2D(keras.layers.Conv2D):
        """A 1 x 1 convolution as the matrix product that it is."""

        def call(self, inputs):
            down, right = self.strides
            outputs = ops.matmul(inputs[:, ::down, ::right], self.kernel[0, 0])
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    class ShiftedDepthwiseConv2D(keras.layers.DepthwiseConv2D):
        """y = sum over i, j of w[i, j] * (x moved by i, j): products and sums of whole maps."""

        def call(self, inputs):
            (rows, columns), (down, right) = self.kernel_size, self.strides
            height, width = inputs.shape[1:3]
            if self.padding == "same":
                inputs = ops.pad(
                    inputs,
                    ((0, 0), _same(height, rows, down), _same(width, columns, right), (0, 0)),
                )
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
    """Zeros before and after, as Keras's "same" puts them: the odd one behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
