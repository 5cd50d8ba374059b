"""Where a training computes: on one device, or with every batch dealt out over several, of one process or of many.

The batch axis is cut into equal parts, one a device; weights and optimizer are the same everywhere. XLA compiles the
step for the whole batch and puts the sums between devices where they belong: means over a batch, its statistics and
random masks are those of one device, up to the order in which numbers are added.

Every function here does nothing where nothing is spread, so that a loop reads the same in both cases.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting
from etabli.core.i18n import _

__all__ = [
    "broadcast_file",
    "broadcast_from_main",
    "check_batch_size",
    "count_devices",
    "count_processes",
    "is_main_process",
    "jit_replicated",
    "local_rows",
    "replicate",
    "shard_batch",
    "to_host",
    "use_devices",
]


@dataclass(frozen=True)
class _Spread:
    mesh: object
    process: int
    count_processes: int

    def sharding(self, axis: int | None):
        from jax.sharding import NamedSharding, PartitionSpec

        parts = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, "batch")
        return NamedSharding(self.mesh, parts)


_now: _Spread | None = None


@contextmanager
def use_devices(count: int | None = None) -> Iterator[None]:
    """Spread what is trained within the block over ``count`` devices of this process, or over all of all processes."""
    global _now
    import jax
    from jax.sharding import Mesh

    chosen = jax.devices()[:count]
    if len(chosen) < (count or 1):
        raise BadSetting(
            _("there are not so many devices"),
            expected=_("at most {n}").format(n=len(chosen)),
            got=count,
        )
    _now = _Spread(Mesh(np.array(chosen), ("batch",)), jax.process_index(), jax.process_count())
    try:
        yield
    finally:
        _now = None


def count_devices() -> int:
    """Among how many devices a batch is dealt out."""
    return _now.mesh.size if _now else 1


def count_processes() -> int:
    return _now.processes if _now else 1


def is_main_process() -> bool:
    """Whether this process is the one that writes."""
    return _now is None or _now.process == 0


def check_batch_size(size: int) -> None:
    """``BadSetting`` where a batch cannot be dealt out evenly."""
    if size % count_devices():
        below = size // count_devices() * count_devices()
        near = [str(each) for each in (below, below + count_devices()) if each]
        raise BadSetting(
            _("a batch of {size} does not divide among {count} devices").format(
                size=size, count=count_devices()
            ),
            fix=_("Choose a batch of {sizes}.").format(sizes=_(" or ").join(near)),
        )


def jit_replicated(function: Callable, **options: object) -> Callable:
    """``jax.jit``, whose results are the same on all devices."""
    import jax

    return jax.jit(function, **options, **({"out_shardings": _now.sharding(None)} if _now else {}))


def shard_batch(array: np.ndarray, axis: int = 0):
    """An equal part of the batch axis to each device; the whole to every one where it does not divide."""
    if _now is None:
        return array
    return _placed(array, axis if array.shape[axis] % count_devices() == 0 else None)


def replicate(tree):
    """Arrays, whole, on every device."""
    if _now is None:
        return tree
    import jax

    return jax.tree.map(lambda each: _placed(each, None), tree)


def _placed(array, axis: int | None):
    import jax

    held = np.asarray(array)
    held = held.astype(np.int32) if held.dtype == np.int64 else held
    return jax.make_array_from_callback(held.shape, _now.sharding(axis), lambda index: held[index])


def to_host(array):
    """A whole array, as this process alone can use it."""
    return array if _now is None else np.asarray(array)


def local_rows(count: int) -> slice:
    """The rows of a batch that the devices of this process compute: the others need not be read here."""
    if count_processes() == 1 or count % count_devices():
        return slice(None)
    each = count // _now.processes
    return slice(_now.process * each, (_now.process + 1) * each)


def broadcast_from_main(value):
    """The first process's value of something that JSON can hold: what all must agree upon, one decides."""
    if count_processes() == 1:
        return value
    return parse_json(_told(json.dumps(value).encode()))


def broadcast_file(path: Path | str) -> None:
    """Give every process's ``path`` the content that the first one's has, or none where it has none."""
    if count_processes() == 1:
        return
    path = Path(path)
    content = _told(path.read_bytes() if is_main_process() and path.exists() else b"")
    if is_main_process():
        return
    if content:
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    else:
        path.unlink(missing_ok=True)


def _told(content: bytes) -> bytes:
    from jax.experimental import multihost_utils

    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(content))))
    held = np.frombuffer(content, np.uint8) if is_main_process() else np.zeros(size, np.uint8)
    return (
        np.asarray(multihost_utils.broadcast_one_to_all(held)).astype(np.uint8).tobytes()[:size]
        if size
        else b""
    )
