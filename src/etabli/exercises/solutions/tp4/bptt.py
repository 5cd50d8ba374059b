import numpy as np


def rnn_backward(dh, x, h, Wx, Wh):
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(len(Wh))
    carry = np.zeros(len(Wh))
    for t in range(len(x) - 1, -1, -1):
        before = h[t - 1] if t > 0 else np.zeros(len(Wh))
        da = (dh[t] + carry) * (1 - h[t] ** 2)
        dWx += np.outer(x[t], da)
        dWh += np.outer(before, da)
        db += da
        carry = da @ Wh.T
    return dWx, dWh, db
