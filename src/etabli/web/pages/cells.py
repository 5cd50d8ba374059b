"""Practical 1 as cells: their files, and where the page finds Python (Pyodide)."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from etabli.core.i18n import _
from etabli.pipelines import practical_1
from etabli.web.api import NotFound, handle_errors
from etabli.web.rendering import HERE, Addresses

ENDPOINTS: list = []
FOLDER = "practical-1"  # of the files, next to the page
WORKER = "pyodide_worker.js"
_WORKER_SCRIPT = HERE / "static" / "js" / WORKER
_MEDIA_TYPES = {
    ".zip": "application/zip",
    ".ipynb": "application/x-ipynb+json",
    ".py": "text/x-python; charset=utf-8",
}


class Interpreter:
    """Where Pyodide's files come from: a folder, which is served or copied, an address, or none."""

    def __init__(self, setting: str | None = None) -> None:
        self.address = ""
        self.files: dict[str, Path] = {}
        if setting and practical_1.is_address(setting):
            self.address = setting.rstrip("/") + "/"
        elif setting:
            self.files = {path.name: path for path in practical_1.find_pyodide_files(setting)}

    @property
    def worker_policy(self) -> str:
        """The content policy of the worker: WebAssembly, and nothing from elsewhere."""
        parts = urlsplit(self.address)
        origin = f" {parts.scheme}://{parts.netloc}" if self.address else ""
        return (
            f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{origin}; "
            f"connect-src 'self'{origin}"
        )

    def values(self, site: Addresses) -> dict[str, object]:
        """Return the values of the template of the page."""
        # A site has one copy for all its languages.
        own = "../pyodide/" if site.is_published else site.page(f"/{FOLDER}/pyodide/")
        found = self.address or (own if self.files else "")
        names = {
            practical_1.NOTEBOOK: _("Jupyter notebook"),
            practical_1.MARIMO: _("marimo notebook"),
            practical_1.ARCHIVE: _("digits and checks"),
        }
        return {
            "cells": practical_1.CELLS,
            "pyodide": found,
            "worker": site.page(f"/{FOLDER}/{WORKER}"),
            "sources": site.page(f"/{FOLDER}/{practical_1.ARCHIVE}"),
            "downloads": {site.page(f"/{FOLDER}/{name}"): title for name, title in names.items()},
        }

    def routes(self) -> list[Route]:
        """Create the routes of the files."""

        async def send(request: Request) -> Response:
            async def work() -> Response:
                return self._send(request.path_params["name"])

            return await handle_errors(work)

        async def send_pyodide(request: Request) -> Response:
            async def work() -> Response:
                path = self.files.get(request.path_params["name"])
                if path is None:
                    raise NotFound(_("there is no such file of Pyodide"))
                return FileResponse(path, headers={"cache-control": "max-age=86400"})

            return await handle_errors(work)

        return [
            Route(f"/{FOLDER}/pyodide/{{name}}", send_pyodide),
            Route(f"/{FOLDER}/{{name}}", send),
        ]

    def _send(self, name: str) -> Response:
        if name == WORKER:
            headers = {"content-security-policy": self.worker_policy, "cache-control": "no-cache"}
            return FileResponse(_WORKER_SCRIPT, headers=headers)
        files = practical_1.make_files()
        if name not in files:
            raise NotFound(_("there is no such file of practical 1"))
        return Response(files[name], media_type=_MEDIA_TYPES[Path(name).suffix])

    def write_files(self, folder: Path) -> None:
        """Write what the page needs into ``SITE/LANGUAGE/practical-1``, Pyodide into ``SITE``."""
        folder.mkdir(parents=True, exist_ok=True)
        practical_1.write_files(folder)
        shutil.copyfile(_WORKER_SCRIPT, folder / WORKER)
        shared = folder.parent.parent / "pyodide"
        for name, path in self.files.items():
            shared.mkdir(exist_ok=True)
            if not (shared / name).exists():
                shutil.copyfile(path, shared / name)
