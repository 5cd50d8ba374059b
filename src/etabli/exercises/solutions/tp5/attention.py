import numpy as np


def attention(query, keys, values):
    scores = query @ keys.T / np.sqrt(keys.shape[1])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    return weights @ values, weights


def attention_backward(dcontext, weights, query, keys, values):
    dvalues = weights.T @ dcontext
    dweights = dcontext @ values.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))
    dquery = dscores @ keys / np.sqrt(keys.shape[1])
    return dquery, dvalues
