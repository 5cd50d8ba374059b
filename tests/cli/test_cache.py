import json

import typer

from etabli.cli import cache
from etabli.core import user_cache


def fill(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))
    for kind in ("features", "data"):
        (tmp_path / "cache" / kind).mkdir(parents=True)
        (tmp_path / "cache" / kind / "file").write_bytes(bytes(2000))


def test_the_cache_is_listed_and_cleared_by_kind(etabli, tmp_path, monkeypatch):
    fill(tmp_path, monkeypatch)
    listed = json.loads(etabli("cache", "--json").out)
    assert {each["kind"]: each["bytes"] for each in listed["kinds"]} == {
        "features": 2000, "data": 2000,
    }  # fmt: skip
    assert "2.0 kB" in etabli("cache").out
    refused = etabli("cache", "clear", "features")
    assert refused.code == 2 and "--yes" in refused.err
    assert "2.0 kB" in etabli("cache", "clear", "all", "--yes").out
    assert [each.kind for each in user_cache.list_cache()] == ["data"]


def test_a_command_that_leaves_much_in_the_cache_says_so(tmp_path, monkeypatch, capsys):
    fill(tmp_path, monkeypatch)
    monkeypatch.setattr(user_cache, "NOTABLE_BYTES", 1000)

    @cache.reports_growth
    def extract(name: str) -> None:
        """Extract."""
        (tmp_path / "cache" / "features" / name).write_bytes(bytes(3000))
        raise typer.Exit(7)

    try:
        extract("more")
    except typer.Exit as end:
        assert end.exit_code == 7
    assert "3.0 kB" in capsys.readouterr().err
