"""Bringing an official data set: mirrors in order, resumed, checked, unpacked safely, placed whole.

One address, one file: over https from the catalogue's hosts only, resumed where it broke off, never too large.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import (
    ChecksumMismatch,
    CorruptFile,
    EtabliError,
    NoNetwork,
    NoSpace,
    UnsafeArchive,
)
from etabli.core.i18n import _
from etabli.data.catalog import archive, install, inventory, registry
from etabli.data.catalog.registry import Part, Resource
from etabli.data.catalog.source import Source

ATTEMPTS = 5  # in a row without a byte gained
REDIRECTS = 5
_CHUNK = 2**14
_WAIT = 0.5  # seconds, doubled after every attempt

Step = Callable[[int], None]


class Unreachable(Exception):
    """A mirror did not answer, or broke off again and again; another one may do better."""


@dataclass(frozen=True)
class Policy:
    """What a download may touch; redirects are held to it as well. Seconds to wait for an answer and for data."""

    hosts: frozenset[str] = field(default_factory=registry.hosts)
    schemes: tuple[str, ...] = ("https",)
    timeout: tuple[float, float] = (10.0, 60.0)

    def check(self, url: str) -> str:
        """The address, or ``UnsafeArchive`` where it lies outside."""
        parts = urlsplit(url)
        if parts.scheme in self.schemes and parts.hostname in self.hosts:
            return url
        raise UnsafeArchive(
            _("the download led to {url}, which the catalogue does not know").format(url=url[:200]),
            expected=_("{schemes} and one of {hosts}").format(
                schemes=", ".join(self.schemes), hosts=", ".join(sorted(self.hosts))
            ),
        )


def download(
    url: str, target: Path, most: int, policy: Policy, step: Step, resume: bool = True
) -> None:
    """Bring ``url`` to ``target``, which appears in one step when it is whole.

    What came before a break lies in ``<target>.part`` and is gone on with by a Range request (``resume``);
    a server that ignores it starts again. ``step(bytes)`` tells how much there is. Raises ``Unreachable``,
    ``CorruptFile`` for more than ``most`` bytes, ``UnsafeArchive`` for an address outside of the policy.
    """
    partial = target.with_name(f"{target.name}.part")
    if not resume:
        partial.unlink(missing_ok=True)
    failures, have = 0, _size(partial)
    while True:
        try:
            _continue(url, partial, most, policy, step)
            break
        except Unreachable:
            failures = 1 if _size(partial) > have else failures + 1
            have = max(have, _size(partial))
            if failures >= (ATTEMPTS if have else 2):
                raise
            time.sleep(_WAIT * 2 ** (failures - 1))
    partial.replace(target)


def _continue(url: str, partial: Path, most: int, policy: Policy, step: Step) -> None:
    import requests
    import urllib3

    have = _size(partial)
    try:
        with requests.Session() as session:
            session.auth = lambda request: request  # no password from a .netrc is sent anywhere
            response = _answer(session, url, have, policy)
            with response:
                start = _start(response, have, partial)
                _refuse_more(
                    start + int(response.headers.get("Content-Length") or 0), most, url, partial
                )
                _receive(response, partial, start, most, url, step)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unreachable(_reason(error)) from error


def _answer(session, url: str, have: int, policy: Policy):
    """The response to a request, redirects followed one by one, each held to the policy."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "etabli"}
    if have:
        headers["Range"] = f"bytes={have}-"
    for __ in range(REDIRECTS):
        response = session.get(
            policy.check(url),
            headers=headers,
            stream=True,
            allow_redirects=False,
            timeout=policy.timeout,
        )
        if not response.is_redirect:
            return response
        url = urljoin(url, response.headers["Location"])
        response.close()
    raise Unreachable(_("it sends from one address to the next"))


