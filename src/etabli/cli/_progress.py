"""Progress on the terminal: a bar with loss, accuracy and time left; plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from etabli.core.i18n import _


class Terminal:
    """The reporter of the command line. Everything goes to standard error: standard output is for results."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)

    def print_line(self, text: str) -> None:
        self.console.print(escape(text), style=None if text.startswith(" ") else "bold")

    @contextmanager
    def task(self, label: str, total: float | None) -> Iterator[Callable[..., None]]:
        if self.console.is_terminal:
            with self._bar() as progress:
                yield self._stepper(progress, progress.add_task(label, total=total, numbers=""))
        else:
            yield from self._lines(label, total)

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TextColumn(_("left")),
            TimeRemainingColumn(),
            console=self.console,
            transient=False,
        )

    @staticmethod
    def _stepper(progress: Progress, task: int) -> Callable[..., None]:
        def step(advance: float = 1, **numbers: object) -> None:
            progress.update(
                task, advance=advance, numbers=_told(numbers) or progress.tasks[0].fields["numbers"]
            )

        return step

    def _lines(self, label: str, total: float | None) -> Iterator[Callable[..., None]]:
        """Where there is no terminal (a log), one line at the end of a task."""
        started, last = time.perf_counter(), {}

        def step(advance: float = 1, **numbers: object) -> None:
            last.update(numbers)

        yield step
        seconds = time.perf_counter() - started
        count = f" {total:g}" if total else ""
        self.console.print(
            escape(f"  {label}{count}  {_told(last)}  {seconds:.1f} s"), soft_wrap=True
        )


def _told(numbers: dict[str, object]) -> str:
    return "  ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in numbers.items()
    )
