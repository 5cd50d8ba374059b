"""The files of a site: pages in each language, their scripts and answers, the files of runs."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from etabli import report
from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import LANGUAGES, N_, _, current_language, use_language
from etabli.core.version import __version__
from etabli.report import run_folder
from etabli.web import rendering
from etabli.web.api import NoParams, to_json
from etabli.web.pages import runs as run_pages
from etabli.web.pages import untangling
from etabli.web.pages.cells import FOLDER, Interpreter
from etabli.web.publishing.bundle import bundle
from etabli.web.publishing.check import MANIFEST, QUESTIONS, Questions, list_questions
from etabli.web.publishing.contents import Contents
from etabli.web.rendering import Page
from etabli.web.sse import read_new_rows

_SCRIPTS = rendering.HERE / "static" / "js"
_LOCAL = _SCRIPTS / "local"
# "self" is no file: in every browser.
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; "
    "img-src 'self' file: data: blob:; frame-src 'self' file:; connect-src 'none'; "
    "base-uri 'none'; form-action 'self'"
)
_EXPLORER_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_SHOWN = (".svg", ".png", ".jpg", ".html")
_PHOTO = N_(
    "This page needs a program that runs on your machine: its net, MobileNetV2, and the images "
    "that it compares yours with are too large for a page that opens without a server."
)
_CAPTIONS = N_(
    "This page needs a program that runs on your machine: its nets, one that reads the "
    "photo and one that writes the caption, are too large for a page that opens without "
    "a server."
)
_NO_RUN = N_("This site was made without a run.")
_NO_NET = N_("This site was made without a net that this page can run.")
_PARTS = {"digits": "digits", "backprop": "backprop", "poetry": "poetry", "words": "words"}


@dataclass
class SiteAddresses(rendering.Addresses):
    """The addresses in a page of a site, which are relative; local/server.js has the same ones."""

    file: str
    policy: str = _POLICY
    unavailable: frozenset[str] = frozenset()
    credits: Sequence[str] = ()
    data: Sequence[str] = ()
    has_script: bool = True
    is_published = True

    def page(self, path: str) -> str:
        """Return the address of a page or of a file of a run."""
        first, run, *rest = [*path.split("/")[1:], ""]
        name = "/".join(rest).rstrip("/")
        if not run:
            return f"{first or 'index'}.html"
        if first != "runs":
            return "/".join(filter(None, (first, run, name)))
        if not name:
            return f"run.{run}.html"
        if name == "report.html":
            name = f"report.{current_language()}.html"
        return f"../runs/{run}/{name}"

    def static(self, name: str) -> str:
        """Return the address of a style sheet or an icon."""
        return f"../style/{name}"

    def scripts(self, page: Page) -> list[str]:
        """Return the addresses of the scripts of a page, in the order in which they run."""
        script = page.key if self.has_script else "frame"
        return [*self.data, f"../scripts/{script}.js", "../scripts/started.js"]

    def in_language(self, code: str) -> str:
        """Return the address of the same page in another language."""
        return f"../{code}/{quote(self.file)}"


@dataclass
class Site:
    """A site that is being written into a folder."""

    folder: Path
    contents: Contents
    interpreter: Interpreter
    pages: list[str] = field(default_factory=list)  # the files of the pages in each language

    def write(self) -> None:
        """Write all files."""
        self._copy_static()
        for part, document in self.contents.parts.items():
            self._write_data(f"data/{part}.js", part, document)
        for run in self.contents.state.folders:
            self._copy_run(run)
        for language in LANGUAGES:
            with use_language(language):
                self._write_language(language)
        self._write_text("index.html", rendering.render_template("site.html", site=self._address()))
        pages = sorted(set(self.pages))
        questions = Questions(pages=pages, questions=list_questions(self.contents.state))
        self._write_text(QUESTIONS, to_json(questions.model_dump()))
        manifest = {
            "made_by": f"etabli {__version__}",
            "pages": pages,
            "runs": [run.name for run in self.contents.state.folders],
            "nets": {key: each.get("run", "") for key, each in self.contents.models.items()},
        }
        self._write_text(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")

    def _address(self, file: str = "index.html", **options: object) -> SiteAddresses:
        return SiteAddresses(
            file=file,
            unavailable=frozenset(self._find_unavailable()),
            credits=self.contents.credits,
            **options,  # type: ignore[arg-type]
        )

    def _find_unavailable(self) -> dict[str, str]:
        """Return the pages that need a server, and why."""
        found = {"transfer": _PHOTO, "captions": _CAPTIONS}
        models = self.contents.models
        for page in rendering.PAGES:
            if page.models and not any(models.get(key, {}).get("run") for key in page.models):
                found.setdefault(page.key, _NO_NET)
        if not self.contents.state.folders:
            found["runs"] = _NO_RUN
        return found

    def _copy_static(self) -> None:
        style = self.folder / "style"
        style.mkdir(parents=True)
        shutil.copyfile(report.HOME / "templates" / "style.css", style / "report.css")
        for name in ("page.css", "icon.svg"):
            shutil.copyfile(rendering.HERE / "static" / name, style / name)
        scripts = self.folder / "scripts"
        scripts.mkdir()
        for name in ("started.js", "language.js"):
            shutil.copyfile(_LOCAL / name, scripts / name)
        for key in ("frame", "run", *(page.key for page in rendering.PAGES)):
            own = [_SCRIPTS / f"{key}.js"] if (_SCRIPTS / f"{key}.js").exists() else []
            text = bundle(
                [_SCRIPTS / "models.js", *own], {_SCRIPTS / "server.js": _LOCAL / "server.js"}
            )
            self._write_text(f"scripts/{key}.js", text)

    def _write_language(self, language: str) -> None:
        unavailable, state = self._find_unavailable(), self.contents.state
        for page in rendering.PAGES:
            if page.key in unavailable:
                reason = _(unavailable[page.key])
                self._write_page(page, "unavailable", has_script=False, reason=reason)
                continue
            values: dict[str, Any] = {}
            if page.key == "cells":
                values = self.interpreter.values(self._address())
            self._write_page(page, recorded=self._record(page), invited=[], **values)
        self.interpreter.write_files(self.folder / language / FOLDER)
        for run in state.folders:
            recorded = self._record_run(run)
            file = f"run.{run.name}"
            self._write_page(rendering.RUN_PAGE, file=file, recorded=recorded, run=run.name)
        if state.has("untangling.planes"):
            planes = state.get("untangling.planes")
            assert isinstance(planes, untangling.PlanePage)
            text = protect(planes.render(language), _EXPLORER_POLICY)
            self._write_text(f"{language}/planes.html", text)

    def _write_page(
        self,
        page: Page,
        template: str = "",
        *,
        file: str = "",
        has_script: bool = True,
        recorded: Mapping[str, object] | None = None,
        **values: Any,
    ) -> None:
        """Write a page, with what its scripts ask for and the nets that they run."""
        language, name = current_language(), file or page.path.strip("/") or "index"
        answers = {"/api/events": self._list_events(), **(recorded or {})}
        self._write_data(f"{language}/data/{name}.js", "recorded", answers)
        part = [f"../data/{_PARTS[page.key]}.js"] if page.key in _PARTS and has_script else []
        site = self._address(
            f"{name}.html",
            policy=self._policy_of(page),
            data=[f"data/{quote(name)}.js", *part],
            has_script=has_script,
        )
        if template:  # without models, whose states would be shown
            page = Page(page.key, page.path, page.name, page.title, page.summary)
        self._write_text(
            f"{language}/{name}.html", rendering.render_html(page, site, template, **values)
        )
        self.pages.append(f"{name}.html")

    def _policy_of(self, page: Page) -> str:
        """Return the content security policy; where Python runs in a page, it is loaded first."""
        interpreter = self.interpreter
        if page.key != "cells" or not (interpreter.files or interpreter.address):
            return _POLICY
        return _POLICY.replace("connect-src 'none'", "connect-src 'self'")

    def _list_events(self) -> list[dict[str, object]]:
        """Return the events that the server sends first."""
        runs = [vars(run) for run in self.contents.state.list_runs()]
        parts = {"models": self.contents.models, "training": {"state": "idle"}}
        state = {**parts, "runs": runs, "progress": {}}
        return [{"event": name, "data": part} for name, part in state.items()]

    def _record(self, page: Page) -> dict[str, object]:
        """Return the answers of the server that a page asks for."""
        state = self.contents.state
        if page.key == "runs":
            return {"/api/runs": run_pages.list_runs(state, NoParams())}
        if page.key != "untangling":
            return {}
        found = untangling.list_explorers(state, NoParams())
        explorers = found["explorers"]
        assert isinstance(explorers, list)
        shown = [each for each in explorers if self._is_shown(each["run"], each["file"])]
        return {"/api/untangling": {**found, "explorers": shown}}

    def _record_run(self, run: Path) -> dict[str, object]:
        params = run_pages.RunParams(run=run.name)
        answer = {**run_pages.get_run(self.contents.state, params), "resume": "", "running": False}
        for section in answer["sections"]:  # type: ignore[attr-defined]
            for kind in ("figures", "pages"):
                items = section.get(kind, [])
                section[kind] = [each for each in items if self._is_shown(run.name, each["file"])]
        rows, offsets = [], dict[Path, int]()
        while found := read_new_rows(run, offsets):
            rows += [{"event": "rows", "data": each} for each in found]
        return {f"/api/runs/{run.name}": answer, f"/api/runs/{run.name}/events": rows}

    def _is_shown(self, run: str, file: str) -> bool:
        return (self.folder / "runs" / run / file).exists()

    def _copy_run(self, run: Path) -> None:
        """Copy the figures and pages of a run, and render its report in each language."""
        target = self.folder / "runs" / run.name
        for folder, seed_run in run_folder.read_seed_runs(run)[0]:
            for item in seed_run.report_items:
                path = folder / item.file
                if _is_file_of(run, path) and self.contents.keep(folder, seed_run, item):
                    _copy(path, target / path.relative_to(run))
        for language in LANGUAGES:
            with use_language(language):
                back = f"../../{language}/run.{quote(run.name)}.html"
                text = report.render_report([run], back, self.contents.keep)
            name = f"runs/{run.name}/report.{language}.html"
            self._write_text(name, protect(text, _REPORT_POLICY))

    def _write_data(self, name: str, key: str, document: object) -> None:
        text = f"window.etabli=window.etabli||{{}};window.etabli.{key}={to_json(document)};\n"
        self._write_text(name, text)

    def _write_text(self, name: str, text: str) -> None:
        with atomic_write(self.folder / name) as stream:
            stream.write(text)


def _is_file_of(run: Path, path: Path) -> bool:
    """Return whether a path is a figure or a page in a run, which may be untrusted."""
    is_inside = path.resolve().is_relative_to(run.resolve())
    return is_inside and path.is_file() and path.suffix.lower() in _SHOWN


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".html":
        text = path.read_text(encoding="utf-8")
        target.write_text(protect(text, _EXPLORER_POLICY), encoding="utf-8")
    else:
        shutil.copyfile(path, target)


def protect(page: str, policy: str) -> str:
    """Give a page the content security policy that the server gives it."""
    meta = f'<meta http-equiv="content-security-policy" content="{policy}">'
    return page.replace("<head>", f"<head>\n{meta}", 1)
