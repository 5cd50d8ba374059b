"""A student's file in a process of its own, with limits of time, memory, output and access.

The child only computes (``etabli.nn.student_process``); expected values stay in this process. Where
Linux allows namespaces, the child has a root of its own (``sandbox.py``): no network, no file of
the machine but Python and the student's folder, and those read-only, without this package.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.nn import student_process
from etabli.nn.grading import NotReturned, StudentFailure, describe_failure

SCRATCH = "/dev/shm"  # the only place of the sandbox that can be written to, next to /tmp
_SCRATCH_MEGABYTES = 64
MEGABYTES = 2000  # of address space: NumPy alone maps some hundred
_CHILD = "/run/student_process.py"
_SANDBOX = Path(__file__).with_name("sandbox.py")
# What Python and NumPy need of a system; a missing one is left out.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix", "/gnu"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/etc/fonts"),
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
)
# Of the environment only this reaches the child: others may hold passwords.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")


@cache
def find_isolation() -> bool:
    """Return whether this machine can start a process in namespaces of its own."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "tried.py"
        script.write_text("import numpy")
        command = make_sandbox(script.resolve(), [sys.executable, "-I", str(script)])
        try:
            tried = subprocess.run(command, capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return tried.returncode == 0


def make_sandbox(script: Path, command: list[str]) -> list[str]:
    """Return a command that starts another one in a root that shows the folder of a script."""
    shown = [(place, place) for place in _SYSTEM if Path(place).exists()]
    # /lib is often a link to /usr/lib; /etc/localtime is shown as the file that it leads to.
    tops = [place for place in _SYSTEM if place.count("/") == 1]
    links = {place: str(Path(place).readlink()) for place in tops if Path(place).is_symlink()}
    python = dict.fromkeys((sys.base_prefix, sys.prefix))
    outer = [place for place in python if not _is_inside(place, _SYSTEM)]
    spec: dict[str, Any] = {
        "root": "/sys",  # a folder that every Linux has; it becomes the root
        "folder": str(script.parent),
        "script": str(script),
        "writable": {"/tmp": _SCRATCH_MEGABYTES, SCRATCH: _SCRATCH_MEGABYTES},
        "links": links,
        "shown": [pair for pair in shown if pair[0] not in links],
        "hidden": str(Path(__file__).parents[2]),
        "stub": str(_SANDBOX.with_name("stub.py")),
        "command": command,
    }
    spec["shown"] += [*((place, place) for place in outer), (student_process.__file__, _CHILD)]
    return [sys.executable, "-I", "-S", str(_SANDBOX), repr(spec)]


def _is_inside(place: str, folders: Sequence[str]) -> bool:
    return any(place == folder or place.startswith(f"{folder}/") for folder in folders)


def describe_limits(seconds: float) -> str:
    """Return a sentence on the limits that a checked file has on this machine."""
    if find_isolation():
        text = _("Limits: {seconds:g} s a call, {memory} MB, no network, read-only files.")
    else:
        text = _(
            "Limits: {seconds:g} s a call, {memory} MB. This machine offers no namespaces: the "
            "file can read, write and use the network as you can."
        )
    return text.format(seconds=seconds, memory=MEGABYTES)


class StudentFile:
    """The functions of a file, run in a child process; restarted after one that did not end."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds = path.resolve(), seconds
        self._child: subprocess.Popen | None = None
        self._late_calls = 0
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by ``close``
        described = self._start()
        self.functions: dict[str, list[str] | None] = described["functions"]
        self.declared: dict[str, Any] = described["declared"]

    def _start(self) -> dict[str, Any]:
        """Start the child, which runs the file; raise ``BadSetting`` where it cannot be run."""
        (child_in, self._requests), (self._answers, child_out) = os.pipe(), os.pipe()
        self._output.seek(0)
        self._output.truncate()
        self._is_loaded = False
        is_isolated = find_isolation()
        script = _CHILD if is_isolated else student_process.__file__
        pipes = (child_in, child_out)
        command = [sys.executable, "-I", "-u", script, str(self.path), *map(str, pipes)]
        command.append(str(MEGABYTES))
        self._child = subprocess.Popen(
            make_sandbox(self.path, command) if is_isolated else command,
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
            pass_fds=pipes, start_new_session=True, cwd=self.path.parent,
            env=_make_environment(is_isolated),
        )  # fmt: skip
        os.close(child_in)
        os.close(child_out)
        self._streams = os.fdopen(self._requests, "wb"), os.fdopen(self._answers, "rb")
        try:
            described, _arrays = self._receive()
        except StudentFailure as failure:
            raise BadSetting(
                _("{path} cannot be run: {reason}").format(path=self.path.name, reason=failure),
                fix=_("Put what trains or prints under: if __name__ == '__main__':"),
            ) from failure
        if "error" in described:
            self.close()
            raise self._refuse(describe_failure(described["error"]))
        self._is_loaded = True
        return described

    def _refuse(self, reason: str) -> BadSetting:
        return BadSetting(
            _("{path} cannot be run: {reason}").format(path=self.path.name, reason=reason),
            fix=_("Fix the file and check it again."),
        )

    def call(self, function: str, arguments: Mapping[str, np.ndarray]) -> tuple[dict, dict]:
        """Call a function; return the header and the arrays of the answer.

        Raises ``StudentFailure`` where the function raised, did not end in time, or ended the
        process.
        """
        if self._late_calls == _MOST_LATE_CALLS:
            raise StudentFailure(_("was not called, because earlier calls did not end"))
        if self._child is None:
            self._start()
        header = {"function": function, "arguments": list(arguments)}
        with contextlib.suppress(BrokenPipeError):  # the answer says why
            student_process.write_message(self._streams[0], header, arguments)
        found, arrays = self._receive()
        try:
            if "error" in found:
                raise StudentFailure(describe_failure(found["error"]))
            return _read_answer(found), {name: _to_floats(each) for name, each in arrays.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # it may send anything
            self.close()
            raise StudentFailure(_("the process sent no readable arrays")) from error

    def _receive(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Read one answer within the time limit; otherwise end the child and say why."""
        assert self._child is not None
        seconds = self.seconds + (0 if self._is_loaded else _START_SECONDS)
        ended, reasons = threading.Event(), list[str]()

        def watch() -> None:
            limit = time.monotonic() + seconds
            while not ended.wait(min(_WATCH_SECONDS, max(limit - time.monotonic(), 0))):
                is_late = time.monotonic() >= limit
                if is_late or self._measure_memory() > MEGABYTES * 1_000_000:
                    reasons.append("time" if is_late else "memory")
                    self._kill()
                    return

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            return student_process.read_message(self._streams[1])
        except Exception as error:  # a student's process may send anything
            self._kill()
            code = self._child.wait()
            self.close()
            self._late_calls += reasons == ["time"]
            raise NotReturned(self._explain_end(reasons, seconds, code)) from error
        finally:
            ended.set()
            watching.join()

    def _measure_memory(self) -> int:
        """Return the bytes that the child and all processes that it started hold."""
        import psutil

        held = 0
        with contextlib.suppress(psutil.Error):
            assert self._child is not None
            for process in psutil.Process(self._child.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    held += process.memory_info().rss
        return held

    def _explain_end(self, reasons: list[str], seconds: float, code: int) -> str:
        if reasons == ["memory"]:
            return _("needs more memory than it may use")
        if reasons:
            return _("did not end within {seconds:g} s: an endless loop?").format(seconds=seconds)
        if code < 0 or code > 128:
            signal = -code if code < 0 else code - 128
            return _("the process was ended by signal {signal}").format(signal=signal)
        return _("the process ended before it returned anything (exit code {code})").format(
            code=code
        )

    def _kill(self) -> None:
        """End the child and every process that it started."""
        if self._child is None:
            return
        import psutil

        # First what left the process group; in namespaces, the first process ends with all others.
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._child.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, 9)

    def read_output(self, limit: int = 2000) -> str:
        """Return the beginning of what the file printed."""
        self._output.seek(0)
        return self._output.read(limit).decode("utf-8", "replace")

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._kill()
            self._child.wait()
            for stream in self._streams:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
            self._child = None


def _make_environment(is_isolated: bool) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    home = SCRATCH if is_isolated else tempfile.gettempdir()
    # matplotlib does not start without a folder that it can write to.
    places = {"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": f"{home}/mpl"}
    return {**kept, **threads, **places, "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}


def _read_answer(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header of an answer with only what it should hold, of the types it should have."""
    kinds, changed, keys = header["kinds"], header["changed"], header["keys"]
    lists = (kinds, changed, [] if keys is None else keys)
    if not all(isinstance(each, list) and len(each) <= _MOST_VALUES for each in lists):
        raise ValueError("no list, or one of too many values")
    return {
        **header,
        "kinds": [None if kind is None else str(kind)[:80] for kind in kinds],
        "changed": [str(name)[:80] for name in changed],
        "keys": None if keys is None else [str(key)[:80] for key in keys],
    }


def _to_floats(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64)


_MOST_LATE_CALLS = 2  # then the others are not called: a class of a hundred is waiting
_MOST_VALUES = 100
_WATCH_SECONDS = 0.1
_START_SECONDS = 20  # importing NumPy or JAX in the child, on a busy machine
