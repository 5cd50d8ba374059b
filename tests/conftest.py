"""What every test shares: a cache of their own, the full data where they are, and an account of what was skipped."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from etabli.training.backend import enable_compilation_cache

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

# What a shell starts in the background ignores Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Compiling is most of the suite's time: what JAX compiled once, this checkout keeps. Here, before JAX is imported.
enable_compilation_cache(Path(__file__).parent.parent / ".pytest_cache" / "compiled")


def pytest_runtest_setup(item):
    """Loops, nets and oracles that are written with JAX say so; `make test-torch` passes them over, and lists them."""
    if item.get_closest_marker("needs_jax") and os.environ["KERAS_BACKEND"] != "jax":
        pytest.skip("is written with JAX")


def pytest_collection_modifyitems(items):
    """What takes minutes in all (``slow``) runs with ETABLI_SLOW=1."""
    if not os.environ.get("ETABLI_SLOW"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: set ETABLI_SLOW=1"))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """The tests neither read nor fill the user's cache, unless ETABLI_CACHE names one."""
    if "ETABLI_CACHE" not in os.environ:
        os.environ["ETABLI_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def full_data() -> Path:
    """The folder of the full data sets; without it the test is skipped, with the reason."""
    folder = os.environ.get("ETABLI_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the full data sets: set ETABLI_DATA")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a chromium to drive; without it the test is skipped, with the reason."""
    if not CHROMIUM:
        pytest.skip("needs chromium: apt-get install chromium")
    return CHROMIUM


@pytest.fixture
def frozen():
    """Make arrays read-only, so that a function that mutates its arguments fails."""

    def freeze(*arrays: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        for array in arrays:
            array.setflags(write=False)
        return arrays[0] if len(arrays) == 1 else arrays

    return freeze
