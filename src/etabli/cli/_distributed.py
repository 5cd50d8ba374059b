"""Data-parallel training: the options of ``run`` and ``finetune``, and how a process ends."""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from etabli.cli import _errors
from etabli.core.errors import EtabliError
from etabli.core.i18n import _

Devices = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, metavar="N", help="Shard every batch over N devices of this process."
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Host of process 0, and a free port of its machine.",
    ),
]
Processes = Annotated[
    int, typer.Option(min=1, max=4096, metavar="N", help="Number of processes that train together.")
]
ProcessId = Annotated[
    int | None,
    typer.Option(min=0, metavar="I", help="Index of this process; 0 writes the results."),
]

EXIT_LOST = 8


@contextmanager
def train_distributed(
    devices: int | None, coordinator: str | None, processes: int, process: int | None
) -> Iterator[bool]:
    """Train data-parallel within the block; yield whether this is the main process, which writes.

    One of several processes ends here. Where one is lost, all others end with a sentence and exit
    code 8, since JAX would wait and then abort.
    """
    if processes == 1:
        if coordinator or process:
            raise EtabliError(
                _("a coordinator is for several processes"), fix=_("Give --processes N too.")
            )
        yield from _one_process(devices)
        return
    from etabli.training import data_parallel
    from etabli.training import processes as worker_processes

    host, port = worker_processes.parse_coordinator(coordinator, processes, process)
    assert process is not None  # checked by parse_coordinator
    worker_processes.set_cpu_devices(devices)
    worker_processes.connect((host, port), processes, process)
    _keep_output_clean()
    try:
        with data_parallel.use_devices():
            worker_processes.watch_processes(host, _lost)
            yield data_parallel.is_main_process()
            worker_processes.disconnect()
    except BaseException as error:
        _exit_now(_report(error))


def _one_process(devices: int | None) -> Iterator[bool]:
    if devices is None or devices == 1:
        yield True
        return
    from etabli.training import data_parallel
    from etabli.training import processes as worker_processes

    worker_processes.set_cpu_devices(devices)
    with data_parallel.use_devices(devices):
        yield True


def _keep_output_clean() -> None:
    """Keep the messages of JAX's transport off standard output, which is for results."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


@contextmanager
def output_folder(wanted: Path, is_main: bool) -> Iterator[Path]:
    """Yield the folder to write to: a temporary one unless this is the main process."""
    if is_main:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="etabli-process-") as scratch:
        yield Path(scratch) / wanted.name


def _lost(process: int) -> None:
    _errors.print_error(
        _("Process {number} of this training was lost; this one ends too.").format(number=process)
        + " "
        + _("What was finished is kept; start any number of processes again to resume.")
    )
    _exit_now(EXIT_LOST)


def _report(error: BaseException) -> int:
    """Print why this process ends; return its exit code."""
    import jax

    if isinstance(error, EtabliError):
        _errors.print_error(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _errors.print_error(_("Interrupted; what was finished is kept."))
        return 130
    if isinstance(error, jax.errors.JaxRuntimeError):
        # The thread that watches the others usually knows which was lost, and ends this process.
        time.sleep(5)
        _errors.print_error(
            _("The processes lost their connection ({reason}).").format(
                reason=str(error).strip().splitlines()[0]
            )
        )
        return EXIT_LOST
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    traceback.print_exception(error)
    return 1


def _exit_now(code: int) -> NoReturn:
    """Exit without JAX's shutdown, which would wait for lost processes and then abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
