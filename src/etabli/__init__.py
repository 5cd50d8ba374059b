"""Établi: a workbench for five deep-learning practicals. Nothing heavy is imported here."""

__version__ = "0.1.0"
