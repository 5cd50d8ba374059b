LOSS = "mean"


def backward(batch, Y_hat, Y, W, b):
    n = len(batch) if LOSS == "mean" else 1
    delta = (Y_hat - Y) / n
    grad_W = batch.T @ delta
    grad_b = delta.sum(axis=0, keepdims=True)
    return grad_W, grad_b
