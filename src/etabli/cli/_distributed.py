"""Training over devices and processes: the options that ``run`` and ``finetune`` share, and how such a process ends."""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.errors import EtabliError
from etabli.core.i18n import _

Devices = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, metavar="N", help="Deal every batch out over N devices of this process."
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Where several processes meet: a free port of the machine of process 0.",
    ),
]
Processes = Annotated[
    int, typer.Option(min=1, max=4096, metavar="N", help="How many processes train together.")
]
ProcessId = Annotated[
    int | None, typer.Option(min=0, metavar="I", help="Which of them this is, from 0; 0 writes.")
]

LOST = 8


@contextmanager
def spreading(
    devices: int | None, coordinator: str | None, processes: int, process: int | None
) -> Iterator[bool]:
    """Train within the block as was asked for; gives whether this process is the one that writes.

    Of several processes, each ends here: a lost one ends all others with a sentence and the exit code 8, since JAX
    would wait, and then abort.
    """
    if processes == 1:
        if coordinator or process:
            raise EtabliError(_("one process has nobody to meet"), fix=_("Give --processes N too."))
        yield from _alone(devices)
        return
    from etabli.training import data_parallel
    from etabli.training import processes as worker_processes

    host, port = worker_processes.check(coordinator, processes, process)
    worker_processes.devices_of_cpu(devices)
    worker_processes.connect((host, port), processes, process)
    _keep_output_clean()
    try:
        with data_parallel.use_devices():
            worker_processes.watch(host, _lost)
            yield data_parallel.is_main_process()
            worker_processes.disconnect()
    except BaseException as error:
        _end(_told(error))


def _alone(devices: int | None) -> Iterator[bool]:
    if devices is None or devices == 1:
        yield True
        return
    from etabli.training import data_parallel
    from etabli.training import processes as worker_processes

    worker_processes.devices_of_cpu(devices)
    with data_parallel.use_devices(devices):
        yield True


def _keep_output_clean() -> None:
    """Standard output is for results: what JAX's transport says of its connections goes nowhere."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


@contextmanager
def folder_of(wanted: Path, leads: bool) -> Iterator[Path]:
    """The folder to write in: a scratch one for a process that does not lead."""
    if leads:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="etabli-follows-") as scratch:
        yield Path(scratch) / wanted.name


def _lost(process: int) -> None:
    _errors.print_error(
        _("Process {number} of this training was lost: this one ends too. ").format(number=process)
        + _("What was finished is kept; start all of them again, as many as you like, to go on.")
    )
    _end(LOST)


def _told(error: BaseException) -> int:
    """Tell why this process ends; returns its exit code."""
    import jax

    if isinstance(error, EtabliError):
        _errors.print_error(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _errors.print_error(_("Interrupted; what was finished is kept."))
        return 130
    if isinstance(error, jax.errors.JaxRuntimeError):
        time.sleep(
            5
        )  # whoever watches the others knows which was lost, and ends this process meanwhile
        _errors.print_error(
            _("The processes lost one another ({reason}).").format(
                reason=str(error).strip().splitlines()[0]
            )
        )
        return LOST
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    traceback.print_exception(error)
    return 1


def _end(code: int) -> None:
    """End at once: JAX's own farewell would wait for processes that are not there, and abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
