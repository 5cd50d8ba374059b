"""Practical 5: vision and language."""
