import numpy as np

from etabli.core import cache


def test_what_was_computed_once_is_not_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path))
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3)}

    first = cache.cached_arrays("test", {"k": 1}, compute)
    second = cache.cached_arrays("test", {"k": 1}, compute)
    np.testing.assert_array_equal(first["x"], second["x"])
    assert len(calls) == 1


def test_a_file_that_is_cut_is_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path))
    cache.cached_arrays("test", 1, lambda: {"x": np.arange(300)})
    (path,) = (tmp_path / "arrays" / "test").iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert cache.cached_arrays("test", 1, lambda: {"x": np.ones(2)})["x"].size == 2


def test_a_key_is_known_by_its_content():
    array = np.arange(4.0)
    assert cache.compute_digest({"a": array, "b": 1}) == cache.digest({"b": 1, "a": array.copy()})
    assert cache.compute_digest({"a": array}) != cache.digest({"a": array.astype(np.float32)})
    assert cache.compute_digest({"a": array}) != cache.digest({"a": array[::-1]})
