"""Neural nets in plain NumPy, written to be read with their equations: arrays -> y, backprop."""

from etabli.nn.gradient_check import gradient_check, numerical_gradient, relative_error
from etabli.nn.hessian import softmax_hessian
from etabli.nn.initializers import INITIALIZERS, normal, xavier, zeros
from etabli.nn.layers import linear, relu, sigmoid, softmax
from etabli.nn.losses import cross_entropy, one_hot, softmax_cross_entropy
from etabli.nn.optimizers import SGD

__all__ = [
    "INITIALIZERS",
    "SGD",
    "cross_entropy",
    "gradient_check",
    "linear",
    "normal",
    "numerical_gradient",
    "one_hot",
    "relative_error",
    "relu",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softmax_hessian",
    "xavier",
    "zeros",
]
