import dataclasses
import gzip
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mirrors import LOOPBACK, running
from toyset import IMAGES_ZIP, PACKED, WORDS, images, toy, words, zipped

from etabli.core.errors import (
    ChecksumMismatch,
    CorruptFile,
    EtabliError,
    NoNetwork,
    NoSpace,
    UnsafeArchive,
)
from etabli.data.catalog import fetch, inventory, registry
from etabli.data.catalog.source import Source


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setattr(fetch, "_WAIT", 0.01)
    with running() as server:
        yield server


def bring(tmp_path, dataset, **options):
    return fetch.fetch("toy", Source.full(tmp_path), dataset=dataset, policy=LOOPBACK, **options)


def placed(tmp_path):
    folder = tmp_path / "toy"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def left_over(tmp_path):
    return [
        path.name
        for path in (tmp_path / ".downloads").rglob("*")
        if path.is_file() and path.suffix != ".lock"
    ]


def test_what_is_missing_is_fetched_checked_and_placed(mirror, tmp_path):
    dataset = toy(
        words(mirror.serve("/words.gz", PACKED)), images(mirror.serve("/images.zip", IMAGES_ZIP))
    )
    assert bring(tmp_path, dataset) == ["words.gz", "images.zip"]
    assert placed(tmp_path) == [
        "images/0.jpg",
        "images/1.jpg",
        "images/2.jpg",
        "text/list.txt",
        "words.gz",
    ]
    assert inventory.get_status(dataset, tmp_path / "toy") == inventory.COMPLETE
    assert left_over(tmp_path) == []


def test_what_is_there_is_not_fetched_again(mirror, tmp_path):
    dataset = toy(
        words(mirror.serve("/words.gz", PACKED)), images(mirror.serve("/images.zip", IMAGES_ZIP))
    )
    bring(tmp_path, dataset)
    (tmp_path / "toy" / "images" / "1.jpg").unlink()
    mirror.requests.clear()
    assert bring(tmp_path, dataset) == ["images.zip"]
    assert bring(tmp_path, dataset) == [] and mirror.requests == [("/images.zip", None)]


def test_a_recompressed_archive_is_as_good_as_the_original(mirror, tmp_path):
    again = gzip.compress(WORDS, compresslevel=1, mtime=12345)
    assert again != PACKED
    bring(tmp_path, toy(words(mirror.serve("/words.gz", again))))
    assert placed(tmp_path) == ["words.gz"]


def test_a_dead_first_mirror_is_skipped(mirror, tmp_path):
    with running() as dead:
        gone = dead.serve("/words.gz")
    said = []
    bring(tmp_path, toy(words(gone, mirror.serve("/words.gz", PACKED))), say=said.append)
    assert placed(tmp_path) == ["words.gz"] and "trying the next mirror" in said[0]


def test_a_mirror_with_the_wrong_content_is_skipped(mirror, tmp_path):
    wrong = mirror.serve("/bad/words.gz", gzip.compress(b"something else"))
    bring(tmp_path, toy(words(wrong, mirror.serve("/words.gz", PACKED))))
    assert (tmp_path / "toy" / "words.gz").read_bytes() == PACKED


def test_wrong_content_everywhere_places_nothing(mirror, tmp_path):
    wrong = mirror.serve("/words.gz", gzip.compress(b"something else"))
    with pytest.raises(ChecksumMismatch, match=r"words\.gz is not the file.*sha256 expected"):
        bring(tmp_path, toy(words(wrong)))
    assert placed(tmp_path) == [] and left_over(tmp_path) == []


def test_an_archive_that_is_not_as_published_is_refused_where_its_content_has_no_checksum(
    mirror, tmp_path
):
    part = images(
        mirror.serve("/images.zip", IMAGES_ZIP), checksum="md5:" + hashlib.md5(b"other").hexdigest()
    )
    with pytest.raises(ChecksumMismatch, match="did not return the archive"):
        bring(tmp_path, toy(part))
    bring(
        tmp_path,
        toy(dataclasses.replace(part, checksum="md5:" + hashlib.md5(IMAGES_ZIP).hexdigest())),
    )


def test_an_archive_with_missing_files_is_refused(mirror, tmp_path):
    part = images(
        mirror.serve("/images.zip", zipped({"list.txt": b"list", "images/0.jpg": b"jpeg"}))
    )
    with pytest.raises(CorruptFile, match="does not contain all expected files: expected images"):
        bring(tmp_path, toy(part))
    assert placed(tmp_path) == []


def test_a_hostile_archive_writes_nothing(mirror, tmp_path):
    part = images(
        mirror.serve("/images.zip", zipped({"images/0.jpg": b"1", "../../evil.jpg": b"2"}))
    )
    with pytest.raises(UnsafeArchive, match="points outside"):
        bring(tmp_path, toy(part))
    assert placed(tmp_path) == [] and not list(tmp_path.rglob("evil*"))


