"""Submissions of students: files, folders, or Moodle's zip, each with its student."""

import ast
import lzma
import re
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import text_file

__all__ = ["Submission", "collect", "read_code", "read_declared"]

# "Ada Lovelace_12345_assignsubmission_file_", a folder, or the beginning of a file's name.
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?")
_SUFFIXES = (".py", ".ipynb")
_MOST_BYTES, _MOST_FILES = 5_000_000, 2000  # of a file, in a zip
_MOST_BYTES_IN_ALL = 500_000_000  # in a zip
# What a broken zip raises while its members are read.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, NotImplementedError, EOFError, ValueError),
)
_IGNORED = ("__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git", ".venv", "venv")


@dataclass(frozen=True)
class Submission:
    """A submitted file: the name and number of its folder, its path there, and its bytes."""

    owner: str
    number: str
    path: str
    content: bytes

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()


def collect(place: Path) -> tuple[list[Submission], list[str]]:
    """Read every Python file and notebook of a folder or zip, including nested zips.

    Returns:
        The files in the order of their paths, and a sentence on each thing that is left out.
    """
    if not place.exists():
        raise DataMissing(_("there is no folder or file {path}").format(path=place))
    left_out: list[str] = []
    files = [(name, content) for name, content in _read_place(place, left_out)]
    found = [_make_submission(name, content) for name, content in sorted(files)]
    if not found:
        raise DataMissing(
            _("{path} contains neither a Python file nor a notebook").format(path=place),
            fix=_("Give the folder or zip with one folder per student, as Moodle creates it."),
        )
    return found, left_out


def _read_place(place: Path, left_out: list[str]) -> Iterator[tuple[str, bytes]]:
    if place.is_file():
        yield from _read_file(place.name if place.suffix != ".zip" else "", place, left_out)
        return
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            left_out.append(_("{path}: a link, not followed").format(path=name))
        elif path.is_file() and not _is_ignored(name):
            yield from _read_file(name, path, left_out)


def _read_file(name: str, path: Path, left_out: list[str]) -> Iterator[tuple[str, bytes]]:
    try:
        if path.suffix.lower() == ".zip":
            yield from _read_zip(name, path, left_out)
        elif path.suffix.lower() not in _SUFFIXES:
            left_out.append(_("{path}: neither a Python file nor a notebook").format(path=name))
        elif path.stat().st_size > _MOST_BYTES:
            left_out.append(_("{path}: larger than 5 MB").format(path=name))
        else:
            yield name, path.read_bytes()
    except (*_BROKEN, OSError, EtabliError) as error:
        left_out.append(f"{name or path.name}: {error}")


def _read_zip(prefix: str, path: Path, left_out: list[str]) -> Iterator[tuple[str, bytes]]:
    """Read the files of a zip in memory: nothing is unpacked, so no path can escape."""
    folder = f"{prefix.rpartition('.')[0]}/" if prefix else ""
    if "/" in prefix:  # a zip in a student's folder
        folder = f"{prefix.rpartition('/')[0]}/"
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist()[:_MOST_FILES]:
            name = member.filename.replace("\\", "/")
            if member.is_dir() or _is_ignored(name):
                continue
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            if is_link or ".." in name.split("/") or name.startswith("/"):
                left_out.append(_("{path}: a link, not followed").format(path=name))
            elif PurePosixPath(name).suffix.lower() not in _SUFFIXES:
                left_out.append(_("{path}: neither a Python file nor a notebook").format(path=name))
            elif member.file_size > _MOST_BYTES or total > _MOST_BYTES_IN_ALL:
                left_out.append(_("{path}: larger than 5 MB").format(path=name))
            else:
                total += member.file_size
                yield folder + name, archive.read(member)
        if len(archive.infolist()) > _MOST_FILES:
            left_out.append(_("{path}: more than 2000 files").format(path=path.name))


def _is_ignored(name: str) -> bool:
    parts = name.split("/")
    return any(part in _IGNORED or part.startswith("._") for part in parts)


def _make_submission(name: str, content: bytes) -> Submission:
    """Identify the student of a file: by Moodle's folder, the first folder, or the file."""
    parts = name.split("/")
    for index, part in enumerate(parts):
        if found := _MOODLE.match(part):
            inside = "/".join(parts[index + 1 :]) or part[found.end() :]
            return Submission(found["name"], found["number"], inside, content)
    owner = parts[0] if len(parts) > 1 else PurePosixPath(name).stem
    return Submission(owner, "", "/".join(parts[1:]) or name, content)


def read_code(submission: Submission) -> str:
    """Return the Python code of a file or notebook. Raises ``CorruptFile``."""
    text = text_file.decode(submission.content, submission.path).text
    if submission.suffix == ".py":
        return text
    try:
        cells = parse_json(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        says = _("{path} is not a notebook")
        raise CorruptFile(says.format(path=submission.path)) from error
    lines = "\n".join(sources).split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def read_declared(code: str) -> tuple[dict[str, object], set[str]]:
    """Return the constants and function names of a file, without running it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on a student's escape sequences
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}, set()
    constants: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    constants[target.id] = node.value.value
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return constants, functions
