"""Work on a Ray cluster: every item is computed by one worker, whatever happens to the others.

A worker keeps what it opened from item to item. The item of a worker that failed, or is far slower
than the rest, goes to another one, and its first result counts; a worker with other versions than
this machine is not used. Each is reported in one line.
"""

import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from etabli.core.environment import installed_version
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.i18n import _, current_language, use_language

_MOST_FAILURES = 3  # of workers on one item, or of workers that start
_SLOW_SECONDS = 20.0  # below it, nothing is too slow
_SLOW_FACTOR = 4.0  # times the median of the finished items
_PATIENCE = 60.0  # seconds without any worker, after which that is said
_PACKAGES = ("etabli", "numpy", "scipy", "pillow", "keras", "jax", "openvino")  # results depend on

Print = Callable[[str], None]
# What a cluster receives: it returns, in a worker, the function from an item to its result.
MakeFunction = Callable[[], Callable[[Any], Any]]


@contextmanager
def connect(address: str) -> Iterator["RayCluster"]:
    """Yield the cluster at an address.

    "auto" is the running cluster (``RAY_ADDRESS``, ``ray start``), or else a new local one, which
    ends with the block, accepts only connections with its token, and leaves nothing on disk.
    """
    own = address == "auto" and not _is_cluster_running()
    ray = _import_ray(own)
    folder = tempfile.mkdtemp(prefix="etabli-", dir="/tmp" if Path("/tmp").is_dir() else None)
    try:
        _connect(ray, "local" if own else address, folder)
        held = ray.cluster_resources()
        yield RayCluster(ray, max(1, int(held.get("CPU", 1))), int(held.get("GPU", 0)))
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _is_cluster_running() -> bool:
    """Return whether ``ray start`` was called here; Ray itself would search for twenty seconds."""
    return bool(os.environ.get("RAY_ADDRESS")) or Path("/tmp/ray/ray_current_cluster").exists()


def _import_ray(own: bool) -> ModuleType:
    """Import Ray with its telemetry and logs off; it reads these variables once, on import."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    if own and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        quiet |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "cluster", _("computing on a cluster")) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    # On a dead worker Ray prints a paragraph to the standard output, which is the command's.
    ray._private.worker.print_to_stdstream = lambda *arguments, **options: None
    return ray


def _connect(ray: ModuleType, address: str, folder: str, attempts: int = 3) -> None:
    """Connect to a cluster or start a local one; retry if Ray's half-minute limit was too short."""
    more = {"include_dashboard": False, "_temp_dir": folder} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **more)
    except Exception as error:  # Ray raises no specific class here
        if more and attempts > 1:
            ray.shutdown()
            _connect(ray, address, folder, attempts - 1)
            return
        raise EtabliError(
            _("cannot connect to the Ray cluster {address}").format(address=address),
            expected=_("auto, or the HOST:PORT that 'ray start --head' printed"),
            got=_last_line(error, 0),
        ) from error


def _last_line(error: BaseException, line: int = -1) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[line].strip()