def test_a_file_that_its_publisher_revises_is_taken(mirror, tmp_path):
    url = mirror.serve("/words.gz", gzip.compress(b"a new edition"))
    bring(tmp_path, toy(words(url, revised=True)))
    assert (
        next(inventory.check_dataset(toy(words(url, revised=True)), tmp_path / "toy")).state
        == inventory.REVISED
    )


def test_no_mirror_at_all_says_what_to_do(mirror, tmp_path):
    with pytest.raises(
        NoNetwork, match=r"127\.0\.0\.1: HTTP 404; 127\.0\.0\.1: HTTP 503.*etabli data import"
    ):
        bring(tmp_path, toy(words(mirror.url + "/none", mirror.serve("/b", status=503))))


def test_a_disk_without_free_space_is_refused_before_the_first_byte(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(
        fetch.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10)
    )
    with pytest.raises(NoSpace, match="not enough free space"):
        bring(tmp_path, toy(words(mirror.serve("/words.gz", PACKED))))
    assert mirror.requests == []


def test_a_folder_that_cannot_be_written_is_refused(mirror, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EtabliError, match="cannot write"):
        bring(tmp_path / "file", toy(words(mirror.serve("/words.gz", PACKED))))


def test_sample_data_are_not_fetched(tmp_path):
    with pytest.raises(EtabliError, match="generated by the project"):
        fetch.fetch("mnist", Source.sample(tmp_path))


def test_a_resumed_file_that_turns_out_wrong_is_taken_from_its_beginning(mirror, tmp_path):
    url = mirror.serve("/words.gz", PACKED)
    part_file = (
        tmp_path
        / ".downloads"
        / "toy"
        / f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-words.gz.part"
    )
    part_file.parent.mkdir(parents=True)
    part_file.write_bytes(b"of another release"[:12])
    bring(tmp_path, toy(words(url)))
    assert mirror.asked("/words.gz") == ["bytes=12-", None]
    assert (tmp_path / "toy" / "words.gz").read_bytes() == PACKED


CHILD = """
import sys
sys.path.insert(0, {tests!r})
from mirrors import LOOPBACK
from toyset import toy, words
from etabli.data.catalog import fetch
from etabli.data.catalog.source import Source
print(fetch.fetch("toy", Source.full({folder!r}), dataset=toy(words({url!r})), policy=LOOPBACK))
"""


def child(tmp_path, url):
    code = CHILD.format(tests=str(Path(__file__).parents[2]), folder=str(tmp_path), url=url)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_download_once(mirror, tmp_path):
    url = mirror.serve("/words.gz", PACKED, pace=0.04)
    both = [child(tmp_path, url) for __ in range(2)]
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert answers == ["['words.gz']", "[]"] or answers == ["[]", "['words.gz']"]
    assert len(mirror.requests) == 1 and placed(tmp_path) == ["words.gz"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_download_killed_at_a_random_moment_is_resumed(mirror, tmp_path, seed):
    url = mirror.serve("/words.gz", PACKED, pace=0.03)
    process = child(tmp_path, url)
    while not mirror.requests:
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0.05, 0.8))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for path in (tmp_path / "toy").rglob("*"):
        assert path.read_bytes() == PACKED
    came = sum(path.stat().st_size for path in (tmp_path / ".downloads").rglob("*.part"))
    mirror.served["/words.gz"].pace = 0
    bring(tmp_path, toy(words(url)))
    assert (tmp_path / "toy" / "words.gz").read_bytes() == PACKED and left_over(tmp_path) == []
    if 0 < came < len(PACKED):
        assert mirror.asked("/words.gz")[-1] == f"bytes={came}-"


def test_of_emnists_archive_only_the_letters_are_kept(mirror, tmp_path):
    """A made-up archive in the form of NIST's: gzip files of every split, in a folder."""
    real = registry.get_dataset("emnist-letters")
    held = {file.path: gzip.compress(file.path.encode(), mtime=0) for file in real.files}
    others = {"gzip/emnist-digits-train-images-idx3-ubyte.gz": b"not kept"}
    packed = zipped({f"gzip/{name}": content for name, content in held.items()} | others)
    files = tuple(
        dataclasses.replace(
            file,
            size=len(file.path),
            packed=f"md5:{hashlib.md5(held[file.path]).hexdigest()}",
        )
        for file in real.files
    )
    part = dataclasses.replace(
        real.parts[0],
        urls=(mirror.serve("/gzip.zip", packed),),
        files=files,
        checksum=f"md5:{hashlib.md5(packed).hexdigest()}",
    )
    made = dataclasses.replace(real, parts=(part,))
    folder = tmp_path / "emnist-letters"
    fetch.fetch(real.name, Source.full(tmp_path), dataset=made, policy=LOOPBACK)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == held
    assert [each.state for each in inventory.check_dataset(made, folder)] == [inventory.OK] * 4
    assert inventory.get_status(made, folder) == inventory.COMPLETE
