"""A stand-in for Pyodide: the worker of the page loads it, and it runs CPython in a process.

It offers what the worker asks of Pyodide, with the same synchronous calls; the messages of
``etabli.nn.cells`` are passed on one by one. The process may import NumPy, the standard library
and what practical_1.zip holds, as in a browser.
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODULE = """
const base = new URL(".", import.meta.url);
function call(name, body = "") {
  const request = new XMLHttpRequest();
  request.open("POST", new URL(name, base), false);
  request.send(body);
  if (request.status !== 200) throw new Error(`${name}: ${request.status}`);
  return request.responseText;
}
class Session {
  constructor(post) { this.post = post; }
  answer(request) {
    for (let message = call("run", request); message; message = call("next")) this.post(message);
  }
}
export async function loadPyodide() {
  call("start");
  return {
    version: "stand-in",
    loadPackage: async () => [],
    FS: { writeFile: (path, bytes) => call("file", bytes) },
    runPython: () => undefined,
    pyimport: (name) => (name === "tp1" ? { use_language: (code) => call("language", code) }
      : { Session: (post) => new Session(post) }),
  };
}
"""

# Runs in the process: one request a line on stdin, one message a line on stdout.
CHILD = """
import os, sys
ALLOWED = ("numpy", "etabli", "tp1", *sys.stdlib_module_names)


class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ImportError(f"{name} is not there in a browser")


sys.meta_path = [OnlyNumPy(), *(each for each in sys.meta_path if "editable" not in repr(each))]
sys.path = [sys.argv[1], *(each for each in sys.path if not each.endswith("/src"))]
messages = os.fdopen(os.dup(1), "w", buffering=1)
from etabli.nn.cells import Session
import etabli, tp1

assert sys.argv[1] in etabli.__file__
tp1.use_language(sys.argv[2])
session = Session(lambda text: print(text, file=messages), sys.argv[3])
for line in sys.stdin:
    session.answer(line)
"""


class StandIn:
    """The bridge between the worker and the process; a new worker ends the process of the last."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.language = folder, "en"
        self.child: subprocess.Popen | None = None

    def start(self, _body: bytes) -> str:
        self.close()
        return ""

    def file(self, body: bytes) -> str:
        (self.folder / "practical_1.zip").write_bytes(body)
        return ""

    def language_of_page(self, body: bytes) -> str:
        self.language = body.decode()
        return ""

    def run(self, body: bytes) -> str:
        if self.child is None:
            archive = str(self.folder / "practical_1.zip")
            self.child = subprocess.Popen(
                [sys.executable, "-c", CHILD, archive, self.language, str(self.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        self.is_over = False
        self.child.stdin.write(body + b"\n")
        self.child.stdin.flush()
        return self.next(b"")

    def next(self, _body: bytes) -> str:
        if self.is_over or self.child is None:
            return ""
        line = self.child.stdout.readline().decode()
        self.is_over = '"kind": "result"' in line
        return line

    def close(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None


@contextmanager
def standing_in() -> Iterator[str]:
    """Serve the stand-in; yield the address to give as that of Pyodide."""
    with tempfile.TemporaryDirectory() as folder:
        bridge = StandIn(Path(folder))
        calls = {"/start": bridge.start, "/file": bridge.file, "/run": bridge.run}
        calls |= {"/next": bridge.next, "/language": bridge.language_of_page}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(MODULE.encode(), "text/javascript")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0))
                self.reply(calls[self.path](body).encode(), "text/plain; charset=utf-8")

            def reply(self, content: bytes, media_type: str) -> None:
                self.send_response(200)
                self.send_header("content-type", media_type)
                self.send_header("content-length", str(len(content)))
                self.send_header("access-control-allow-origin", "*")
                self.end_headers()
                try:
                    self.wfile.write(content)
                except OSError:  # the page has ended its worker
                    return

            def log_message(self, *_values: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            bridge.close()