def _start(response, have: int, partial: Path) -> int:
    """Where the content of the response begins: after what is there, or at zero."""
    if (
        response.headers.get("Content-Encoding", "identity") not in ("identity", "")
        and ".gz" not in partial.name
    ):
        raise Unreachable(_("it answers in a packed form that was not asked for"))
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if begins and int(begins[1]) == have:
            return have
    if response.status_code == HTTPStatus.OK:
        return 0
    if have and response.status_code in (
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    ):
        partial.unlink(missing_ok=True)
        raise Unreachable(_("it does not go on where the download broke off"))
    raise Unreachable(f"HTTP {response.status_code}")


def _receive(response, partial: Path, start: int, most: int, url: str, step: Step) -> None:
    try:
        with partial.open("r+b" if start else "wb") as out:
            if start:
                out.seek(start)
                out.truncate()
            step(start)
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                start += len(chunk)
                _refuse_more(start, most, url, partial)
                out.write(chunk)
                step(start)
    except OSError as error:
        raise explain_os_error(error, partial) from error


def _refuse_more(size: int, most: int, url: str, partial: Path) -> None:
    if size <= most:
        return
    partial.unlink(missing_ok=True)
    raise CorruptFile(
        _("{url} is larger than the catalogue says").format(url=url),
        expected=_("at most {n} bytes").format(n=most),
        got=size,
        fix=_("Nothing was placed. Bring a copy with 'etabli data import FILE' if you have one."),
    )


def _reason(error: Exception) -> str:
    """A short reason for a network error, without its nested objects."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return _("its certificate is not valid")
    if isinstance(error, requests.exceptions.Timeout):
        return _("no answer in time")
    if isinstance(error, requests.exceptions.ConnectionError):
        return _("no connection")
    return _("the connection broke off")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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
        raise EtabliError(_("sample data are made by the project and not fetched"))
    resource = resource or registry.resource(name)
    folder = source.root / name
    waiting = _("Another process is bringing '{name}'; waiting for it.").format(name=name)
    if not inventory.missing_parts(resource, folder):
        return []
    with install.locked(source.root, name, lambda: say(waiting)) as workshop:
        parts = inventory.missing_parts(resource, folder)
        _room(parts, workshop)
        for part in parts:
            _bring(part, folder, workshop, policy, progress, say)
        return [part.name for part in parts]


def _bring(
    part: Part, folder: Path, workshop: Path, policy: Policy, progress: Progress, say: Say
) -> None:
    """One part from the first mirror that has it, and has it right."""
    reasons: list[str] = []
    wrong: EtabliError | None = None
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


def _from_mirror(
    part: Part, url: str, target: Path, folder: Path, policy: Policy, progress: Progress
) -> None:
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
            download(
                url, target, part.size + part.size // 10 + _MARGIN, policy, step, resume=provable
            )


def _place(part: Part, url: str, target: Path, folder: Path) -> None:
    """Compare, unpack beside, compare again, and only then put into the data set's folder."""
    _as_published(part, url, target)
    staged = install.staging(target.parent)
    if any(part.name in file.names for file in part.files):
        _keep(target, staged / install.place_of(part.name, [part]))
    else:
        archive.unpack(target, lambda name: _below(staged, install.place_of(name, [part])))
    install.verify(part.files, staged)
    _nothing_lacks(part, staged)
    install.settle(staged, folder)
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
            fix=_(
                "Nothing was placed. Try again later, or bring a copy with 'etabli data import FILE'."
            ),
        )


def _nothing_lacks(part: Part, staged: Path) -> None:
    lacks = inventory.absent(part, staged)
    if lacks:
        raise CorruptFile(
            _("{name} does not hold all that it should").format(name=part.name),
            expected=", ".join(lacks[:3]),
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
            raise explain_os_error(error, place) from error


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
        _("{name} could not be downloaded ({reasons})").format(
            name=part.name, reasons="; ".join(reasons)
        ),
        fix=_(
            "Check the connection and run the same command again: it goes on where it stopped. Or bring a copy "
            "from another machine: etabli data import FILE-OR-FOLDER."
        ),
    )
