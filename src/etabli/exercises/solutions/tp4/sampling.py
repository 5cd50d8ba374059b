import numpy as np


def temperature(z, T):
    e = np.exp((z - z.max()) / T)
    return e / e.sum()


def top_k(p, k):
    kept = np.argsort(-p)[:k]
    q = np.zeros(len(p))
    q[kept] = p[kept]
    return q / q.sum()


def nucleus(p, share):
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    kept = order[before < share]
    q = np.zeros(len(p))
    q[kept] = p[kept]
    return q / q.sum()
