"""Inventory of the data sets on disk: found, missing, or changed."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.data.catalog.registry import DATASETS, Dataset, File, Part, Tree, get_dataset
from etabli.data.catalog.source import Source

COMPLETE, PARTIAL, STAND_IN, MISSING = N_("complete"), N_("partial"), N_("stand-in"), N_("missing")
OK, CHANGED, DAMAGED, REVISED = N_("ok"), N_("changed"), N_("damaged"), N_("revised")
UNRECORDED = N_("checksum not recorded")
_CHUNK = 2**20


@dataclass(frozen=True)
class Finding:
    """The state of one file or folder: ``ok``, ``changed``, ``damaged``, ``revised``, ..."""

    path: str
    state: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.state in (CHANGED, DAMAGED)


def find_datasets(source: Source | None = None) -> dict[str, str | None]:
    """Return the folder of every data set of the catalog, ``None`` where it is missing."""
    root = (source or Source.full()).root
    return {
        each.name: None if get_status(each, root / each.name) == MISSING else str(root / each.name)
        for each in DATASETS
    }


def get_status(dataset: Dataset, folder: Path) -> str:
    """Return ``complete``, ``partial``, ``stand-in`` (usable but not official) or ``missing``."""
    if not list_missing_parts(dataset, folder):
        return COMPLETE
    if find_stand_in(dataset, folder) is not None:
        return STAND_IN
    has_file = any(find_file(file, folder) for file in dataset.files)
    trees = [tree for part in dataset.parts for tree in part.trees if tree.count]
    return PARTIAL if has_file or any(_list_files(tree, folder) for tree in trees) else MISSING


def compute_download_size(names: Iterable[str], source: Source | None = None) -> int:
    """Return the bytes to download to complete data sets; nothing where a stand-in serves."""
    root = (source or Source.full()).root
    return sum(
        part.size
        for each in map(get_dataset, dict.fromkeys(names))
        if get_status(each, root / each.name) in (PARTIAL, MISSING)
        for part in list_missing_parts(each, root / each.name)
    )


def find_stand_in(dataset: Dataset, folder: Path) -> str | None:
    """Describe what serves in place of the official files; ``None`` where nothing does."""
    return next(
        (_(text) for path, text in dataset.stand_ins.items() if (folder / path).exists()), None
    )


def list_missing_parts(dataset: Dataset, folder: Path) -> list[Part]:
    """Return the downloads that a data set still needs."""
    return [part for part in dataset.parts if list_missing_files(part, folder)]


def list_missing_files(part: Part, folder: Path) -> list[str]:
    """Return the files and folders of a download that are missing or incomplete."""
    files = [file.path for file in part.files if find_file(file, folder) is None]
    return files + [tree.path for tree in part.trees if count_missing_files(tree, folder)]


def find_file(file: File, folder: Path) -> Path | None:
    """Return the path of a file in the data set's folder, under any of its names, or ``None``."""
    parent = folder / Path(file.path).parent
    return next((parent / name for name in file.names if (parent / name).is_file()), None)


def count_missing_files(tree: Tree, folder: Path) -> int:
    """Count the files of a folder that are missing."""
    found = _list_files(tree, folder)
    if tree.listed is None:
        return max(tree.count - len(found), 0)
    try:
        stems = (folder / tree.listed).read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return tree.count
    return len({f"{stem}{tree.suffix}" for stem in stems} - found)


def _list_files(tree: Tree, folder: Path) -> set[str]:
    try:
        with os.scandir(folder / tree.path) as entries:
            return {entry.name for entry in entries if entry.name.endswith(tree.suffix)}
    except OSError:
        return set()


def check_dataset(dataset: Dataset, folder: Path) -> Iterator[Finding]:
    """Read every file of a data set, compare it with the catalog, and yield the findings."""
    for part in dataset.parts:
        for file in part.files:
            path = find_file(file, folder)
            yield Finding(file.path, MISSING) if path is None else check_file(file, path)
        for tree in part.trees:
            if tree.count:
                missing = count_missing_files(tree, folder)
                state = PARTIAL if missing else UNRECORDED
                detail = _("{n} of {all} files").format(n=tree.count - missing, all=tree.count)
                yield Finding(tree.path, MISSING if missing == tree.count else state, detail)
    stand_ins = [path for path in dataset.stand_ins if (folder / path).exists()]
    if stand_ins:
        yield Finding(stand_ins[0], STAND_IN, _(dataset.stand_ins[stand_ins[0]]))


def check_file(file: File, path: Path) -> Finding:
    """Compare the content of a file, unpacked where it is gzip, with the catalog's checksum."""
    try:
        return _compare(file, path)
    except CorruptFile as error:
        return Finding(file.path, DAMAGED, str(error))


def _compare(file: File, path: Path) -> Finding:
    if file.packed and hash_file(path, "md5") == file.packed:
        return Finding(file.path, OK)
    if file.checksum is None:
        size = measure_content(path) if file.packed else path.stat().st_size
        if size == file.size or file.revised:
            return Finding(file.path, UNRECORDED)
        detail = _("{n} bytes instead of {expected}").format(n=size, expected=file.size)
        return Finding(file.path, CHANGED, detail)
    algorithm, __, expected = file.checksum.partition(":")
    found = hash_content(path, algorithm)
    if found == expected:
        return Finding(file.path, OK)
    detail = _("{algorithm} expected {expected}…, got {came}…").format(
        algorithm=algorithm, expected=expected[:12], came=found[:12]
    )
    return Finding(file.path, REVISED if file.revised else CHANGED, detail)


def fingerprint(dataset: Dataset, folder: Path) -> str:
    """Return ``sha256:hash`` of a data set, packed or not; empty where it is missing.

    Of photographs, by the thousand, only the names count; of lists of labels the content.
    """
    found = {file.path: find_file(file, folder) for file in dataset.files}
    found |= {path: folder / path for path in dataset.stand_ins if (folder / path).is_file()}
    known = {tree.path: tree for part in dataset.parts for tree in part.trees}
    listed = {path: _list_files(tree, folder) for path, tree in known.items()}
    for path in dataset.stand_ins:
        if (folder / path).is_dir():
            listed[path] = {each.name for each in (folder / path).iterdir()}
    if not any(found.values()) and not any(listed.values()):
        return ""
    found |= {
        f"{path}/{name}": folder / path / name
        for path, names in listed.items()
        for name in names
        if name.endswith(".txt")
    }
    lines = [f"{name} {hash_content(path)}" for name, path in sorted(found.items()) if path]
    lines += [" ".join([path, *sorted(listed[path])]) for path in sorted(listed)]
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def hash_file(path: Path, algorithm: str) -> str:
    """Return ``algorithm:hash`` of a file as it is, gzip or not."""
    with path.open("rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def hash_content(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file's content; of the unpacked content where it is gzip."""
    found = hashlib.new(algorithm)
    for chunk in read_content(path):
        found.update(chunk)
    return found.hexdigest()


def measure_content(path: Path) -> int:
    """Return the number of bytes of a file's content, unpacked where it is gzip."""
    return sum(map(len, read_content(path)))


def read_content(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in chunks, unpacked where it is gzip."""
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            with gzip.open(stream) if is_packed else stream as plain:
                while chunk := plain.read(_CHUNK):
                    yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile(_("{path} is truncated or damaged (gzip)").format(path=path)) from error
