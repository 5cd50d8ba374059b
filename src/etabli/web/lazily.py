"""A module that is imported when it is first used, so that the first page need not wait for it."""

import importlib


class Lazy:
    """``np = Lazy("numpy")``; annotations that name it stand in files with postponed evaluation."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self._name), attribute)
