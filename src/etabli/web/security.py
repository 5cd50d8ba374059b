"""Who may come in: this machine alone, or whoever holds the token; never a page of another site.

A browser lets any site send requests to this machine. So a request is refused whose ``Host`` is a name that is not
ours (a rebound domain), whose ``Origin`` is another, or that another site's page made (``Sec-Fetch-Site``).
"""

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etabli.core.i18n import _

COOKIE = "etabli_token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Door:
    """The address that is served, and the token that opens it; on loopback there is none."""

    host: str = "127.0.0.1"
    token: str | None = None

    @classmethod
    def at(cls, host: str | None) -> "Door":
        """Loopback where no host is given, and then no token; any host that is given gets one."""
        return cls() if host is None else cls(host, secrets.token_urlsafe(24))

    def knows(self, header: str) -> bool:
        """Whether a ``Host`` header names this machine. An address is no name, so that nobody can rebind it."""
        name = host_name(header)
        if name in ("localhost", "::1") or _is_loopback(name):
            return True
        if self.token is None:
            return False
        return _is_address(name) or name in (self.host.lower(), socket.gethostname().lower())

    def opens(self, given: str | None) -> bool:
        """Whether the token that came is the one, compared in constant time."""
        return self.token is None or hmac.compare_digest(
            (given or "").encode(), self.token.encode()
        )


def host_name(header: str) -> str:
    """The name in ``name:port`` or ``[address]:port``, in lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


class Guard:
    """The first thing that a request meets, and the last that a response passes."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self.door.knows(host):
            return PlainTextResponse(_("This address is not served here."), 421)
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope['scheme']}://{host}":
            return PlainTextResponse(_("A page of another site may not ask here."), 403)
        elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if elsewhere and not (
            headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        ):
            return PlainTextResponse(_("A page of another site may not ask here."), 403)
        return self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        if self.door.token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if given is not None and self.door.opens(given):
            return self._let_in(scope["path"], [pair for pair in query if pair[0] != "token"])
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if self.door.opens(_cookies(headers).get(COOKIE)) or self.door.opens(bearer):
            return None
        return PlainTextResponse(
            _("Open the address that 'etabli serve' printed, with its token."), 401
        )

    def _let_in(self, path: str, query: list[tuple[str, str]]) -> Response:
        """Keep the token in a cookie and take it out of the address, so that no screen and no log shows it."""
        place = f"/{path.lstrip('/')}"
        response = RedirectResponse(f"{place}?{urlencode(query)}" if query else place, 303)
        response.set_cookie(COOKIE, self.door.token, httponly=True, samesite="strict")
        return response


def _cookies(headers: Headers) -> dict[str, str]:
    pairs = (piece.strip().partition("=") for piece in headers.get("cookie", "").split(";"))
    return {name: value for name, _equals, value in pairs}


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", POLICY)
            headers.setdefault("cache-control", "no-store")
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers["cross-origin-opener-policy"] = "same-origin"
        await send(message)

    return sending
