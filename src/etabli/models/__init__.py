"""Models: NumPy estimators, Keras nets, n-gram models, decoding."""
