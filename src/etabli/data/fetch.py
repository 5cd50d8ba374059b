"""Bringing an official data set: mirrors in order, resumed, checked, unpacked safely, placed whole."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from etabli.data import archive, catalogue, placing, shelf
from etabli.data.download import Policy, Step, Unreachable, download
from etabli.data.resource import Part, Resource
from etabli.data.source import Source
from etabli.errors import ChecksumMismatch, CorruptFile, NoNetwork, NoSpace, Refusal, UnsafeArchive
from etabli.files import explained
from etabli.i18n import _

# ``with progress(label, bytes) as step``; ``step(n)``: there are n bytes now.
Progress = Callable[[str, int], AbstractContextManager[Step]]
Say = Callable[[str], None]
_MARGIN = 2**20


@contextmanager
def silent(label: str, total: int) -> Iterator[Step]:
    """No progress."""
    yield lambda done: None


def fetch(
    name: str,
    source: Source | None = None,
    *,
    progress: Progress = silent,
    say: Say = lambda text: None,
    resource: Resource | None = None,
    policy: Policy | None = None,
) -> list[str]:
    """Download what a data set still lacks, check it and place it; returns the names of what was downloaded.

    Safe to interrupt at any moment (the next call goes on), and in two processes at once (the second waits, and
    finds the work done). ``resource`` and ``policy`` replace the catalogue's, for a mirror of one's own. Raises
    ``NoNetwork``, ``NoSpace``, ``ChecksumMismatch``, ``CorruptFile`` or ``UnsafeArchive``.
    """
    source, policy = source or Source.full(), policy or Policy()
    if source.is_sample:
        raise Refusal(_("sample data are made by the project and not fetched"))
    resource = resource or catalogue.resource(name)
    folder = source.root / name
    waiting = _("Another process is bringing '{name}'; waiting for it.").format(name=name)
    if not shelf.missing_parts(resource, folder):
        return []
    with placing.locked(source.root, name, lambda: say(waiting)) as workshop:
        parts = shelf.missing_parts(resource, folder)
        _room(parts, workshop)
        for part in parts:
            _bring(part, folder, workshop, policy, progress, say)
        return [part.name for part in parts]


def _bring(part: Part, folder: Path, workshop: Path, policy: Policy, progress: Progress, say: Say) -> None:
    """One part from the first mirror that has it, and has it right."""
    reasons: list[str] = []
    wrong: Refusal | None = None
    for url in part.urls:
        target = workshop / f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{part.name}"
        try:
            _from_mirror(part, url, target, folder, policy, progress)
            return
        except Unreachable as error:
            reason = str(error)
        except (CorruptFile, UnsafeArchive) as refusal:
            wrong, reason = refusal, refusal.wrong
        reasons.append(f"{urlsplit(url).hostname}: {reason}")
        if url != part.urls[-1]:
            say(_("{reason}; trying the next mirror.").format(reason=reasons[-1]))
    raise wrong or _no_network(part, reasons)


def _from_mirror(part: Part, url: str, target: Path, folder: Path, policy: Policy, progress: Progress) -> None:
    """Download, compare, place. What was resumed and turns out wrong is taken once more from its beginning."""
    resumed = target.exists() or target.with_name(f"{target.name}.part").exists()
    try:
        _download(part, url, target, policy, progress)
        _place(part, url, target, folder)
    except (CorruptFile, UnsafeArchive):
        target.unlink(missing_ok=True)
        if not resumed:
            raise
        _from_mirror(part, url, target, folder, policy, progress)


def _download(part: Part, url: str, target: Path, policy: Policy, progress: Progress) -> None:
    """The whole file of one mirror; only what a checksum can prove is ever resumed."""
    provable = bool(part.checksum or all(file.checksum and not file.revised for file in part.files))
    if not target.exists():
        with progress(part.name, part.size) as step:
            download(url, target, part.size + part.size // 10 + _MARGIN, policy, step, resume=provable)


def _place(part: Part, url: str, target: Path, folder: Path) -> None:
    """Compare, unpack beside, compare again, and only then put into the data set's folder."""
    _as_published(part, url, target)
    staged = placing.staging(target.parent)
    if any(part.name in file.names for file in part.files):
        _keep(target, staged / placing.place_of(part.name, [part]))
    else:
        archive.unpack(target, lambda name: _below(staged, placing.place_of(name, [part])))
    placing.verify(part.files, staged)
    _nothing_lacks(part, staged)
    placing.settle(staged, folder)
    target.unlink()


def _as_published(part: Part, url: str, target: Path) -> None:
    algorithm, __, expected = (part.checksum or "").partition(":")
    if not expected:
        return
    with target.open("rb") as stream:
        came = hashlib.file_digest(stream, algorithm).hexdigest()
    if came != expected:
        raise ChecksumMismatch(
            _("{url} did not give the archive that the catalogue describes").format(url=url),
            expected=f"{algorithm} {expected[:12]}…",
            got=f"{came[:12]}…",
            fix=_("Nothing was placed. Try again later, or bring a copy with 'etabli data import FILE'."),
        )


def _nothing_lacks(part: Part, staged: Path) -> None:
    lacks = shelf.absent(part, staged)
    if lacks:
        raise CorruptFile(
            _("{name} does not hold all that it should").format(name=part.name), expected=", ".join(lacks[:3])
        )


def _keep(target: Path, place: Path) -> None:
    """A file that is kept as it came. It is linked, so that a kill here costs no second download."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(target)
    except OSError:
        try:
            shutil.copyfile(target, place)
        except OSError as error:
            raise explained(error, place) from error


def _below(folder: Path, place: str | None) -> Path | None:
    return None if place is None else folder / place


def _room(parts: list[Part], workshop: Path) -> None:
    """Refuse before the first byte where the disk cannot hold the downloads and what they unpack to."""
    largest = max((part.size for part in parts if part.unpacked), default=0)
    need = largest + sum(part.unpacked or part.size for part in parts)
    need -= sum(path.stat().st_size for path in workshop.glob("*") if path.is_file())
    free = shutil.disk_usage(workshop).free
    if need > free:
        raise NoSpace(
            _("there is not enough room in {folder}").format(folder=workshop.parent.parent),
            expected=_("{n} MB free").format(n=-(-need // 10**6)),
            got=_("{n} MB").format(n=free // 10**6),
            fix=_("Free some disk space, or set ETABLI_DATA to a folder on a larger disk."),
        )


def _no_network(part: Part, reasons: list[str]) -> NoNetwork:
    return NoNetwork(
        _("{name} could not be downloaded ({reasons})").format(name=part.name, reasons="; ".join(reasons)),
        fix=_(
            "Check the connection and run the same command again: it goes on where it stopped. Or bring a copy "
            "from another machine: etabli data import FILE-OR-FOLDER."
        ),
    )
