"""The nets of ``keras.applications`` as Keras itself builds them, without a download."""

from contextlib import contextmanager
from importlib import import_module
from unittest.mock import patch

import keras


class AskedFor(Exception):
    """Keras would download a file: its name, its URL and its checksum."""


@contextmanager
def downloads(answer):
    """Let ``answer(name, url, checksum)`` take the place of Keras' download."""

    def get_file(fname, origin, cache_subdir=None, file_hash=None):
        return answer(fname, origin, file_hash)

    with patch("keras.src.utils.file_utils.get_file", get_file):
        yield


def preprocess_input(name):
    """Return the preprocessing that Keras pairs with the class ``name``."""
    module = getattr(keras.applications, name).__module__.rsplit(".", 1)[1]
    return import_module(f"keras.applications.{module}").preprocess_input


def build_with_imagenet_weights(name, weights, size):
    """Build the net as ``weights="imagenet"`` does, and load ``weights`` in place of a download."""
    build = getattr(keras.applications, name)
    with downloads(lambda *_asked: str(weights)):
        return build(include_top=False, weights="imagenet", input_shape=(*size, 3))
