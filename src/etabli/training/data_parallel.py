"""Data-parallel training: every batch is sharded over several devices, of one process or of many.

Each device holds an equal part of the batch, and a copy of weights and optimizer state. XLA
compiles the step for the
whole batch and inserts the sums between devices: means, statistics and random masks of a batch are
those of one device, up to the order in which numbers are added.

Outside of ``use_devices`` every function here does nothing, so that a training loop reads the same
in both cases.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting
from etabli.core.i18n import _

if TYPE_CHECKING:
    from jax.sharding import Mesh, NamedSharding

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
class _Devices:
    mesh: "Mesh"
    process: int
    processes: int

    def sharding(self, axis: int | None) -> "NamedSharding":
        """Along ``axis``, or for ``None`` whole on every device."""
        from jax.sharding import NamedSharding, PartitionSpec

        parts = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, "batch")
        return NamedSharding(self.mesh, parts)


_active: _Devices | None = None


@contextmanager
def use_devices(count: int | None = None) -> Iterator[None]:
    """Train within the block on ``count`` devices of this process, by default on all of all
    processes."""
    global _active
    import jax
    from jax.sharding import Mesh

    chosen = jax.devices()[:count]
    if len(chosen) < (count or 1):
        raise BadSetting(
            _("there are fewer devices"),
            expected=_("at most {n}").format(n=len(chosen)),
            got=count,
        )
    _active = _Devices(Mesh(np.array(chosen), ("batch",)), jax.process_index(), jax.process_count())
    try:
        yield
    finally:
        _active = None


def count_devices() -> int:
    """Return the number of devices that a batch is sharded over."""
    return _active.mesh.size if _active else 1


def count_processes() -> int:
    """Return the number of processes that train together."""
    return _active.processes if _active else 1


def is_main_process() -> bool:
    """Return whether this process is the one that writes files."""
    return _active is None or _active.process == 0


def check_batch_size(size: int) -> None:
    """Raise ``BadSetting`` where a batch cannot be sharded evenly."""
    if size % count_devices():
        below = size // count_devices() * count_devices()
        near = [str(each) for each in (below, below + count_devices()) if each]
        raise BadSetting(
            _("the batch size {size} is not a multiple of the {count} devices").format(
                size=size, count=count_devices()
            ),
            fix=_("Choose a batch size of {sizes}.").format(sizes=_(" or ").join(near)),
        )


def jit_replicated(function: Callable, **options: Any) -> Callable:
    """Return ``jax.jit(function)`` with results replicated on all devices."""
    import jax

    if _active:
        options["out_shardings"] = _active.sharding(None)
    return jax.jit(function, **options)


def shard_batch(array: np.ndarray, axis: int = 0) -> Any:
    """Shard the batch axis over the devices, or replicate the array where it does not divide
    evenly."""
    if _active is None:
        return array
    return _put(_active, array, axis if array.shape[axis] % count_devices() == 0 else None)


def replicate(tree: Any) -> Any:
    """Copy the arrays of a pytree to every device."""
    if _active is None:
        return tree
    import jax

    devices = _active
    return jax.tree.map(lambda each: _put(devices, each, None), tree)


def _put(devices: _Devices, array: Any, axis: int | None) -> Any:
    import jax

    host = np.asarray(array)
    host = host.astype(np.int32) if host.dtype == np.int64 else host
    sharding = devices.sharding(axis)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def to_host(array: Any) -> Any:
    """Return a replicated array as one that this process alone can use."""
    return array if _active is None else np.asarray(array)


def local_rows(count: int) -> slice:
    """Return the rows of a batch that the devices of this process compute.

    It need not read the others.
    """
    if _active is None or count % count_devices():
        return slice(None)
    each = count // _active.processes
    return slice(_active.process * each, (_active.process + 1) * each)


def broadcast_from_main(value: Any) -> Any:
    """Return the main process's value (JSON), for what all processes must agree on."""
    if count_processes() == 1:
        return value
    return parse_json(_broadcast(json.dumps(value).encode()))


def broadcast_file(path: Path | str) -> None:
    """Copy the main process's file to every process's ``path``, or remove it where the main one has
    none."""
    if count_processes() == 1:
        return
    path = Path(path)
    content = _broadcast(path.read_bytes() if is_main_process() and path.exists() else b"")
    if is_main_process():
        return
    if content:
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    else:
        path.unlink(missing_ok=True)


def _broadcast(content: bytes) -> bytes:
    from jax.experimental import multihost_utils

    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(content))))
    if not size:
        return b""
    sent = np.frombuffer(content, np.uint8) if is_main_process() else np.zeros(size, np.uint8)
    received = np.asarray(multihost_utils.broadcast_one_to_all(sent))
    return received.astype(np.uint8).tobytes()[:size]
