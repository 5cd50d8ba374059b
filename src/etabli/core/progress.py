"""Progress of long tasks: the interface that terminals, tests and notebooks implement."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Reporter", "Silent", "Step"]

# step(advance=1, **numbers): moves a task on and shows the numbers next to it.
Step = Callable[..., None]


class Reporter(Protocol):
    """Where the progress of an experiment is shown: a terminal, or nowhere."""

    def task(self, label: str, total: float | None) -> AbstractContextManager[Step]:
        """Start a task of ``total`` steps."""

    def print_line(self, text: str) -> None:
        """Print a line of text above the progress bars."""


class Silent:
    """The reporter of tests and notebooks: shows nothing."""

    def task(self, label: str, total: float | None) -> AbstractContextManager[Step]:
        return nullcontext(lambda advance=1, **numbers: None)

    def print_line(self, text: str) -> None:
        pass
