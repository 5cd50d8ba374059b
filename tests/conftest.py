"""What all tests share: a cache that is not the user's, the full data, a browser."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from etabli.core.i18n import set_language
from etabli.training.backend import enable_compilation_cache

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

# A shell lets background jobs ignore Ctrl-C, and the programs that the tests start inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Compilation takes most of the suite's time: keep what JAX compiled. Set before JAX is imported.
enable_compilation_cache(Path(__file__).parent.parent / ".pytest_cache" / "compiled")


def pytest_runtest_setup(item):
    """Skip what is written with JAX where another backend runs (`make test-torch` lists it)."""
    if item.get_closest_marker("needs_jax") and os.environ["KERAS_BACKEND"] != "jax":
        pytest.skip("written with JAX")


def pytest_collection_modifyitems(items):
    """Skip slow tests unless ETABLI_SLOW=1."""
    if not os.environ.get("ETABLI_SLOW"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: set ETABLI_SLOW=1"))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """Keep the tests away from the user's cache, unless ETABLI_CACHE names one."""
    if "ETABLI_CACHE" not in os.environ:
        base = tmp_path_factory.getbasetemp()
        workers = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        os.environ["ETABLI_CACHE"] = str(workers / "cache")


@pytest.fixture(autouse=True)
def _english():
    """Start every test in English: ``--lang fr`` sets the language of the whole process."""
    set_language("en")


@pytest.fixture(scope="session")
def full_data() -> Path:
    """Return the folder of the full data sets; skip the test where there is none."""
    folder = os.environ.get("ETABLI_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the full data sets: set ETABLI_DATA")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium; skip the test where there is none."""
    if not CHROMIUM:
        pytest.skip("needs chromium: apt-get install chromium")
    return CHROMIUM


@pytest.fixture(scope="session")
def browser(chromium):
    """One Chromium for all tests, without background requests."""
    from playwright.sync_api import sync_playwright
    from web.playground import FLAGS

    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def frozen():
    """Return a function that makes arrays read-only, so that mutating an argument fails."""

    def freeze(*arrays: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        for array in arrays:
            array.setflags(write=False)
        return arrays[0] if len(arrays) == 1 else arrays

    return freeze
