"""Plotting functions: arrays in, matplotlib ``Axes`` out; they draw on ``ax``, never show it."""
