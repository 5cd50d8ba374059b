"""Practical 1: back-propagation by hand, on handwritten digits."""
