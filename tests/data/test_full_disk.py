"""Downloads, imports and samples on a disk that is really full: a tmpfs of one megabyte."""

import random
import subprocess

import numpy as np
import pytest
from mirrors import LOOPBACK, running
from toyset import IMAGES_ZIP, images, sha256, toy, zipped

from etabli.core.errors import NoSpace
from etabli.data.catalog import fetch, import_local
from etabli.data.catalog.registry import File, Part
from etabli.data.catalog.source import Source
from etabli.data.formats import idx

NOISE = random.Random(0).randbytes(700_000)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of one megabyte; the test is skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True
    )
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def big():
    """A part of 700 kB that unpacks to twice as much as the disk holds."""
    content = zipped({"one.bin": NOISE, "two.bin": NOISE[::-1]}, deflated=False)
    members = (
        File("one.bin", 700_000, sha256(NOISE)),
        File("two.bin", 700_000, sha256(NOISE[::-1])),
    )
    return content, members


def test_an_idx_file_is_written_whole_or_not_at_all(small_disk):
    with pytest.raises(NoSpace, match="no space left"):
        idx.write(small_disk / "a", np.zeros((2, 1000, 1000), np.uint8))
    assert files(small_disk) == []


def test_a_sample_set_is_made_whole_or_not_at_all(small_disk):
    (small_disk / "ballast").write_bytes(bytes(900_000))
    with pytest.raises(NoSpace):
        Source.sample(small_disk / "samples").path("mnist")
    assert files(small_disk) == [small_disk / "ballast"]
    (small_disk / "ballast").unlink()
    assert len(files(Source.sample(small_disk / "samples").path("mnist"))) == 4


def test_a_download_that_fills_the_disk_is_resumed_when_there_is_space(small_disk, monkeypatch):
    monkeypatch.setattr(fetch, "_check_free_space", lambda parts, workspace: None)
    content = NOISE
    (small_disk / "ballast").write_bytes(bytes(600_000))
    with running() as mirror:
        url = mirror.serve("/noise.bin", content)
        dataset = toy(
            Part((url,), len(content), (File("noise.bin", len(content), sha256(content)),))
        )
        with pytest.raises(NoSpace):
            fetch.fetch("toy", Source.full(small_disk), dataset=dataset, policy=LOOPBACK)
        assert not (small_disk / "toy").exists()
        (small_disk / "ballast").unlink()
        fetch.fetch("toy", Source.full(small_disk), dataset=dataset, policy=LOOPBACK)
        assert (small_disk / "toy" / "noise.bin").read_bytes() == content
        assert mirror.asked("/noise.bin")[1].startswith("bytes=")


def test_unpacking_that_fills_the_disk_places_nothing(small_disk, tmp_path):
    content, members = big()
    (tmp_path / "big.zip").write_bytes(content)
    dataset = toy(Part(("https://x/big.zip",), len(content), members, unpacked=1_400_000))
    with pytest.raises(NoSpace):
        import_local.import_dataset(
            tmp_path / "big.zip", Source.full(small_disk), datasets=(dataset,)
        )
    assert files(small_disk) == []


def test_free_space_is_checked_before_the_first_byte(small_disk):
    with running() as mirror:
        part = images(mirror.serve("/images.zip", IMAGES_ZIP))
        dataset = toy(Part(part.urls, 400, part.files, part.trees, unpacked=2_000_000))
        with pytest.raises(
            NoSpace, match=r"expected 3 MB free, got 1 MB|expected 3 MB free, got 0 MB"
        ):
            fetch.fetch("toy", Source.full(small_disk), dataset=dataset, policy=LOOPBACK)
        assert mirror.requests == []
