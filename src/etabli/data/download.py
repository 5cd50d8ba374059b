"""One address, one file: over https from the catalogue's hosts only, resumed where it broke off, never too large."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from etabli.data import catalogue
from etabli.errors import CorruptFile, UnsafeArchive
from etabli.files import explained
from etabli.i18n import _

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

    hosts: frozenset[str] = field(default_factory=catalogue.hosts)
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


def download(url: str, target: Path, most: int, policy: Policy, step: Step, resume: bool = True) -> None:
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
                _refuse_more(start + int(response.headers.get("Content-Length") or 0), most, url, partial)
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
            policy.check(url), headers=headers, stream=True, allow_redirects=False, timeout=policy.timeout
        )
        if not response.is_redirect:
            return response
        url = urljoin(url, response.headers["Location"])
        response.close()
    raise Unreachable(_("it sends from one address to the next"))


def _start(response, have: int, partial: Path) -> int:
    """Where the content of the response begins: after what is there, or at zero."""
    if response.headers.get("Content-Encoding", "identity") not in ("identity", "") and ".gz" not in partial.name:
        raise Unreachable(_("it answers in a packed form that was not asked for"))
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if begins and int(begins[1]) == have:
            return have
    if response.status_code == HTTPStatus.OK:
        return 0
    if have and response.status_code in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
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
        raise explained(error, partial) from error


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
