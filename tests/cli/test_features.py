"""etabli features on images in S3 storage, and without the extra for clusters."""

import json
import sys

import pytest
from PIL import Image
from s3 import put, serving


@pytest.fixture
def photos(tmp_path):
    place = tmp_path / "photos"
    (place / "été").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (20, 20), (80 * number, 0, 0)).save(place / "été" / f"{number}.png")
    (place / "empty.jpg").write_bytes(b"")
    return place


def test_images_of_a_bucket_become_features_by_their_names_in_it(etabli, photos, tmp_path):
    with serving() as address:
        put(photos, "s3://bucket/photos", address)
        result = etabli(
            *("features", "s3://bucket/photos", "--endpoint", address, "--out", tmp_path / "f"),
            *("--backbone", "small_residual", "--weights", "none", "--engine", "keras", "--json"),
        )
        assert result.code == 7, result.err
        document = json.loads(result.out)
        assert document["shape"] == [3, 96] and document["unreadable"][0]["name"] == "empty.jpg"
        nothing = etabli(
            "features", "s3://bucket/nothing", "--endpoint", address, "--out", tmp_path / "g"
        )
        assert nothing.code == 3 and "s3://bucket/nothing" in nothing.err


def test_another_kind_of_storage_gives_one_sentence(etabli):
    result = etabli("features", "ftp://host/photos", "--out", "f")
    assert result.code == 2 and "no kind of storage named 'ftp'" in result.err


def test_a_cluster_without_the_extra_says_what_to_install(etabli, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = etabli(
        "features",
        photos,
        "--out",
        "f",
        "--backbone",
        "small_residual",
        "--weights",
        "none",
        "--cluster",
        "auto",
    )
    assert result.code == 2 and "pip install 'etabli[cluster]'" in result.err
