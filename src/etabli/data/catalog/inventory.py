"""What lies on the disk of a data set: found, missing, or changed."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.data.catalog.registry import RESOURCES, File, Part, Resource, Tree, resources
from etabli.data.catalog.source import Source

COMPLETE, PARTIAL, STAND_IN, MISSING = N_("complete"), N_("partial"), N_("stand-in"), N_("missing")
OK, CHANGED, DAMAGED, REVISED = N_("ok"), N_("changed"), N_("damaged"), N_("revised")
UNRECORDED = N_("checksum not recorded")
_CHUNK = 2**20


@dataclass(frozen=True)
class Finding:
    """The state of one file or folder of a data set: one of ``ok``, ``changed``, ``damaged``, ``revised``,
    ``checksum not recorded``, ``missing``."""

    path: str
    state: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.state in (CHANGED, DAMAGED)


def located(file: File, folder: Path) -> Path | None:
    """Where a file of a data set lies in the set's folder, under any of its names; ``None`` where it does not."""
    parent = folder / Path(file.path).parent
    return next((parent / name for name in file.names if (parent / name).is_file()), None)


def absent(part: Part, folder: Path) -> list[str]:
    """The files and folders of a download that are not there, or not complete."""
    files = [file.path for file in part.files if located(file, folder) is None]
    return files + [tree.path for tree in part.trees if lacking(tree, folder)]


def lacking(tree: Tree, folder: Path) -> int:
    """How many files of a folder are not there."""
    found = _names(folder / tree.path, tree.suffix)
    if tree.listed is None:
        return max(tree.count - len(found), 0)
    try:
        stems = (folder / tree.listed).read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return tree.count
    return len({f"{stem}{tree.suffix}" for stem in stems} - found)


def missing_parts(resource: Resource, folder: Path) -> list[Part]:
    """The downloads that a data set still lacks."""
    return [part for part in resource.parts if absent(part, folder)]


def stand_in(resource: Resource, folder: Path) -> str | None:
    """What serves in place of the official files, with what differs; ``None`` where nothing does."""
    return next(
        (_(text) for path, text in resource.stand_ins.items() if (folder / path).exists()), None
    )


def status(resource: Resource, folder: Path) -> str:
    """``complete``, ``partial``, ``stand-in`` (usable, not the official set) or ``missing``."""
    lacks = missing_parts(resource, folder)
    if not lacks:
        return COMPLETE
    if stand_in(resource, folder) is not None:
        return STAND_IN
    return PARTIAL if _has_something(resource, folder) else MISSING


def full_size(names: Iterable[str], source: Source | None = None) -> int:
    """Bytes that would be downloaded to have these data sets whole; nothing where a stand-in serves."""
    root = (source or Source.full()).root
    named = tuple(names)
    return sum(
        part.size
        for each in (resources(named) if named else ())
        if status(each, root / each.name) in (PARTIAL, MISSING)
        for part in missing_parts(each, root / each.name)
    )


def found(source: Source | None = None) -> dict[str, str | None]:
    """Every data set of the catalogue and the folder where it lies, ``None`` where it is missing."""
    root = (source or Source.full()).root
    return {
        each.name: None if status(each, root / each.name) == MISSING else str(root / each.name)
        for each in RESOURCES
    }


def checked(resource: Resource, folder: Path) -> Iterator[Finding]:
    """Read every file of a data set and compare its content with the catalogue, one finding after another."""
    for part in resource.parts:
        for file in part.files:
            path = located(file, folder)
            yield Finding(file.path, MISSING) if path is None else compared(file, path)
        for tree in part.trees:
            if tree.count:
                yield _counted(tree, folder)
    instead = stand_in(resource, folder)
    if instead is not None:
        yield Finding(
            next(path for path in resource.stand_ins if (folder / path).exists()), STAND_IN, instead
        )


def compared(file: File, path: Path) -> Finding:
    """The content of a file, unpacked where it is gzip, against the checksum of the catalogue."""
    if file.checksum is None:
        size = path.stat().st_size
        if size == file.size or file.revised:
            return Finding(file.path, UNRECORDED)
        return Finding(
            file.path,
            CHANGED,
            _("{n} bytes, and not {expected}").format(n=size, expected=file.size),
        )
    algorithm, __, expected = file.checksum.partition(":")
    try:
        came = content_hash(path, algorithm)
    except CorruptFile as refusal:
        return Finding(file.path, DAMAGED, str(refusal))
    if came == expected:
        return Finding(file.path, OK)
    detail = _("{algorithm} expected {expected}…, got {came}…").format(
        algorithm=algorithm, expected=expected[:12], came=came[:12]
    )
    return Finding(file.path, REVISED if file.revised else CHANGED, detail)


def content_hash(path: Path, algorithm: str = "sha256") -> str:
    """The hash of what a file holds; of the unpacked content where it is gzip."""
    total = hashlib.new(algorithm)
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with closing(gzip.open(path, "rb") if packed else path.open("rb")) as stream:
            while chunk := stream.read(_CHUNK):
                total.update(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile(
            _("{path} breaks off or is damaged inside its gzip envelope").format(path=path)
        ) from error
    return total.hexdigest()


def _counted(tree: Tree, folder: Path) -> Finding:
    lacks = lacking(tree, folder)
    have = _("{n} of {all} files").format(n=tree.count - lacks, all=tree.count)
    if lacks == tree.count:
        return Finding(tree.path, MISSING, have)
    return Finding(tree.path, PARTIAL if lacks else UNRECORDED, have)


def _has_something(resource: Resource, folder: Path) -> bool:
    if any(located(file, folder) for file in resource.files):
        return True
    trees = [tree for part in resource.parts for tree in part.trees if tree.count]
    return any(_names(folder / tree.path, tree.suffix) for tree in trees)


def _names(folder: Path, suffix: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name.endswith(suffix)}
    except OSError:
        return set()
