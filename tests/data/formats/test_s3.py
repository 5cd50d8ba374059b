"""Images in S3 storage: a local server of that kind, on loopback, stands in for a real one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from s3 import CREDENTIALS, put, serving

from etabli.core.errors import DataMissing, MissingExtra, NoNetwork, UnknownName, UnsafeArchive
from etabli.data.formats import images, s3
from etabli.features import extract
from etabli.models.vision import backbones

pytest.importorskip("s3fs", reason="needs the extra 'cluster'")


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """Address of a server with a bucket of the images of a folder, and the folder."""
    with serving() as address:
        yield address, filled(tmp_path_factory.mktemp("photos"), address)


def filled(folder, address):
    """Images whose order by name is not that of their keys, a broken and a hidden one."""
    draw = np.random.default_rng(1)
    for name in ("b/one.png", "b c/été.png", "a.png", "z/deep/er/two.png", ".hidden/no.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    (folder / "b" / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no image")
    put(folder, "s3://bucket/photos", address)
    return folder


def listed(storage, place="s3://bucket/photos"):
    return s3.list_images(place, storage[0])


def test_a_bucket_lists_the_images_of_a_folder_in_its_order(storage):
    local = [path.relative_to(storage[1]).as_posix() for path in images.list_images(storage[1])]
    assert [each.url.removeprefix("s3://bucket/photos/") for each in listed(storage)] == local
    assert len(local) == 5


def test_an_object_is_read_whole_and_the_endpoint_may_come_from_the_environment(
    storage, monkeypatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", storage[0])
    found = s3.list_images("s3://bucket/photos/")
    assert found == listed(storage)
    assert found[0].read() == (storage[1] / "a.png").read_bytes()


def test_features_of_a_bucket_are_those_of_the_folder(storage, tmp_path):
    """Names and rows; the reason of what cannot be read names the object."""
    net = backbones.get_backbone("small_residual").build(seed=1, size=(32, 32))
    options = {"model": net, "size": (32, 32), "engine": "keras", "batch_size": 2, "shard_rows": 3}
    paths, objects = images.list_images(storage[1]), listed(storage)
    names = [path.relative_to(storage[1]).as_posix() for path in paths]
    local = extract(paths, "small_residual", tmp_path / "local", names=names, **options)
    there = extract(objects, "small_residual", tmp_path / "there", names=names, **options)
    assert there.names == local.names and len(there) == 4
    np.testing.assert_array_equal(there.array(), local.array())
    assert "s3://bucket/photos/b/empty.jpg is empty" in there.unreadable[0].reason
    assert len(extract(objects, "small_residual", tmp_path / "there", names=names, **options)) == 4


def test_an_object_written_again_renews_its_shard(storage):
    from etabli.features.pipeline import NamedImage
    from etabli.features.shards import compute_fingerprint

    before = listed(storage)[0]
    s3._open_storage(storage[0]).pipe_file(before.url, (storage[1] / "b" / "one.png").read_bytes())
    after = listed(storage)[0]
    assert compute_fingerprint([NamedImage("a", before)]) != compute_fingerprint(
        [NamedImage("a", after)]
    )
    s3._open_storage(storage[0]).put_file(str(storage[1] / "a.png"), before.url)


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("s3://no-such-bucket/x", DataMissing, "no-such-bucket"),
        ("s3://", DataMissing, "names no bucket"),
    ],
)
def test_a_place_that_is_not_there_is_a_sentence(storage, place, error, says):
    with pytest.raises(error, match=says):
        listed(storage, place)


def test_an_object_that_is_gone_is_a_missing_image_but_silent_storage_says_nothing_about_images(
    storage,
):
    with pytest.raises(DataMissing, match=r"gone\.png"):
        s3.RemoteImage("s3://bucket/gone.png", 1, "", storage[0]).read()
    with pytest.raises(NoNetwork, match="did not return"):
        s3.RemoteImage("s3://bucket/a.png", 1, "", "http://127.0.0.1:9").read()


def test_an_object_too_large_for_an_image_is_not_fetched(storage):
    with pytest.raises(UnsafeArchive, match="million bytes"):
        s3.RemoteImage("s3://bucket/a.png", s3.MAX_BYTES + 1, "", storage[0]).read()


def test_silent_storage_stops_an_extraction_instead_of_leaving_holes(storage, tmp_path):
    net = backbones.get_backbone("small_residual").build(seed=1, size=(32, 32))
    away = [s3.RemoteImage("s3://bucket/a.png", 1, "", "http://127.0.0.1:9")]
    with pytest.raises(NoNetwork):
        extract(
            away,
            "small_residual",
            tmp_path / "f",
            names=["a"],
            model=net,
            size=(32, 32),
            engine="keras",
        )
    assert not list((tmp_path / "f").glob("shard-*"))


def test_other_kinds_of_storage_are_refused_and_a_path_is_a_path():
    assert not s3.is_remote(Path("photos")) and s3.is_remote("s3://bucket")
    with pytest.raises(UnknownName, match="ftp"):
        s3.is_remote("ftp://host/photos")


def test_without_credentials_a_sentence_says_where_they_are_looked_for(storage):
    """In a process of its own, without those of the tests, a home or a machine's role."""
    code = f"from etabli.data.formats import s3\ns3.list_images('s3://bucket', {storage[0]!r})"
    clean = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
    clean |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    clean["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=False
    )
    assert "requires credentials, and none are set" in done.stderr and "AWS_PROFILE" in done.stderr


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch):
    s3._open_storage.cache_clear()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtra, match=r"etabli\[cluster\]"):
        s3.list_images("s3://bucket")
    s3._open_storage.cache_clear()
