"""A runs folder with two small runs in it, and the playground on it."""

from pathlib import Path

import pytest
from tiny import EXPERIMENT

from etabli.data.source import Source
from etabli.labs import runner


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory) -> Path:
    """Two finished runs of the tiny experiment: ``first`` on sample data, ``second`` on full data with another rate."""
    home = tmp_path_factory.mktemp("runs")
    runner.run([EXPERIMENT], home / "first", Source.sample(), seeds=[0, 1])
    runner.run([EXPERIMENT], home / "second", Source("full"), changes={"rate": 0.9})
    return home


@pytest.fixture
def client(small_runs):
    """A client of the application on loopback, without a network; a fault of the server is a response, not a raise."""
    from web.playing import TestClient

    from etabli.web.app import make_app

    with TestClient(make_app(small_runs), base_url="http://127.0.0.1:8008", raise_server_exceptions=False) as made:
        yield made
