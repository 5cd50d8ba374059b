"""The playground as static files, which open from a disk without a server or a network."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from etabli.core.atomic_files import explain_os_error, lock_folder
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.web.pages.cells import Interpreter
from etabli.web.publishing.check import MANIFEST
from etabli.web.publishing.contents import gather
from etabli.web.publishing.site import Site

__all__ = ["PublishedSite", "publish"]


@dataclass(frozen=True)
class PublishedSite:
    """A site: its folder, its pages in each language, its size, and notes on what is left out."""

    folder: Path
    pages: list[str]
    size: int  # in bytes
    seconds: float
    notes: list[str] = field(default_factory=list)


def publish(
    runs: str | Path | Sequence[str | Path] | None = None,
    out: str | Path = "site",
    *,
    photos: bool = False,
    pyodide: str | None = None,
    overwrite: bool = False,
) -> PublishedSite:
    """Write the playground as static files.

    The site opens from a disk, from GitHub Pages or from Moodle, without a server: its pages run
    the nets themselves.

    Args:
        runs: Runs, folders of runs, and models of ``etabli poetry train``. Their nets come before
            the shipped ones; an empty list: only these. By default the runs in ``runs``, in the
            order of ``etabli serve``.
        out: The folder to write.
        photos: Whether the figures of your runs that show photographs of Pascal VOC or Flickr8k
            are included; the photographs belong to their authors.
        pyodide: The folder or the address of a release of Pyodide, with which the cells of
            practical 1 run where the site is opened over http.
        overwrite: Whether a site that is there is replaced.

    Returns:
        The site.

    Raises:
        BadSetting: The folder exists, or two runs have the same name.
        DataMissing: A given folder is neither a run nor a model.
        EtabliError: The folder cannot be written.
    """
    started, out, interpreter = time.monotonic(), Path(out), Interpreter(pyodide)
    given = [runs] if isinstance(runs, str | Path) else runs
    _refuse_existing(out, overwrite)
    staging = out.absolute().parent / f".{out.absolute().name}.part"
    with lock_folder(staging):
        try:
            contents = gather(given, photos)
            site = Site(staging / "site", contents, interpreter)
            shutil.rmtree(site.folder, ignore_errors=True)  # of a call that was killed
            site.write()
            _refuse_existing(out, overwrite)
            size = sum(path.stat().st_size for path in site.folder.rglob("*") if path.is_file())
            shutil.rmtree(out, ignore_errors=True)
            site.folder.rename(out)
        except OSError as error:
            raise explain_os_error(error, out) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    pages, seconds = sorted(set(site.pages)), time.monotonic() - started
    return PublishedSite(out, pages, size, seconds, contents.notes)


def _refuse_existing(out: Path, overwrite: bool) -> None:
    """Refuse to write over a folder with files, unless it is a site and may be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    is_site = (out / MANIFEST).is_file()
    if is_site and overwrite:
        return
    fix = _("Choose another folder with --out, or replace the site with --overwrite.")
    if not is_site:
        fix = _("Choose another folder with --out: this one contains files that are not a site's.")
    raise BadSetting(_("{path} already exists").format(path=out), fix=fix)
