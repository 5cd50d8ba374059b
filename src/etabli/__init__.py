"""Établi: a workbench for five deep-learning practicals. Nothing heavy is imported here."""

import os

__version__ = "0.2.0"

# Keras reads this once, when it is first imported: without it, it may look for TensorFlow. Here and nowhere else.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
