"""Progress on the terminal: a bar with loss, accuracy and time left; plain lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from etabli.cli._errors import escape_controls


class Terminal:
    """The reporter of the command line; it prints to standard error."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)

    def print_line(self, text: str) -> None:
        is_heading = text.startswith("[")
        self.console.print(
            escape(escape_controls(text)),
            style=None if text.startswith(" ") else "bold",
            no_wrap=is_heading,
            overflow="ellipsis" if is_heading else None,
        )

    @contextmanager
    def task(self, label: str, total: float | None) -> Iterator[Callable[..., None]]:
        if self.console.is_terminal:
            with self._bar() as progress:
                yield self._stepper(progress, progress.add_task(label, total=total, numbers=""))
        else:
            yield from self._print_at_end(label, total)

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self.console,
            transient=False,
        )

    @staticmethod
    def _stepper(progress: Progress, task: TaskID) -> Callable[..., None]:
        from etabli.report.numbers import describe_numbers

        def step(advance: float = 1, **numbers: object) -> None:
            if numbers:
                progress.update(task, numbers="  ".join(describe_numbers(numbers)))
            progress.advance(task, advance)

        return step

    def _print_at_end(self, label: str, total: float | None) -> Iterator[Callable[..., None]]:
        """Print one line at the end of a task, where there is no terminal."""
        from etabli.report.numbers import describe_task

        started = time.perf_counter()
        last: dict[str, object] = {}

        def step(advance: float = 1, **numbers: object) -> None:
            last.update(numbers)

        yield step
        line = describe_task(label, total, last, time.perf_counter() - started, self.console.width)
        self.console.print(escape(line), soft_wrap=True)
