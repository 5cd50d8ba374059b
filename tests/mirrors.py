"""A web server on the loopback that misbehaves on demand, for the tests of downloads."""

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from etabli.data.catalog.fetch import Policy

LOOPBACK = Policy(hosts=frozenset({"127.0.0.1"}), schemes=("http",), timeout=(2.0, 2.0))


@dataclass
class Served:
    """What an address gives, and how badly."""

    content: bytes = b""
    breaks: list[int] = field(
        default_factory=list
    )  # bytes sent before each break; then it serves well
    ignores_range: bool = False
    status: int = 200
    location: str | None = None
    lies_about_length: int | None = None
    encoding: str | None = None
    hides_length: bool = False
    answers_from: int = 0  # a shift of every range that it is asked for
    pace: float = 0.0  # seconds between chunks of 4 kB


class Mirror:
    """The address of a server, what it serves and which requests came: (path, Range header)."""

    def __init__(self, port: int) -> None:
        self.url, self.served, self.requests = f"http://127.0.0.1:{port}", {}, []

    def serve(self, path: str, content: bytes = b"", **how) -> str:
        self.served[path] = Served(content, **how)
        return self.url + path

    def asked(self, path: str) -> list[str | None]:
        return [each for asked, each in self.requests if asked == path]


@contextmanager
def running():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words):
            pass

        def do_GET(self):
            mirror.requests.append((self.path, self.headers.get("Range")))
            answer(self, mirror.served.get(self.path, Served(status=404)))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mirror = Mirror(server.server_port)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()


def answer(handler, served: Served) -> None:
    asked = handler.headers.get("Range")
    start = (
        int(asked.removeprefix("bytes=").removesuffix("-"))
        if asked and not served.ignores_range
        else 0
    )
    start = start and start + served.answers_from
    body = served.content[start:]
    handler.send_response(206 if start else served.status)
    if served.location:
        handler.send_header("Location", served.location)
    if served.encoding:
        handler.send_header("Content-Encoding", served.encoding)
    if start:
        handler.send_header(
            "Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}"
        )
    if not served.hides_length:
        handler.send_header("Content-Length", str(served.lies_about_length or len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    stop = served.breaks.pop(0) if served.breaks else len(body)
    try:
        for at in range(0, min(stop, len(body)), 4096):
            handler.wfile.write(body[at : min(at + 4096, stop)])
            time.sleep(served.pace)
    except OSError:
        return
