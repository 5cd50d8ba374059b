"""A runs folder with two small runs, and the playground that serves it."""

from pathlib import Path

import pytest
from tiny import EXPERIMENT

from etabli.data.catalog.source import Source
from etabli.experiments import runner


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory) -> Path:
    """Two finished runs of the tiny experiment: ``first`` on sample, ``second`` on full data."""
    home = tmp_path_factory.mktemp("runs")
    runner.run_experiments([EXPERIMENT], home / "first", Source.sample(), seeds=[0, 1])
    runner.run_experiments(
        [EXPERIMENT], home / "second", Source("full"), changes={"learning_rate": 0.9}
    )
    return home


@pytest.fixture
def client(small_runs):
    """A client of the application on loopback; server errors become responses."""
    from web.playground import TestClient

    from etabli.web.app import make_app

    with TestClient(
        make_app(small_runs), base_url="http://127.0.0.1:8008", raise_server_exceptions=False
    ) as made:
        yield made


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory) -> Path:
    """A run with a model for every page, and another one to compare with."""
    from web import trained_models

    from etabli.web.pages import transfer

    # in a folder of its own: the playground also offers the models next to its home
    home = tmp_path_factory.mktemp("trained") / "runs"
    runner.run_experiments([EXPERIMENT], home / "other", Source("full"))
    trained_models.write(home)
    with pytest.MonkeyPatch.context() as patch:
        fake = trained_models.fake_training_set(tmp_path_factory.mktemp("scenes"))
        patch.setattr(transfer, "load_training_set", fake)
        yield home


@pytest.fixture(scope="session")
def served(trained_runs):
    """The playground with all models loaded."""
    from web.playground import serving

    with serving(trained_runs) as playground:
        playground.wait_until_loaded()
        yield playground


@pytest.fixture
def watched(browser):
    """Open pages; the test fails on console errors and on requests to other hosts."""
    contexts, problems = [], []

    def opened(base: str, refused: bool = False, **options):
        """``refused``: the server will refuse something, which chromium notes on its console."""
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: _calm(said, refused) or problems.append(said.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: _own(request.url, base) or problems.append(request.url))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


def _calm(said, refused: bool) -> bool:
    # A page that is still open when its server ends tries to connect again.
    is_over = "net::ERR_CONNECTION_REFUSED" in said.text
    is_refusal = refused and "the server responded with a status of 4" in said.text
    return said.type not in ("error", "warning") or is_over or is_refusal


def _own(url: str, base: str) -> bool:
    return url.startswith((f"{base}/", "blob:", "data:"))
