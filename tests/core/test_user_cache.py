import pytest

from etabli.core import user_cache
from etabli.core.atomic_files import lock_folder
from etabli.core.errors import UnknownName


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(home, **sizes):
    for kind, size in sizes.items():
        (home / kind / "inner").mkdir(parents=True, exist_ok=True)
        (home / kind / "inner" / "file").write_bytes(bytes(size))


def test_an_empty_cache_lists_nothing(home):
    assert user_cache.list_cache() == []


def test_kinds_are_listed_with_their_bytes_the_largest_first(home):
    fill(home, features=300, ir=20, data=1000, strange=5)
    listed = [(each.kind, each.files, each.bytes) for each in user_cache.list_cache()]
    assert listed == [("data", 1, 1000), ("features", 1, 300), ("ir", 1, 20), ("strange", 1, 5)]


def test_all_is_everything_but_data_sets_and_unknown_folders(home):
    fill(home, features=300, ir=20, data=1000, strange=5)
    assert user_cache.clear_cache(["all"]) == (320, [])
    assert [each.kind for each in user_cache.list_cache()] == ["data", "strange"]
    assert user_cache.clear_cache(["data"]) == (1000, [])


def test_another_kind_is_refused_before_anything_is_removed(home):
    fill(home, features=300)
    with pytest.raises(UnknownName, match="features"):
        user_cache.clear_cache(["features", "feature"])
    assert user_cache.list_cache()[0].bytes == 300


def test_a_folder_in_use_stays(home):
    fill(home, features=300)
    (home / "features" / "other").mkdir()
    with lock_folder(home / "features" / "inner"):
        _freed, busy = user_cache.clear_cache(["features"])
    assert busy == [home / "features" / "inner"]
    assert not (home / "features" / "other").exists()


def test_what_a_link_leads_to_is_neither_measured_nor_removed(home, tmp_path):
    fill(home, features=300)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo").write_bytes(bytes(10_000))
    (home / "features" / "link").symlink_to(tmp_path / "mine")
    assert user_cache.list_cache()[0].bytes < 1000
    user_cache.clear_cache(["features"])
    assert (tmp_path / "mine" / "photo").exists() and not (home / "features" / "link").exists()


def test_growth_is_measured_even_where_the_command_fails(home):
    growth = user_cache.CacheGrowth()
    with pytest.raises(ValueError), user_cache.measure_growth(growth):
        fill(home, features=300, data=1000)
        raise ValueError
    assert growth.bytes == 300 and not growth.is_notable