class RayCluster:
    """A connected cluster with its numbers of ``cpus`` and ``gpus``."""

    def __init__(self, ray: Any, cpus: int, gpus: int) -> None:
        self.ray, self.cpus, self.gpus = ray, cpus, gpus

    def share(self, value: Any) -> Any:
        """Return a reference to a value that every machine receives once."""
        return self.ray.put(value)

    def compute(
        self, make: MakeFunction, items: Mapping[int, Any], print_line: Print
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield number and result of every item once, in any order.

        A worker has one GPU where the cluster has any, and one core otherwise.

        Args:
            make: Called once in each worker; it returns what computes an item there.
            items: The items, by number.
            print_line: Receives a sentence on each worker that fails, is slow or is not used.

        Raises:
            EtabliError: ``make`` or its function raised one, an item cannot be computed, or no
                worker can be used.
        """
        count = min(len(items), self.gpus or self.cpus)
        yield from _Run(self, make, items, print_line).compute(count)


def fetch(reference: Any) -> Any:
    """Return, in a worker, the value that was shared."""
    import ray

    return ray.get(reference)


class RemoteWorker:
    """What runs in a process of the cluster."""

    def __init__(self, make: MakeFunction, language: str) -> None:
        self.make, self.language = make, language
        self.function: Callable[[Any], Any] | None = None

    def describe(self) -> tuple[str, dict[str, str]]:
        """Return the name of the machine and the versions that results depend on."""
        return os.uname().nodename, describe_versions()

    def compute(self, item: Any) -> tuple[Any, tuple[str, int] | None]:
        """Return the result of an item, or the text and exit code of an error.

        The function is made at the first item, so that its errors are reported as well.
        """
        with use_language(self.language):
            try:
                self.function = self.function or self.make()
                return self.function(item), None
            except EtabliError as error:
                return None, (str(error), error.exit_code)


def describe_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    found = {package: installed_version(package) for package in _PACKAGES}
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: version for name, version in found.items() if version}}


class RemoteError(EtabliError):
    """An error that a worker reported as a complete text."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.wrong


@dataclass(eq=False)
class _Worker:
    """A worker as this machine sees it; without a ``node`` until it has described itself."""

    actor: Any
    node: str = ""
    number: int | None = None
    since: float = 0.0


class _Run:
    """The state of one computation: what waits, who computes what, and what is done."""

    def __init__(
        self, cluster: RayCluster, make: MakeFunction, items: Mapping[int, Any], print_line: Print
    ) -> None:
        self.ray, self.items, self.print_line = cluster.ray, items, print_line
        share = {"num_gpus": 1, "num_cpus": 0} if cluster.gpus else {"num_cpus": 1}
        self._new = self.ray.remote(RemoteWorker).options(
            scheduling_strategy="SPREAD", max_restarts=0, **share
        )
        self._arguments = make, current_language()
        self.waiting, self.workers = deque(items), list[_Worker]()
        self.pending: dict[Any, _Worker] = {}
        self.done: set[int] = set()
        self.seconds: list[float] = []
        self.failures: Counter[int | None] = Counter()
        self.unused: dict[str, str] = {}

    def compute(self, count: int) -> Iterator[tuple[int, Any]]:
        """Yield the results by ``count`` workers."""
        patience = time.monotonic() + _PATIENCE
        try:
            for _number in range(count):
                self._start()
            while len(self.done) < len(self.items):
                self._assign()
                for reference in self.ray.wait(list(self.pending), timeout=1)[0]:
                    yield from self._collect(reference)
                if time.monotonic() > patience and not any(each.node for each in self.workers):
                    self.print_line(_("The cluster has no free worker yet; waiting for one."))
                    patience = float("inf")
        finally:
            for worker in self.workers:
                self.ray.kill(worker.actor)

    def _start(self) -> None:
        worker = _Worker(self._new.remote(*self._arguments))
        self.workers.append(worker)
        self.pending[worker.actor.describe.remote()] = worker

    def _assign(self) -> None:
        """Give every idle worker what waits, or what another one has had for too long."""
        for worker in self.workers:
            if worker.node and worker.number is None:
                number = self.waiting.popleft() if self.waiting else self._find_slow()
                if number is None:
                    return
                worker.number, worker.since = number, time.monotonic()
                self.pending[worker.actor.compute.remote(self.items[number])] = worker

    def _find_slow(self) -> int | None:
        """Return an item that only one worker has, far longer than others took."""
        if not self.seconds:
            return None
        limit = max(_SLOW_SECONDS, _SLOW_FACTOR * median(self.seconds))
        copies = Counter(each.number for each in self.workers)
        for worker in self.workers:
            number, seconds = worker.number, time.monotonic() - worker.since
            if number is not None and copies[number] == 1 and seconds > limit:
                self.print_line(
                    _(
                        "The worker on {node} is slow ({seconds:.0f} s, others {median:.0f} s): "
                        "part {number} is given to another one too, and the first result counts."
                    ).format(
                        node=worker.node,
                        seconds=seconds,
                        median=median(self.seconds),
                        number=number,
                    )
                )
                return number
        return None

    def _collect(self, reference: Any) -> Iterator[tuple[int, Any]]:
        """Yield the result that a worker returned, unless another one was faster."""
        worker = self.pending.pop(reference)
        number, worker.number = worker.number, None
        try:
            answer = self.ray.get(reference)
        except self.ray.exceptions.RayActorError as error:
            self._replace(worker, number, error)
            return
        except (self.ray.exceptions.RayError, RuntimeError) as error:
            raise EtabliError(
                _("the cluster stopped working"), got=_last_line(error), fix=_again()
            ) from error
        if number is None:
            self._admit(worker, *answer)
            return
        result, error_and_code = answer
        if number in self.done:
            return
        if error_and_code:
            raise RemoteError(*error_and_code)
        self.done.add(number)
        self.seconds.append(time.monotonic() - worker.since)
        yield number, result

    def _admit(self, worker: _Worker, node: str, versions: dict[str, str]) -> None:
        """Use a worker only if its versions are those of this machine."""
        differing = _compare_versions(versions, describe_versions())
        if not differing:
            worker.node = node
            return
        self.workers.remove(worker)
        self.ray.kill(worker.actor)
        if node not in self.unused:
            self.unused[node] = differing
            text = _("The worker on {node} is not used because its versions differ: {versions}.")
            self.print_line(text.format(node=node, versions=differing))
        self._require_worker(differing)

    def _replace(self, worker: _Worker, number: int | None, error: Exception) -> None:
        """Give the item of a worker that failed to others, and start a new worker."""
        self.workers.remove(worker)
        self.failures[number] += 1
        if number is None:
            if self.failures[None] <= _MOST_FAILURES:
                text = _("A worker of the cluster cannot start: {reason}.")
                self.print_line(text.format(reason=_last_line(error).rstrip(".")))
        elif number not in self.done and all(each.number != number for each in self.workers):
            self.waiting.appendleft(number)
            text = _("A worker on {node} failed: part {number} is computed by another one.")
            self.print_line(text.format(node=worker.node, number=number))
        if self.failures[number] < _MOST_FAILURES:
            self._start()
        elif number is not None:
            text = _("{count} workers failed at part {number}")
            text = text.format(count=_MOST_FAILURES, number=number)
            raise EtabliError(text, got=_last_line(error), fix=_again()) from error
        self._require_worker(_last_line(error))

    def _require_worker(self, reason: str) -> None:
        if not self.workers:
            raise EtabliError(
                _("the cluster has no worker that can be used"),
                got=reason,
                fix=_(
                    "Install on all machines of the cluster what this one has: {packages}"
                ).format(packages="pip install " + " ".join(_pin(describe_versions()))),
            )


def _compare_versions(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Return which versions differ, as a text; "" if none does."""
    return ", ".join(
        _("{package} {theirs}, here {ours}").format(
            package=name, theirs=theirs.get(name, _("none")), ours=ours.get(name, _("none"))
        )
        for name in sorted(theirs.keys() | ours.keys())
        if theirs.get(name) != ours.get(name)
    )


def _pin(versions: dict[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in versions.items() if name != "python"]


def _again() -> str:
    return _("Run the same command again: what was finished is kept.")
