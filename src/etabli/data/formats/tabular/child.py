"""Files whose library may crash on damage, read by a child process with limits.

The readers of MATLAB and HDF5 files trust what they read: a damaged file can make them crash, loop
or ask for all memory. The child sends one line of JSON and arrays, never objects.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from etabli.core import errors, i18n
from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, EtabliError
from etabli.core.i18n import TranslatableStr, _
from etabli.data.formats.tabular.table import Labels, Options, RawTable

__all__ = ["read_labels", "read_points"]

_SECONDS = 20  # of the processor, and one more for each of the next bytes
_BYTES_A_SECOND = 2**21
_LEAST_MEMORY = 2**32  # of address space
_COMMAND = "from etabli.data.formats.tabular import child; child.main()"


def read_points(path: Path, options: Options, *, need_labels: bool = True) -> RawTable:
    """Read the points of a ``.mat``, ``.h5``, ``.hdf5`` or ``.h5ad`` file."""
    header, (points, *labels) = _ask(path, options, "points", need_labels)
    remarks = [_unpack(each) for each in header["remarks"]]
    found = Labels(*labels) if labels else None
    return RawTable(str(path), points, found, remarks=remarks)


def read_labels(path: Path, options: Options) -> Labels:
    """Read the labels of a file of labels in one of these formats."""
    _header, arrays = _ask(path, options, "labels", need_labels=True)
    return Labels(*arrays)


# --- the parent -----------------------------------------------------------------------------------


def _ask(
    path: Path, options: Options, what: str, need_labels: bool
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the header and the arrays that the child sends; raise its error, or how it ended."""
    import psutil

    request = {
        "path": str(path),
        "options": asdict(options),
        "what": what,
        "need_labels": need_labels,
        "language": i18n.current_language(),
        "seconds": _SECONDS + path.stat().st_size // _BYTES_A_SECOND,
        "memory": max(_LEAST_MEMORY, psutil.virtual_memory().available),
    }
    with tempfile.TemporaryFile() as said:
        with _start(json.dumps(request), said) as process:
            try:
                header = parse_json(process.stdout.readline())
                arrays = [_receive(process.stdout) for _each in range(header["arrays"])]
            except (ValueError, EOFError, KeyError):  # it ended before it was done
                header, arrays = None, []
            except BaseException:
                process.kill()
                raise
        code = process.returncode
        if header is None:
            said.seek(0)
            raise _explain_end(path, code, said.read().decode("utf-8", "replace"), request)
    if "error" in header:
        raise _restore_error(header["error"])
    return header, arrays


def _start(request: str, said: IO[bytes]) -> Any:
    """Start the child, without the folder of the user's own files in its path of modules."""
    root = str(Path(i18n.__file__).parents[2])
    places = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _COMMAND, request],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=said,
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(places)},
    )


class _Pipe:
    """A pipe, which NumPy reads and writes in parts where it does not know that it is a file."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.read, self.write = stream.read, stream.write


def _receive(stream: IO[bytes]) -> np.ndarray:
    found: np.ndarray = np.lib.format.read_array(_Pipe(stream), allow_pickle=False)
    return found


def _explain_end(path: Path, code: int, said: str, request: dict[str, Any]) -> EtabliError:
    if "MemoryError" in said:
        return EtabliError(_("{path} does not fit in memory").format(path=path))
    reason: str | None = said.strip().rsplit("\n", 1)[-1][:200] or None
    if code < 0 and -code == getattr(signal, "SIGXCPU", None):
        reason = _("its reader did not end within {n} s").format(n=request["seconds"])
    elif code < 0:
        reason = _("its reader was ended by signal {signal}").format(signal=-code)
    return CorruptFile(
        _("{path} is damaged").format(path=path),
        got=reason,
        fix=_("Save it again, for example as .npz: numpy.savez(FILE, X=points, y=labels)."),
    )


# --- the child ------------------------------------------------------------------------------------


def main() -> None:
    """Read the file of the request and send what it holds: the whole life of the child."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not mixed with what is sent
    answer(parse_json(sys.argv[1]), out)


def answer(request: dict[str, Any], out: IO[bytes]) -> None:
    """Send a header and arrays, or an error."""
    _limit(request["seconds"], request["memory"])
    i18n.set_language(request["language"])
    header: dict[str, Any]
    try:
        header, arrays = _read(request)
    except EtabliError as error:
        header, arrays = {"error": _pack_error(error)}, []
    send(out, header, arrays)
    out.close()


def send(out: IO[bytes], header: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Write a line of JSON and arrays, as the parent reads them."""
    out.write(json.dumps({**header, "arrays": len(arrays)}).encode() + b"\n")
    for array in arrays:
        np.lib.format.write_array(_Pipe(out), array, allow_pickle=False)


def _limit(seconds: int, memory: int) -> None:
    with suppress(ImportError):  # Windows
        import resource

        for limit, most in (
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):  # a stricter one is in force
                resource.setrlimit(limit, (most, most + 1))


def _read(request: dict[str, Any]) -> tuple[dict[str, Any], list[np.ndarray]]:
    from etabli.data.formats.tabular import array_files, frames, scientific_files

    path, given = Path(request["path"]), request["options"]
    names = ("keep_columns", "drop_columns")
    options = Options(**{**given, **{name: tuple(given[name]) for name in names}})
    if request["what"] == "labels":
        labels = scientific_files.read_arrays(
            path, lambda arrays: array_files.choose_label_array(arrays, path, options)
        )
        return {}, [labels.codes, labels.names]
    if path.suffix.lower() == ".h5ad":
        raw = frames.read_h5ad(path, options, need_labels=request["need_labels"])
    else:
        raw = scientific_files.read_arrays(
            path, lambda arrays: array_files.choose_arrays(arrays, path, options)
        )
    header = {"remarks": [_pack(each) for each in raw.remarks]}
    return header, [raw.points, *([raw.labels.codes, raw.labels.names] if raw.labels else [])]


# --- sentences that stay translatable -------------------------------------------------------------


def _pack(text: object) -> Any:
    if not isinstance(text, TranslatableStr):
        return None if text is None else str(text)
    values = {name: _pack(value) for name, value in text.placeholders.items()}
    return [str(text), text.message, values]


def _unpack(packed: Any) -> Any:
    if not isinstance(packed, list):
        return packed
    text, message, values = packed
    return TranslatableStr(text, message, {name: _unpack(each) for name, each in values.items()})


def _pack_error(error: EtabliError) -> dict[str, Any]:
    parts = {name: _pack(getattr(error, name)) for name in ("wrong", "expected", "got", "fix")}
    return {"kind": type(error).__name__, **parts}


def _restore_error(packed: dict[str, Any]) -> EtabliError:
    kind = getattr(errors, packed["kind"])
    error: EtabliError = kind.__new__(kind)
    details = {name: _unpack(packed[name]) for name in ("expected", "got", "fix")}
    EtabliError.__init__(error, _unpack(packed["wrong"]), **details)
    return error
