import numpy as np

from etabli.core import cache
from etabli.core.hashing import compute_digest


def test_cached_arrays_are_not_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path))
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3)}

    first = cache.load_or_compute("test", {"k": 1}, compute)
    second = cache.load_or_compute("test", {"k": 1}, compute)
    np.testing.assert_array_equal(first["x"], second["x"])
    assert len(calls) == 1


def test_a_truncated_file_is_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path))
    cache.load_or_compute("test", 1, lambda: {"x": np.arange(300)})
    (path,) = (tmp_path / "arrays" / "test").iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert cache.load_or_compute("test", 1, lambda: {"x": np.ones(2)})["x"].size == 2


def test_equal_keys_have_equal_digests():
    array = np.arange(4.0)
    assert compute_digest({"a": array, "b": 1}) == compute_digest({"b": 1, "a": array.copy()})
    assert compute_digest({"a": array}) != compute_digest({"a": array.astype(np.float32)})
    assert compute_digest({"a": array}) != compute_digest({"a": array[::-1]})


def test_results_may_have_a_folder_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "user"))
    cache.load_or_compute("test", 1, lambda: {"x": np.zeros(1)})
    with cache.use_cache_folder(tmp_path / "run"):
        assert cache.load_or_compute("test", 1, lambda: {"x": np.ones(1)})["x"] == 1
        assert cache.cache_path("test", 1, ".npz").is_relative_to(tmp_path / "run")
    assert cache.load_or_compute("test", 1, lambda: {"x": np.ones(1)})["x"] == 0
