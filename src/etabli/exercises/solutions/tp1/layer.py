import numpy as np

ACTIVATION = "sigmoid"


def layer(x, W, b):
    a = x @ W + b
    if ACTIVATION == "sigmoid":
        h = 1 / (1 + np.exp(-a))
    elif ACTIVATION == "tanh":
        h = np.tanh(a)
    else:
        h = np.maximum(a, 0)
    return h


def layer_backward(dh, h, x, W):
    if ACTIVATION == "sigmoid":
        da = dh * h * (1 - h)
    elif ACTIVATION == "tanh":
        da = dh * (1 - h**2)
    else:
        da = dh * (h > 0)
    dx = da @ W.T
    dW = x.T @ da
    db = da.sum(axis=0)
    return dx, dW, db
