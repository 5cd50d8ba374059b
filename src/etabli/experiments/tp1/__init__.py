"""Practical 1: backpropagation by hand, on handwritten digits."""
