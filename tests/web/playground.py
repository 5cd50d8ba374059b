"""A served playground for tests, benchmarks and screenshots, and interactions with each page."""

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etabli.web.security import AccessPolicy
from etabli.web.state import PlaygroundState

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette deprecates httpx
    from starlette.testclient import TestClient

__all__ = ["FLAGS", "INTERACTIONS", "Served", "TestClient", "serving"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
FLAGS += ["--disable-sync", "--no-first-run"]


@dataclass
class Served:
    """A playground that is served at ``base``."""

    base: str
    state: PlaygroundState

    def wait_until_loaded(self, seconds: float = 300) -> None:
        """Wait until no model is waiting or loading."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            states = {each["state"] for each in self.state.snapshot()["models"].values()}
            if not states & {"waiting", "loading"}:
                return
            time.sleep(0.1)
        raise TimeoutError("the models were not loaded in time")

    def paths(self) -> dict[str, str]:
        """Return the path of every page, and of a run and a comparison where there are runs."""
        from etabli.web.rendering import PAGES

        names = [run.name for run in self.state.list_runs() if not run.broken]
        found = {page.key: page.path for page in PAGES}
        if names:
            found["run"] = f"/runs/{names[0]}"
        if len(names) > 1:
            found["compare"] = f"/compare?runs={names[0]}/{names[1]}"
        return found


@contextmanager
def serving(
    home: Path,
    policy: AccessPolicy | None = None,
    language: str = "en",
    shipped: Path | None = None,
    pyodide: str | None = None,
) -> Iterator[Served]:
    """Serve a playground on a free loopback port, in a thread of this process."""
    import uvicorn

    from etabli.web.app import bind_socket, make_app

    app = make_app(home, policy, language, shipped, pyodide)
    listening = bind_socket("127.0.0.1", 0)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app.state.playground)
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(10)


def _use_backprop(page) -> None:
    page.locator("#forward").click()
    page.locator("#forward").click()
    page.wait_for_selector("body[data-step='2']")
    for _turn in range(5):
        page.locator("#next").click()


def _use_digits(page) -> None:
    page.wait_for_selector(".net-panel:not([hidden])")
    page.wait_for_selector("#tsne:not([hidden])")
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    for across, down in ((0.65, 0.2), (0.55, 0.5), (0.45, 0.85)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=8)
    page.mouse.up()
    page.wait_for_selector("body[data-answered]")


def _use_poetry(page) -> None:
    page.wait_for_selector("#write:enabled")
    page.locator("#length").fill("100")
    page.locator("#write").click()
    page.wait_for_selector("body[data-generated]", timeout=60_000)
    page.locator(".character").nth(40).hover()
    page.wait_for_selector("#alternatives dl")


def _use_photo(page) -> None:
    page.wait_for_selector(".chip.ready")
    page.locator("#scene").click()
    page.wait_for_selector("body[data-answered]", timeout=60_000)


def _use_captions(page) -> None:
    _use_photo(page)
    page.locator(".caption-word").nth(2).hover()


def _use_words(page) -> None:
    page.wait_for_selector("#content:not([hidden])")
    page.locator("#analogy button[type=submit]").click()
    page.wait_for_selector("body[data-answer]")
    page.locator("#search button[type=submit]").click()
    page.wait_for_selector("body[data-found]")


def _use_untangling(page) -> None:
    page.wait_for_selector("body[data-shown]")
    page.locator("#explorer").scroll_into_view_if_needed()  # off-screen frames are not rendered
    page.frame_locator("#explorer").locator("canvas, svg").first.wait_for()
    page.locator("#epoch").fill("0")


INTERACTIONS: dict[str, Callable[[object], None]] = {
    "backprop": _use_backprop,
    "digits": _use_digits,
    "untangling": _use_untangling,
    "transfer": _use_photo,
    "poetry": _use_poetry,
    "words": _use_words,
    "captions": _use_captions,
}
