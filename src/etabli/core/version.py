"""The version of the program: what the wheel, the cards of models and the pages show."""

__version__ = "0.2.0"
