"""Pools that decode images while the net runs: threads, or processes for a fast device.

Pillow decodes without the interpreter's lock, but the other work on each image holds it:
threads scale to about eight cores, and a GPU takes more images than that.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from etabli.core.i18n import current_language, use_language

_GROUP = 8  # images of one task of a process: a task costs about as much as one image


class Decoders:
    """A pool that calls a function on each image of a batch."""

    def __init__(
        self, function: Callable[[Any], Any], workers: int | None, processes: bool
    ) -> None:
        self._function, self._processes = function, processes
        self._pool = _open_pool(workers or os.cpu_count() or 1, processes)

    def submit(self, batch: Sequence[Any]) -> list[Future]:
        """Start a batch; ``collect`` waits for the results."""
        if not self._processes:
            # Each in a copy of this context, so that errors are in the language of the caller.
            return [self._pool.submit(copy_context().run, self._function, each) for each in batch]
        groups = [batch[start : start + _GROUP] for start in range(0, len(batch), _GROUP)]
        language = current_language()
        return [self._pool.submit(_call_each, self._function, each, language) for each in groups]

    def collect(self, futures: Sequence[Future]) -> list[Any]:
        """Return the results of a batch, in order."""
        found = [future.result() for future in futures]
        return [each for group in found for each in group] if self._processes else found

    def close(self) -> None:
        """Cancel what has not started, and shut the pool down."""
        options: dict[str, Any] = {"kill_workers": True} if self._processes else {}
        self._pool.shutdown(wait=True, **(options or {"cancel_futures": True}))


def _open_pool(workers: int, processes: bool) -> Executor:
    if not processes:
        return ThreadPoolExecutor(workers, thread_name_prefix="decode")
    # Of joblib, which scikit-learn needs: its processes do not run the script that called us again.
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(workers)


def _call_each(function: Callable[[Any], Any], group: Sequence[Any], language: str) -> list[Any]:
    with use_language(language):
        return [function(each) for each in group]
