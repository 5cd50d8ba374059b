"""Runs deleted and renamed: only what Établi wrote, and never while a process writes in it."""

import re
import shutil
from pathlib import Path

from etabli.core.atomic_files import explain_os_error, lock_folder, parse_json
from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _
from etabli.report import is_report, live, run_folder

__all__ = ["delete_run", "rename_run"]

_NAME = re.compile(r"\w[\w.+ -]{0,98}[\w+]|\w")


def delete_run(folder: Path) -> list[str]:
    """Delete a run; return the names of the files in its folder that are not its own and stay.

    Raises ``EtabliError`` where the folder is a link, or a process writes in it.
    """
    _refuse_link(folder)
    try:
        with lock_folder(folder):
            (folder / "run.json").unlink(missing_ok=True)  # first: it is no run any longer
            for seed_run in folder.glob("*/seed-*"):
                _remove(seed_run)
            for experiment in {path for path in folder.iterdir() if path.is_dir()}:
                _remove_empty(experiment)
            (folder / live.FILE).unlink(missing_ok=True)
            if is_report(folder / "report.html"):
                (folder / "report.html").unlink()
        (folder / ".lock").unlink(missing_ok=True)
        _remove_empty(folder)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def rename_run(folder: Path, name: str) -> Path:
    """Rename a run, in its record too; return its new folder.

    Raises ``EtabliError`` where the name is not a folder name or is taken, the folder is a link, or
    a process writes in it.
    """
    _refuse_link(folder)
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise BadSetting(
            _("this is not the name of a run"),
            expected=_("letters, digits, spaces and . + - _, at most 100"),
            got=name,
        )
    target = folder.with_name(name)
    is_taken = any(each.name.lower() == name.lower() for each in folder.parent.iterdir())
    if is_taken and not (target.name.lower() == folder.name.lower()):
        raise BadSetting(
            _("there is already a run or a file of that name"), fix=_("Choose another name.")
        )
    try:
        with lock_folder(folder):
            _write_name(folder, name)
        folder.rename(target)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return target


def _write_name(folder: Path, name: str) -> None:
    """Write a name to the record of a run; one that cannot be read stays as it is."""
    path = folder / "run.json"
    try:
        run_folder.read_run(folder)
    except EtabliError:
        return
    document = parse_json(path.read_bytes())  # its texts in every language, which records lose
    document["name"] = name
    run_folder.write_document(path, document)


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise BadSetting(
            _("{name} is a link to another folder").format(name=folder.name),
            fix=_("Delete or rename it where you made the link."),
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _remove_empty(folder: Path) -> None:
    if not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
