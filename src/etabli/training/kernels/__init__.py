"""Numeric kernels in JAX: convolution, recurrence, matrix products."""
