"""The version of the program, which the wheel, saved models and pages state."""

__version__ = "0.2.0"
