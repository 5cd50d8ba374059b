import gzip
import tarfile

import numpy as np
import pytest
from toyset import ALBUM, PACKED, WORDS, pictures, toy, words, zipped

from etabli.core.errors import (
    ChecksumMismatch,
    CorruptFile,
    DataMissing,
    EtabliError,
    UnsafeArchive,
)
from etabli.data.catalog import import_local, inventory
from etabli.data.catalog.source import Source

TOY = toy(words("https://x/words.gz"), pictures("https://x/album.zip"))


def bring(path, root):
    return import_local.bring(path, Source.full(root), resources=(TOY,))


def placed(root):
    return sorted(
        str(path.relative_to(root / "toy")) for path in (root / "toy").rglob("*") if path.is_file()
    )


def left_over(root):
    return [
        path
        for path in (root / ".downloads").rglob("*")
        if path.is_file() and path.suffix != ".lock"
    ]


def test_files_are_recognised_wherever_they_lie_in_a_folder(tmp_path):
    deep = tmp_path / "given" / "some" / "where"
    deep.mkdir(parents=True)
    (deep / "words").write_bytes(WORDS)
    (deep / "album.zip").write_bytes(ALBUM)
    (deep / "holiday.zip").write_bytes(b"not even an archive")
    (brought,) = bring(tmp_path / "given", tmp_path / "root")
    assert (brought.placed, brought.status, brought.lacks) == (5, inventory.COMPLETE, ())
    assert placed(tmp_path / "root") == [
        "pictures/0.jpg",
        "pictures/1.jpg",
        "pictures/2.jpg",
        "text/list.txt",
        "words",
    ]
    assert (deep / "words").read_bytes() == WORDS and left_over(tmp_path / "root") == []


@pytest.mark.parametrize("kind", ["zip", "tgz", "gz", "plain"])
def test_archives_of_every_kind_are_opened(tmp_path, kind):
    given = (
        tmp_path / {"zip": "mine.zip", "tgz": "mine.tgz", "gz": "words.gz", "plain": "words"}[kind]
    )
    if kind == "zip":
        given.write_bytes(zipped({"x/words.gz": PACKED}))
    elif kind == "tgz":
        (tmp_path / "it").write_bytes(WORDS)
        with tarfile.open(given, "w:gz") as made:
            made.add(tmp_path / "it", "x/words")
    else:
        given.write_bytes(PACKED if kind == "gz" else WORDS)
    (brought,) = bring(given, tmp_path / "root")
    assert brought.placed == 1 and brought.status == inventory.PARTIAL
    assert brought.lacks == ("text/list.txt", "pictures")


def test_a_file_that_is_not_the_official_one_refuses_everything(tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "words.gz").write_bytes(gzip.compress(b"other"))
    (tmp_path / "given" / "album.zip").write_bytes(ALBUM)
    with pytest.raises(ChecksumMismatch, match=r"words\.gz is not the file.*Nothing was changed"):
        bring(tmp_path / "given", tmp_path / "root")
    assert placed(tmp_path / "root") == [] and left_over(tmp_path / "root") == []


def test_what_was_there_stays_when_something_worse_comes(tmp_path):
    (tmp_path / "words").write_bytes(WORDS)
    bring(tmp_path / "words", tmp_path / "root")
    (tmp_path / "words").write_bytes(WORDS[:-1])
    with pytest.raises(ChecksumMismatch):
        bring(tmp_path / "words", tmp_path / "root")
    assert (tmp_path / "root" / "toy" / "words").read_bytes() == WORDS


def test_hostile_and_broken_archives_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"words": WORDS, "../x": b""}))
    with pytest.raises(UnsafeArchive):
        bring(tmp_path / "a.zip", tmp_path / "root")
    (tmp_path / "a.zip").write_bytes(ALBUM[:-30])
    with pytest.raises(CorruptFile):
        bring(tmp_path / "a.zip", tmp_path / "root")
    assert placed(tmp_path / "root") == []


def test_nothing_recognised_says_what_would_be(tmp_path):
    (tmp_path / "given").mkdir()
    with pytest.raises(
        DataMissing, match=r"nothing in .* belongs.*expected files such as words\.gz, album\.zip"
    ):
        bring(tmp_path / "given", tmp_path / "root")
    with pytest.raises(DataMissing, match="there is no file or folder"):
        bring(tmp_path / "nowhere", tmp_path / "root")
    with pytest.raises(EtabliError, match="made by the project"):
        import_local.bring(tmp_path, Source.sample(tmp_path))


@pytest.mark.full
def test_the_official_mnist_is_recognised_and_read(full_data, tmp_path):
    from etabli.data.formats import mnist

    (brought,) = import_local.bring(full_data / "mnist", Source.full(tmp_path))
    assert (brought.name, brought.placed, brought.status) == ("mnist", 4, inventory.COMPLETE)
    assert np.bincount(mnist.load(Source.full(tmp_path)).test_labels).sum() == 10_000
