"""Progress of long tasks: the interface that terminals, tests and notebooks implement."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Reporter", "Silent", "Step"]

Step = Callable[..., None]


class Reporter(Protocol):
    """Where a story's progress is shown: a terminal, or nowhere."""

    def task(self, label: str, total: float | None) -> AbstractContextManager[Step]:
        """A task under way; the step it gives takes an advance and the numbers to show beside the bar."""

    def print_line(self, text: str) -> None:
        """A line of text above the bars."""


class Silent:
    """The reporter of tests and notebooks: shows nothing."""

    def task(self, label: str, total: float | None) -> AbstractContextManager[Step]:
        return nullcontext(lambda advance=1, **numbers: None)

    def print_line(self, text: str) -> None:
        pass
