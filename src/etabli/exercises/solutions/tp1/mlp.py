import numpy as np

LOSS = "mean"


def forward_mlp(batch, Wh, bh, Wy, by):
    H = 1 / (1 + np.exp(-(batch @ Wh + bh)))
    z = H @ Wy + by
    e = np.exp(z - z.max(axis=1, keepdims=True))
    Y_hat = e / e.sum(axis=1, keepdims=True)
    return Y_hat, H


def backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by):
    n = len(batch) if LOSS == "mean" else 1
    delta = (Y_hat - Y) / n
    grad_Wy = H.T @ delta
    grad_by = delta.sum(axis=0, keepdims=True)
    delta_h = delta @ Wy.T * H * (1 - H)
    grad_Wh = batch.T @ delta_h
    grad_bh = delta_h.sum(axis=0, keepdims=True)
    return grad_Wh, grad_bh, grad_Wy, grad_by
