"""Training in a separate process: the server starts ``etabli run`` and follows its run folder."""

import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from etabli.core.errors import FolderBusy
from etabli.core.i18n import _, current_language

RUN = "playground"
_MAX_LINES = 12


class Trainer:
    """At most one training at a time, on sample data, into the run ``playground``."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self._experiments: list[str] = []
        self._started = 0.0
        self._stopped = False

    def start(self, experiments: list[str], overwrite: bool = False) -> None:
        """Start ``etabli run``, from scratch with ``overwrite``, or with what is not finished yet.

        Raises:
            FolderBusy: A training is already running.
        """
        with self._lock:
            if self._process and self._process.poll() is None:
                raise FolderBusy(
                    _("a training is already running"), fix=_("Wait until it ends, or stop it.")
                )
            self.home.mkdir(parents=True, exist_ok=True)
            self._experiments, self._started, self._stopped = list(experiments), time.time(), False
            self._lines.clear()
            self._process = subprocess.Popen(
                _command(experiments, self.home / RUN, overwrite),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stderr or ():
            self._lines.append(line.rstrip()[:300])
        process.wait()

    def stop(self) -> None:
        """Stop the training; finished experiments are kept."""
        with self._lock:
            if self._process and self._process.poll() is None:
                self._stopped = True
                self._process.terminate()
                try:
                    self._process.wait(5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait(5)

    def state(self) -> dict[str, object]:
        """Return idle, running, done, stopped or failed, with the last lines of its output."""
        if self._process is None:
            return {"state": "idle"}
        code = self._process.poll()
        ended = "stopped" if self._stopped else "done" if code == 0 else "failed"
        return {
            "state": "running" if code is None else ended,
            "experiments": self._experiments,
            "run": RUN,
            "started": self._started,
            "lines": [line for line in self._lines if line.strip()],
        }


def _command(experiments: list[str], out: Path, overwrite: bool = False) -> list[str]:
    command = [sys.executable, "-m", "etabli", "--lang", current_language(), "run", *experiments]
    return [*command, "--data", "sample", "--out", str(out), *["--overwrite"] * overwrite]
