"""Progress of long tasks: the interface that terminals, tests and notebooks implement."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

__all__ = ["Reporter", "Silent", "Step", "follow_epochs", "report_within_epoch"]

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


# follower(fraction, numbers): receives how far the epoch is, and computes the numbers it shows.
Follower = Callable[[float, Callable[[], Mapping[str, float]]], None]
_FOLLOWER: ContextVar[Follower | None] = ContextVar("follower", default=None)


@contextmanager
def follow_epochs(follower: Follower) -> Iterator[None]:
    """Call ``follower`` with what the training loops in the block report within an epoch."""
    before = _FOLLOWER.get()
    _FOLLOWER.set(follower)
    try:
        yield
    finally:
        _FOLLOWER.set(before)


def report_within_epoch(
    fraction: float, numbers: Callable[..., Mapping[str, float]], *args: object
) -> None:
    """Report, from a training loop, which part of the epoch is done and the numbers so far.

    Nothing happens where nobody follows; ``numbers(*args)`` is called only where it is shown.
    """
    follower = _FOLLOWER.get()
    if follower is not None:
        follower(fraction, lambda: numbers(*args))
