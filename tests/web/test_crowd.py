"""A small crowd for a few seconds: no error, no growth of memory. The benchmark takes fifty for a minute."""

import asyncio
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serve_clients.py"


def test_a_crowd_is_served_without_an_error(served):
    specification = importlib.util.spec_from_file_location("serve_clients", BENCHMARK)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    process = psutil.Process()
    with ThreadPoolExecutor(1) as aside:  # the browser's loop runs in this thread
        crowd = module.crowd(served.base, 20, 5, lambda: process.memory_info().rss)
        found = aside.submit(asyncio.run, crowd).result()
    assert found["errors"] == {}
    assert found["requests"] > 100
    assert found["memory_mb"][-1] - found["memory_mb"][0] < 100
    assert all("409" not in kind for kind in found["seen"])
