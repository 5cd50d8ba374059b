"""Access control: this machine only, or whoever has a token; never the page of another site.

There are two roles. On this machine alone everyone is the teacher. With ``--host`` there are two
tokens: that of the class opens every page, and only the teacher's also changes something for all.
A browser lets any site send requests to this machine. So requests are refused whose ``Host`` is not
a name of this machine (DNS rebinding), whose ``Origin`` is another one, or that the page of another
site made (``Sec-Fetch-Site``).
"""

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etabli.core.errors import EtabliError
from etabli.core.i18n import _

LOOPBACK = "127.0.0.1"
TOKEN_COOKIE = "etabli_token"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


class TeacherOnly(EtabliError):
    """An action that the class may not take."""


def is_teacher(request: Request) -> bool:
    """Return whether a request has the role of the teacher, which everyone on loopback has."""
    return bool(getattr(request.state, "is_teacher", True))


def require_teacher(request: Request) -> None:
    """Refuse the class. An ``Endpoint`` with ``teacher_only=True`` calls this before its handler.

    The scripts hide what it refuses where ``document.body.dataset.role`` is ``"class"``.

    Raises:
        TeacherOnly: The request has the token of the class.
    """
    if not is_teacher(request):
        raise TeacherOnly(
            _("only the teacher can do this"),
            fix=_("Open the teacher's address, which 'etabli serve' printed."),
        )


@dataclass(frozen=True)
class AccessPolicy:
    """The address that is served, and the tokens of both roles; on loopback there are none."""

    host: str = LOOPBACK
    token: str | None = None
    teacher_token: str | None = None

    @classmethod
    def for_host(cls, host: str | None) -> "AccessPolicy":
        """Create the policy: loopback without tokens by default, any given host with two."""
        if host is None:
            return cls()
        return cls(host, secrets.token_urlsafe(9), secrets.token_urlsafe(24))

    def accepts_host(self, header: str) -> bool:
        """Return whether a ``Host`` header names this machine; IP addresses cannot be rebound."""
        name = parse_host(header)
        if name == "localhost" or _is_loopback(name):
            return True
        if self.token is None:
            return False
        return _is_address(name) or name in (self.host.lower(), *machine_names())

    def role(self, token: str | None) -> str | None:
        """Return the role that a token gives, ``teacher`` or ``class``; constant time."""
        if self.token is None or _is_same(token, self.teacher_token):
            return "teacher"
        return "class" if _is_same(token, self.token) else None


def machine_names() -> tuple[str, ...]:
    """Return the names of this machine: its own, its first part, and that part with ``.local``.

    mDNS (Bonjour, Avahi) announces ``vm.local`` for a machine that is called ``vm``.
    """
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return name, short, f"{short}.local"


def _is_same(token: str | None, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest((token or "").encode(), expected.encode())


def parse_host(header: str) -> str:
    """Return the name in ``name:port`` or ``[address]:port``, in lower case."""
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


class SecurityMiddleware:
    """Refuses requests that the policy does not allow, and adds security headers to responses."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self.app, self.policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        response = self._refuse(scope) or self._authenticate(scope)
        await (response or self.app)(scope, receive, _add_headers(send))

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self.policy.accepts_host(host):
            return PlainTextResponse(_("This address is not served here."), 421)
        is_foreign = headers.get("origin") not in (None, f"{scope['scheme']}://{host}")
        is_cross_site = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        is_link = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if is_foreign or (is_cross_site and not is_link):
            return PlainTextResponse(_("Requests from other sites are not allowed."), 403)
        return None

    def _authenticate(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = dict(query).get("token")
        if self.policy.token and token and self.policy.role(token):
            rest = [pair for pair in query if pair[0] != "token"]
            return _redirect_with_cookie(scope["path"], rest, token)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        cookie = _parse_cookies(headers).get(TOKEN_COOKIE)
        role = self.policy.role(cookie) or self.policy.role(bearer)
        if role is None:
            sentence = _("Open the address that 'etabli serve' printed, with its token.")
            return PlainTextResponse(sentence, 401)
        scope.setdefault("state", {})["is_teacher"] = role == "teacher"
        return None


def _redirect_with_cookie(path: str, query: list[tuple[str, str]], token: str) -> Response:
    """Move the token from the URL to a cookie, so that no screen and no log shows it."""
    path = f"/{path.lstrip('/')}"
    response = RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)
    response.set_cookie(TOKEN_COOKIE, token, httponly=True, samesite="strict")
    return response


def _parse_cookies(headers: Headers) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, _equals, value in pairs}


def _add_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", CONTENT_POLICY)
            headers.setdefault("cache-control", "no-store")
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers["cross-origin-opener-policy"] = "same-origin"
        await send(message)

    return send_with_headers
