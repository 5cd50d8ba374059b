"""Imports of the process that is forked.

Nothing here may start a thread or touch a device: a fork would wait for it.
"""

import os
from importlib import import_module

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

for name in (
    "jax",
    "keras",
    "h5py",
    "safetensors.numpy",
    "scipy.optimize",
    "sklearn.cluster",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "etabli.cli.run",
    "etabli.experiments.runner",
    "etabli.report",
    "etabli.features",
    "etabli.models.vision.finetune",
):
    import_module(name)
