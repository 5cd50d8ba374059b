"""A server that speaks S3, on loopback: what the tests of remote images read from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from etabli.data.formats import s3

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def serving() -> Iterator[str]:
    """The server's address, and credentials in the environment that it takes."""
    pytest.importorskip("s3fs", reason="needs the extra 'cluster'")
    server = pytest.importorskip("moto.server", reason="needs moto[server]").ThreadedMotoServer(
        "127.0.0.1", port=0
    )
    held = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    # The servers of one process share what they hold: this one begins empty.
    requests.post(f"{address}/moto-api/reset", timeout=10).raise_for_status()
    try:
        yield address
    finally:
        server.stop()
        s3._open_storage.cache_clear()
        for name, value in held.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def put(folder: Path, place: str, address: str) -> None:
    """Make the bucket of ``place`` and copy a folder there."""
    files = s3._open_storage(address)
    files.mkdir(place.removeprefix("s3://").split("/")[0])
    files.put(str(folder), place, recursive=True)
