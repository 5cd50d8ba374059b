"""A student's file in a process of its own, with limits of time, memory, output and access.

The child only computes (``etabli.nn.student_process``); expected values stay in this process. Where
Linux allows user namespaces, the child has no network, and every file system is read-only for it.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.nn import student_process
from etabli.nn.grading import StudentFailure, describe_failure

_SCRATCH = "/dev/shm"
MEGABYTES = 2000  # of address space: NumPy alone maps some hundred
# Each mount becomes read-only; one that does not, and can be written to, ends the attempt, so that
# "read-only files" is never claimed of a machine where it is not so.
_READ_ONLY = """
mount --make-rprivate / || exit 1
for place in $(cut -d" " -f5 /proc/self/mountinfo); do
  mount -o remount,bind,ro "$place" 2>/dev/null && continue
  probe="$place/.etabli-probe"
  if [ -d "$place" ] && touch "$probe" 2>/dev/null; then rm -f "$probe"; exit 1; fi
done
mount -t tmpfs -o size=64m tmpfs /dev/shm || exit 1
touch /etc/.etabli-probe 2>/dev/null && exit 1
exec "$@"
"""
_NAMESPACES = ("--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc")


@cache
def find_isolation() -> tuple[str, ...]:
    """Return the command that starts another one in namespaces; empty where there are none."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    command = (unshare, *_NAMESPACES, "--fork", "--kill-child", "sh", "-c", _READ_ONLY, "sh")
    tried = subprocess.run([*command, "true"], capture_output=True, timeout=20, check=False)
    return command if tried.returncode == 0 else ()


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
        script = Path(student_process.__file__)
        command = [
            sys.executable,
            "-I",
            "-u",
            str(script),
            str(self.path),
            str(child_in),
            str(child_out),
        ]
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        isolation = find_isolation()
        # The only place that such a child can write to; matplotlib does not start without one.
        writable = {"TMPDIR": _SCRATCH, "MPLCONFIGDIR": f"{_SCRATCH}/mpl"} if isolation else {}
        fixed = {"MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}
        self._child = subprocess.Popen(
            [*isolation, *command, str(MEGABYTES)],
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
            pass_fds=(child_in, child_out), start_new_session=True, cwd=self.path.parent,
            env={**os.environ, **threads, **writable, **fixed},
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
        if self._child is None:
            self._start()
        header = {"function": function, "arguments": list(arguments)}
        with contextlib.suppress(BrokenPipeError):  # the answer says why
            student_process.write_message(self._streams[0], header, arguments)
        found, arrays = self._receive()
        if "error" in found:
            raise StudentFailure(describe_failure(found["error"]))
        return found, arrays

    def _receive(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Read one answer within the time limit; otherwise end the child and say why."""
        assert self._child is not None
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self._kill()

        seconds = self.seconds + (0 if self._is_loaded else _START_SECONDS)
        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            return student_process.read_message(self._streams[1])
        except Exception as error:  # a student's process may send anything
            self._kill()
            code = self._child.wait()
            self.close()
            raise StudentFailure(self._explain_end(is_late.is_set(), code)) from error
        finally:
            timer.cancel()

    def _explain_end(self, is_late: bool, code: int) -> str:
        if is_late:
            return _("did not end within {seconds:g} s: an endless loop?").format(
                seconds=self.seconds
            )
        if code < 0 or code > 128:
            signal = -code if code < 0 else code - 128
            return _("the process was ended by signal {signal}").format(signal=signal)
        return _("the process ended before it returned anything (exit code {code})").format(
            code=code
        )

    def _kill(self) -> None:
        """End the child and every process that it started."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
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


_START_SECONDS = 20  # importing NumPy or JAX in the child, on a busy machine
