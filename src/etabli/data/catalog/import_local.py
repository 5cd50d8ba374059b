"""Taking in what someone already has: an archive, a folder or a file, wherever the data lie inside."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.catalog import archive, install, inventory
from etabli.data.catalog.fetch import Progress, Say, silent
from etabli.data.catalog.registry import RESOURCES, Resource
from etabli.data.catalog.source import Source


@dataclass(frozen=True)
class Brought:
    """How many files of a data set were placed, its status now, and what it still lacks."""

    name: str
    placed: int
    status: str
    lacks: tuple[str, ...]


def bring(
    path: Path | str,
    source: Source | None = None,
    *,
    progress: Progress = silent,
    say: Say = lambda text: None,
    resources: tuple[Resource, ...] = RESOURCES,
) -> list[Brought]:
    """Recognise the files of the catalogue in an archive or a folder (also in the official archives inside of it),
    check them, and place copies of them. What is given is only read.

    Raises ``DataMissing`` where nothing is recognised, and ``ChecksumMismatch`` where a file is not the official
    one: then nothing is placed.
    """
    path, source = Path(path).expanduser(), source or Source.full()
    if not path.exists():
        raise DataMissing(_("there is no file or folder {path}").format(path=path))
    if source.is_sample:
        raise EtabliError(_("sample data are made by the project and not imported"))
    with ExitStack() as locks:
        staged = {}
        for resource in resources:
            waiting = _("Another process is bringing '{name}'; waiting for it.").format(
                name=resource.name
            )
            workshop = locks.enter_context(
                install.locked(source.root, resource.name, lambda text=waiting: say(text))
            )
            staged[resource.name] = install.staging(workshop)
        _collect(path, resources, staged, progress)
        for resource in resources:
            install.verify(resource.files, staged[resource.name])
        brought = [_settled(each, staged[each.name], source.root / each.name) for each in resources]
    found = [each for each in brought if each.placed]
    if not found:
        raise _nothing(path, resources)
    return found


def _collect(
    path: Path, resources: tuple[Resource, ...], staged: dict[str, Path], progress: Progress
) -> None:
    """Copy or unpack into the staging folders all that is recognised; what is met first is kept."""

    def choose(name: str) -> Path | None:
        for resource in resources:
            place = install.place_of(name, resource.parts)
            if place is not None:
                target = staged[resource.name] / place
                return None if target.exists() else target
        return None

    official = {part.name for resource in resources for part in resource.parts}
    files = list(_files(path))
    with progress(path.name, len(files)) as step:
        for done, (name, file) in enumerate(files, start=1):
            target = choose(name)
            if target is not None:
                _copy(file, target)
            elif file == path or file.name in official:
                archive.unpack(file, choose)
            step(done)


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Every file with the path under which it is recognised; links that lead to folders are not followed."""
    if path.is_file():
        yield path.name, path
        return
    for folder, __, names in os.walk(path):
        for name in sorted(names):
            file = Path(folder) / name
            if file.is_file():
                yield str(file.absolute()), file


def _copy(file: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise explain_os_error(error, target) from error


def _settled(resource: Resource, staged: Path, folder: Path) -> Brought:
    placed = install.settle(staged, folder)
    lacks = dict.fromkeys(
        path for part in resource.parts for path in inventory.absent(part, folder)
    )
    return Brought(resource.name, placed, inventory.status(resource, folder), tuple(lacks))


def _nothing(path: Path, resources: tuple[Resource, ...]) -> DataMissing:
    known = [part.name for resource in resources for part in resource.parts]
    return DataMissing(
        _("nothing in {path} belongs to a data set of the catalogue").format(path=path),
        expected=_("files such as {names}").format(names=", ".join(known)),
    )
