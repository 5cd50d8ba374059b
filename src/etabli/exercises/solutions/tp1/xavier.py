import numpy as np


def xavier(n_in, n_out, generator):
    return generator.normal(0, np.sqrt(2 / (n_in + n_out)), (n_in, n_out))
