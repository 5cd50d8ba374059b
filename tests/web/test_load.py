"""Several clients for a few seconds: no error, no growth of memory. The benchmark runs longer."""

import asyncio
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serve_clients.py"


def test_many_clients_are_served_without_an_error(served):
    specification = importlib.util.spec_from_file_location("serve_clients", BENCHMARK)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    process = psutil.Process()
    with ThreadPoolExecutor(1) as executor:  # the browser's loop runs in this thread
        clients = module.run_clients(served.base, 20, 5, lambda: process.memory_info().rss)
        found = executor.submit(asyncio.run, clients).result()
    assert found["errors"] == {}
    assert found["requests"] > 100
    assert found["memory_mb"][-1] - found["memory_mb"][0] < 100
    assert all("409" not in kind for kind in found["statuses"])
