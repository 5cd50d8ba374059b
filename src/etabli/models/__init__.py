"""What learns: the NumPy estimators, the Keras nets, counting models, decoding. Keras is imported where it is used."""
