from pathlib import Path

import pytest

from etabli.core.errors import DataMissing, UnknownName
from etabli.core.paths import user_cache
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist


def test_full_data_are_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path))
    assert Source.full().path("voc") == tmp_path / "voc"
    assert Source.full(tmp_path / "other").path("voc") == tmp_path / "other" / "voc"


def test_without_it_they_are_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("ETABLI_DATA", raising=False)
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path))
    assert Source.full().path("glove") == tmp_path / "data" / "glove"
    assert Source.sample().root == tmp_path / "samples"


def test_the_cache_is_the_systems_one_unless_moved(monkeypatch):
    monkeypatch.delenv("ETABLI_CACHE", raising=False)
    assert user_cache().name == "etabli" and user_cache().is_absolute()


def test_the_first_candidate_that_exists_is_taken(tmp_path):
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc" / "b").touch()
    assert Source.full(tmp_path).file("voc", "a", "b") == tmp_path / "voc" / "b"
    with pytest.raises(DataMissing, match="a is missing"):
        Source.full(tmp_path).file("voc", "a")


def test_a_sample_with_a_missing_file_says_how_to_generate_it_again(tmp_path):
    source = Source.sample(tmp_path)
    (source.path("mnist") / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataMissing, match="Remove the folder: it is generated again"):
        mnist.load(source)


def test_an_unknown_kind_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean sample"):
        Source("smaple")


def test_sources_are_values():
    assert Source.full("x") == Source("full", Path("x")) != Source.sample("x")
    assert Source.sample().is_sample and not Source.full().is_sample
