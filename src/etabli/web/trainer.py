"""Training, in a process of its own: the server never trains, it starts ``etabli run`` and follows its folder."""

import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from etabli.core.errors import FolderBusy
from etabli.core.i18n import _, current_language

RUN = "playground"
_LINES = 12


class Trainer:
    """At most one training at a time, on sample data, into the run ``playground``."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._experiments: list[str] = []
        self._started = 0.0
        self._stopped = False

    def start(self, experiments: list[str], again: bool = False) -> None:
        """Start ``etabli run`` on these experiments, all ``again`` or what is left; refuses while another one runs."""
        with self._lock:
            if self.running:
                raise FolderBusy(
                    _("a training is under way"), fix=_("Wait until it ends, or stop it.")
                )
            self.home.mkdir(parents=True, exist_ok=True)
            self._experiments, self._started, self._stopped = list(experiments), time.time(), False
            self._lines.clear()
            self._process = subprocess.Popen(
                _command(experiments, self.home / RUN, again),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stderr:
            self._lines.append(line.rstrip()[:300])
        process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask the training to stop; what it finished is kept."""
        with self._lock:
            if self.running:
                self._stopped = True
                self._process.terminate()
                try:
                    self._process.wait(5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait(5)

    def state(self) -> dict[str, object]:
        """What the page shows: idle, running, done, stopped or failed, with the last lines that were said."""
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


def _command(experiments: list[str], out: Path, again: bool = False) -> list[str]:
    house = [sys.executable, "-m", "etabli", "--lang", current_language()]
    return [
        *house,
        "run",
        *experiments,
        "--data",
        "sample",
        "--out",
        str(out),
        *(["--again"] if again else []),
    ]
