"""Captioning models, their training and their decoding."""
