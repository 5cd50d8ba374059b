from itertools import pairwise

import numpy as np


def bigram(tokens, vocabulary, alpha):
    counts = np.zeros((vocabulary, vocabulary))
    for first, second in pairwise(tokens):
        counts[first, second] += 1
    smoothed = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def perplexity(p, tokens):
    logs = np.log(p[tokens[:-1], tokens[1:]])
    return np.exp(-logs.mean())
