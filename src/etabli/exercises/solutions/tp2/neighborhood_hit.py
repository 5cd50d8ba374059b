import numpy as np


def neighborhood_hit(points, labels, k):
    differences = points[:, None] - points[None]
    distances = (differences**2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[:, :k]
    same = labels[nearest] == labels[:, None]
    shares = same.mean(axis=1)
    return shares, shares.mean()
