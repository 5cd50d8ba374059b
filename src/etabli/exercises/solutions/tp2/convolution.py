import numpy as np

PADDING = 0


def convolve(x, kernel):
    padded = np.pad(x, PADDING)
    rows = padded.shape[0] - kernel.shape[0] + 1
    columns = padded.shape[1] - kernel.shape[1] + 1
    y = np.zeros((rows, columns))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            y += kernel[i, j] * padded[i : i + rows, j : j + columns]
    return y


def convolve_backward(dy, x, kernel):
    padded = np.pad(x, PADDING)
    rows, columns = dy.shape
    dpadded, dkernel = np.zeros(padded.shape), np.zeros(kernel.shape)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            dpadded[i : i + rows, j : j + columns] += kernel[i, j] * dy
            dkernel[i, j] = (dy * padded[i : i + rows, j : j + columns]).sum()
    dx = dpadded[PADDING : PADDING + x.shape[0], PADDING : PADDING + x.shape[1]]
    return dx, dkernel
