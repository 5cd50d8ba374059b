import numpy as np


def average_precision(scores, relevant):
    ranked = relevant[np.argsort(-scores)]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return (precision * ranked).sum() / ranked.sum()


def average_precision_11(scores, relevant):
    ranked = relevant[np.argsort(-scores)]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    recall = np.cumsum(ranked) / ranked.sum()
    total = 0.0
    for level in np.arange(11) / 10:
        total += precision[recall >= level - 1e-9].max()
    return total / 11
