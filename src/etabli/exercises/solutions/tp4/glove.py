import numpy as np


def glove_loss(W, C, b, c, X):
    weight = np.minimum((X / 100) ** 0.75, 1)
    error = W @ C.T + b[:, None] + c[None] - np.log(np.maximum(X, 1))
    return (weight * error**2).sum()


def glove_gradient(W, C, b, c, X):
    weight = np.minimum((X / 100) ** 0.75, 1)
    error = W @ C.T + b[:, None] + c[None] - np.log(np.maximum(X, 1))
    slope = 2 * weight * error
    dW = slope @ C
    dC = slope.T @ W
    db = slope.sum(axis=1)
    dc = slope.sum(axis=0)
    return dW, dC, db, dc
