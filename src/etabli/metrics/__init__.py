"""Metrics: arrays in, scores out, each with the recipe of how it was computed."""
