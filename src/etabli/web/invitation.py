"""How a class joins: the addresses of this machine by number, and a QR code of the first one."""

import io
import ipaddress
import socket
from typing import TYPE_CHECKING

from etabli.web.security import AccessPolicy, machine_names

if TYPE_CHECKING:
    import segno

_EVERY_ADDRESS = ("0.0.0.0", "::")


def list_addresses(host: str) -> list[str]:
    """List the addresses at which other machines reach this one, IPv4 first.

    Loopback and link-local addresses are left out. A given host other than 0.0.0.0 is the only one.
    """
    import psutil

    if host not in _EVERY_ADDRESS:
        return [host]
    families = (socket.AF_INET,) if host == "0.0.0.0" else (socket.AF_INET, socket.AF_INET6)
    found = [
        address.address
        for family in families
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == family and _is_reachable(address.address)
    ]
    return found or ["127.0.0.1"]


def _is_reachable(address: str) -> bool:
    number = ipaddress.ip_address(address.partition("%")[0])
    return not (number.is_loopback or number.is_link_local)


def make_url(address: str, port: int, token: str | None) -> str:
    """Return the URL of the first page, with a token if there is one."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/{f'?token={token}' if token else ''}"


def teacher_url(policy: AccessPolicy, port: int) -> str:
    """Return the URL with the teacher's token, by number."""
    return make_url(list_addresses(policy.host)[0], port, policy.teacher_token)


def class_urls(policy: AccessPolicy, port: int) -> list[str]:
    """List the URLs with the token of the class: by number, then by name; on loopback none."""
    if policy.token is None:
        return []
    addresses = list_addresses(policy.host)
    if policy.host in _EVERY_ADDRESS:
        addresses.append(machine_names()[-1])
    return [make_url(address, port, policy.token) for address in addresses]


def _encode(url: str) -> "segno.QRCode":
    import segno

    return segno.make(url, error="m", micro=False)


def draw_in_terminal(url: str, encoding: str) -> str:
    """Return a QR code of half blocks, or of colored spaces where the encoding has none."""
    stream, code = io.StringIO(), _encode(url)
    code.terminal(stream, compact=True)
    try:
        stream.getvalue().encode(encoding)
    except UnicodeEncodeError:
        stream = io.StringIO()
        code.terminal(stream)
    return stream.getvalue()


def draw_as_svg(url: str) -> str:
    """Return a QR code as SVG elements, dark on light in both color schemes, with its margin."""
    return str(_encode(url).svg_inline(scale=8, dark="#000", light="#fff", omitsize=True))
