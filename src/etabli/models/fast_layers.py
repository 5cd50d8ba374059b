"""Layers that compute what Keras's own do, several times faster where a net is trained on a CPU.

XLA's CPU gradient of a depthwise convolution is a slow loop, and its 1 x 1 convolution loses to a matrix product.
The layers keep names and weights of those they stand in for: a net trains in one form and is saved in the other.
"""

from functools import cache

__all__ = ["accelerated"]


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
                inputs = ops.pad(inputs, ((0, 0), _same(height, rows, down), _same(width, columns, right), (0, 0)))
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
