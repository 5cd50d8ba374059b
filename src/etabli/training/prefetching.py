"""Items computed in a thread while the caller uses the previous ones."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items in order; a thread computes the next one while the caller uses one."""
    waiting = iter(items)

    def compute() -> Item:
        return next(waiting, _END)

    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        # In a copy of this context, so that errors are in the language of the caller.
        coming = pool.submit(copy_context().run, compute)
        while (item := coming.result()) is not _END:
            coming = pool.submit(copy_context().run, compute)
            yield item
