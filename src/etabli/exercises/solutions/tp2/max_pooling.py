import numpy as np


def max_pool(x, size):
    rows, columns = x.shape[0] // size, x.shape[1] // size
    blocks = x.reshape(rows, size, columns, size)
    return blocks.max(axis=(1, 3))


def max_pool_backward(dy, x, size):
    dx = np.zeros(x.shape)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            block = x[i * size : (i + 1) * size, j * size : (j + 1) * size]
            row, column = np.unravel_index(block.argmax(), block.shape)
            dx[i * size + row, j * size + column] = dy[i, j]
    return dx
