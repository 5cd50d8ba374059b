import numpy as np


def pca(x, d):
    centered = x - x.mean(axis=0)
    covariance = centered.T @ centered / len(x)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    points = centered @ vectors[:, :d]
    share = values[:d].sum() / values.sum()
    return points, share
