"""Practical 2: Keras, and manifold untangling."""
