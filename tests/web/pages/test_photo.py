"""Uploaded photos: bounded in bytes and pixels, decoded in memory, never stored."""

import io
import struct
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from web.playground import TestClient

from etabli.core.errors import UnsafeArchive
from etabli.web.api import MAX_UPLOAD_BYTES
from etabli.web.app import make_app
from etabli.web.pages.photo import decode_photo

PATHS = ("/api/captions", "/api/transfer")


@pytest.fixture(scope="module")
def trained_client(trained_runs):
    with TestClient(
        make_app(trained_runs), base_url="http://127.0.0.1:8008", raise_server_exceptions=False
    ) as client:
        state = client.app.state.playground
        until = time.monotonic() + 120
        while any(not state.models.has(key) for key in ("captions", "transfer")):
            state.snapshot()
            assert time.monotonic() < until, state.snapshot()["models"]
            time.sleep(0.1)
        yield client


def make_png(side: int = 40) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(stream, "PNG")
    return stream.getvalue()


def make_jpeg(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (200, 80, 40)).save(stream, "JPEG")
    return stream.getvalue()


def bomb(side: int) -> bytes:
    """Return a PNG of a few kilobytes that claims side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(min(3 * side * side, 10**7)), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def files_of(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", PATHS)
def test_a_photo_is_answered_and_not_stored(
    trained_client, trained_runs, path, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = files_of(trained_runs)
    answer = trained_client.post(path, content=make_png(), headers={"content-type": "image/png"})
    assert answer.status_code == 200, answer.text
    assert files_of(trained_runs) == before
    assert files_of(tmp_path) == set()


@pytest.mark.parametrize("side", [7_200, 100_000])
@pytest.mark.parametrize("path", PATHS)
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(trained_client, path, side):
    sent = bomb(side)
    assert len(sent) < 100_000
    started = time.process_time()
    answer = trained_client.post(path, content=sent, headers={"content-type": "image/png"})
    assert answer.status_code == 400
    assert "error" in answer.json()
    assert time.process_time() - started < 2


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_too_many_bytes_is_refused(trained_client, path):
    answer = trained_client.post(
        path, content=bytes(MAX_UPLOAD_BYTES + 1), headers={"content-type": "image/png"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"GIF89a", b"<svg onload='x'/>", make_png()[:60], b"\x80\x04\x95 pickled"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_is_not_an_image_gets_an_error_without_a_path(trained_client, path, body):
    answer = trained_client.post(path, content=body, headers={"content-type": "image/png"})
    assert answer.status_code == 400
    assert "/" not in answer.json()["error"]
    assert "Traceback" not in answer.text


def test_a_jpeg_of_a_phone_is_decoded_at_a_reduced_size_and_a_larger_one_refused():
    photo = make_jpeg(8000, 6000)
    started = time.process_time()
    pixels = decode_photo(photo, (96, 96))
    assert pixels.shape == (96, 96, 3)
    assert abs(int(pixels[..., 0].mean()) - 200) < 3
    assert time.process_time() - started < 2
    wide = photo.replace(struct.pack(">HH", 6000, 8000), struct.pack(">HH", 60_000, 8000))
    with pytest.raises(UnsafeArchive):
        decode_photo(wide, (96, 96))


def test_a_digit_does_not_wait_for_photos(trained_client):
    """Photos have a queue of their own: with six of them at work, the others' threads are free."""
    release, busy = threading.Event(), threading.Semaphore(0)
    captioner = trained_client.app.state.playground.models.get("captions")

    def wait(_pixels: object, _anyway: bool = False) -> dict:
        busy.release()
        release.wait(30)
        return {}

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(6) as pool:
        patch.setattr(captioner, "caption", wait)
        waiting = [
            pool.submit(trained_client.post, "/api/captions", content=make_png()) for _ in range(6)
        ]
        assert busy.acquire(timeout=30)
        answer = trained_client.get("/api/photo/scene?seed=1")
        assert answer.status_code == 200
        assert not busy.acquire(timeout=0.2)  # one photo at a time
        release.set()
        assert {each.result().status_code for each in waiting} == {200}
