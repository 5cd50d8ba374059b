import numpy as np


def student_similarities(points):
    differences = points[:, None] - points[None]
    weights = 1 / (1 + (differences**2).sum(axis=2))
    np.fill_diagonal(weights, 0)
    return weights / weights.sum()


def tsne_gradient(p, points):
    differences = points[:, None] - points[None]
    weights = 1 / (1 + (differences**2).sum(axis=2))
    np.fill_diagonal(weights, 0)
    q = weights / weights.sum()
    forces = (p - q) * weights
    return 4 * (forces[:, :, None] * differences).sum(axis=1)
