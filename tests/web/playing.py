"""A served playground for tests, benchmarks and screenshots, and how each page is played with."""

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etabli.web.security import Door

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette's client would rather have the successor of httpx
    from starlette.testclient import TestClient

__all__ = ["FLAGS", "PLAYS", "Served", "TestClient", "serving"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
FLAGS += ["--disable-sync", "--no-first-run"]


@dataclass
class Served:
    """A playground that answers at ``base``."""

    base: str
    studio: object

    def wait_until_loaded(self, seconds: float = 300) -> None:
        """Until no model waits or is being loaded."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            states = {each["state"] for each in self.studio.state()["tools"].values()}
            if not states & {"waiting", "loading"}:
                return
            time.sleep(0.1)
        raise TimeoutError("the models were not loaded in time")

    def places(self) -> dict[str, str]:
        """Every page and its path, with a run where there is one and a comparison where there are two."""
        from etabli.web.rendering import PAGES

        names = [brief.name for brief in self.studio.briefs()]
        found = {page.key: page.path for page in PAGES}
        if names:
            found["run"] = f"/runs/{names[0]}"
        if len(names) > 1:
            found["compare"] = f"/compare?a={names[0]}&b={names[1]}"
        return found


@contextmanager
def serving(home: Path, door: Door | None = None, language: str = "en") -> Iterator[Served]:
    """A playground on a free port of loopback, in a thread of this process."""
    import uvicorn

    from etabli.web.app import bound, make_app

    app = make_app(home, door, language)
    listening = bound("127.0.0.1", 0)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app.state.studio)
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(10)


def _play_backprop(page) -> None:
    page.locator("#forth").click()
    page.locator("#forth").click()
    page.wait_for_selector("body[data-step='2']")
    for _turn in range(5):
        page.locator("#next").click()


def _play_digits(page) -> None:
    page.wait_for_selector(".net-card:not([hidden])")
    page.wait_for_selector("#landing:not([hidden])")
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    for across, down in ((0.65, 0.2), (0.55, 0.5), (0.45, 0.85)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=8)
    page.mouse.up()
    page.wait_for_selector("body[data-answered]")


def _play_poetry(page) -> None:
    page.wait_for_selector("#write:enabled")
    page.locator("#length").fill("100")
    page.locator("#write").click()
    page.wait_for_selector("body[data-written]", timeout=60_000)
    page.locator(".letter").nth(40).hover()
    page.wait_for_selector("#others dl")


def _play_photo(page) -> None:
    page.wait_for_selector(".chip.ready")
    page.locator("#scene").click()
    page.wait_for_selector("body[data-answered]", timeout=60_000)


def _play_captions(page) -> None:
    _play_photo(page)
    page.locator(".said").nth(2).hover()


def _play_words(page) -> None:
    page.wait_for_selector("#room:not([hidden])")
    page.locator("#analogy button[type=submit]").click()
    page.wait_for_selector("body[data-answer]")
    page.locator("#near button[type=submit]").click()
    page.wait_for_selector("body[data-found]")


def _play_untangling(page) -> None:
    page.wait_for_selector("body[data-shown]")
    page.frame_locator("#explorer").locator("canvas, svg").first.wait_for()
    page.locator("#epoch").fill("0")
    page.locator("#explorer").scroll_into_view_if_needed()  # what is out of sight is not drawn


PLAYS: dict[str, Callable[[object], None]] = {
    "backprop": _play_backprop,
    "digits": _play_digits,
    "untangling": _play_untangling,
    "transfer": _play_photo,
    "poetry": _play_poetry,
    "words": _play_words,
    "captions": _play_captions,
}
