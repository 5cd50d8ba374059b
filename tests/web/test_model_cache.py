"""Models are found in the newest run, loaded once in the background, and replaced by newer ones."""

import os
import shutil
import threading
import time
from dataclasses import replace

import pytest

from etabli.core.errors import CorruptFile
from etabli.core.i18n import _, use_language
from etabli.web.api import NotFound, NotReady
from etabli.web.model_cache import ModelCache, ModelSpec, find_trained


@pytest.fixture
def home(small_runs, tmp_path):
    copied = tmp_path / "runs"
    shutil.copytree(small_runs, copied)
    return copied


def spec(
    load=lambda found: found.run.name, files=("train.jsonl",), experiment="tp0.tiny"
) -> ModelSpec:
    return ModelSpec("toy", experiment, files, load)


def newest(home, wanted):
    return next(find_trained(home, wanted), None)


def wait(cache: ModelCache, *states: str) -> str:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        state = cache.state()["toy"]["state"]
        if state in states:
            return state
        time.sleep(0.005)
    raise TimeoutError(cache.state())


def test_the_newest_run_with_all_files_is_found(home):
    assert newest(home, spec()).run.name == "second"
    (home / "second" / "tp0.tiny" / "seed-0" / "train.jsonl").unlink()
    assert newest(home, spec()).run.name == "first"


def test_an_experiment_that_never_ran_is_not_found(home, tmp_path):
    assert newest(home, spec(experiment="tp0.other")) is None
    assert newest(tmp_path / "nowhere", spec()) is None


def test_a_shipped_net_comes_before_runs_on_sample_data_and_after_those_on_full_data(home):
    shipped = home / "second"
    wanted = [found.run.name for found in find_trained(home, spec(), shipped)]
    assert wanted == ["second", "second", "first"]  # your run on full data, shipped, sample data
    shutil.move(shipped, home.parent / "pretrained")
    wanted = [found.run.name for found in find_trained(home, spec(), home.parent / "pretrained")]
    assert wanted == ["pretrained", "first"]


def test_a_shipped_net_whose_data_are_not_here_is_not_used(home, tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nowhere"))
    wanted = replace(spec(), needs="mnist")
    assert [found.run.name for found in find_trained(home / "none", wanted, home / "second")] == []
    (tmp_path / "nowhere" / "mnist").mkdir(parents=True)
    assert len(list(find_trained(home / "none", wanted, home / "second"))) == 1


def test_an_interrupted_seed_run_is_skipped(home):
    record = home / "second" / "tp0.tiny" / "seed-0" / "seed_run.json"
    record.write_text(record.read_text().replace('"interrupted": false', '"interrupted": true'))
    assert newest(home, spec()).run.name == "first"


def test_a_corrupt_record_does_not_hide_another_run(home):
    (home / "second" / "tp0.tiny" / "seed-0" / "seed_run.json").write_text("{")
    assert newest(home, spec()).run.name == "first"


def test_without_a_model_the_error_names_the_command(tmp_path):
    cache = ModelCache(tmp_path, [spec()])
    cache.refresh()
    assert cache.state()["toy"]["state"] == "missing"
    with pytest.raises(NotReady, match=r"etabli run tp0\.tiny"):
        cache.get("toy")


def test_a_model_is_loaded_in_the_background(home):
    proceed = threading.Event()

    def slow(found):
        proceed.wait(10)
        return "loaded"

    cache = ModelCache(home, [spec(slow)])
    cache.refresh()
    assert wait(cache, "loading") == "loading"
    with pytest.raises(NotReady, match="being loaded"):
        cache.get("toy")
    proceed.set()
    wait(cache, "ready")
    assert cache.get("toy") == "loaded"
    cache.close()


def test_a_model_is_loaded_again_only_from_a_newer_run(home):
    loads = []
    cache = ModelCache(home, [spec(lambda found: loads.append(found.run.name) or found.run.name)])
    for _time in range(3):
        cache.refresh()
        wait(cache, "ready")
    assert loads == ["second"]
    time.sleep(0.02)
    (home / "first" / "run.json").touch()
    cache.refresh()
    wait(cache, "ready")
    assert loads == ["second", "first"]
    assert cache.get("toy") == "first"
    cache.close()


@pytest.mark.parametrize(
    "error", [CorruptFile("/a/b/model.keras is truncated"), RuntimeError("inside of a library")]
)
def test_a_loading_error_is_shown_without_a_path(home, error):
    def broken(found):
        raise error

    cache = ModelCache(home, [spec(broken)])
    cache.refresh()
    wait(cache, "failed")
    problem = cache.state()["toy"]["problem"]["en"]
    assert problem
    assert "/a/b" not in problem
    assert "library" not in problem
    cache.close()


def loading_all_but(broken: str):
    def load(found):
        if found.run.name == broken:
            raise CorruptFile(
                _("{path} is not a model that can be loaded").format(path="model.keras")
            )
        return found.run.name

    return load


def test_where_the_newest_model_cannot_be_loaded_an_older_one_is_used(home):
    cache = ModelCache(home, [spec(loading_all_but("second"))])
    cache.refresh()
    wait(cache, "ready")
    assert cache.get("toy") == "first"
    described = cache.state()["toy"]
    assert described["run"] == "first"
    assert described["problem"]["en"] == "second: model.keras is not a model that can be loaded."
    cache.close()


def test_a_newer_model_that_cannot_be_loaded_does_not_replace_the_loaded_one(
    home,
):
    loads = []
    broken = {"first"}

    def load(found):
        loads.append(found.run.name)
        return loading_all_but(*broken)(found)

    cache = ModelCache(home, [spec(load)])
    cache.refresh()
    wait(cache, "ready")
    time.sleep(0.02)
    (home / "first" / "run.json").touch()
    for _time in range(3):
        cache.refresh()
        wait(cache, "ready")
    assert loads == ["second", "first"] and cache.get("toy") == "second"
    assert cache.state()["toy"]["problem"]["en"].startswith("first: ")
    broken = {"none"}
    (home / "first" / "tp0.tiny" / "seed-0" / "seed_run.json").touch()
    cache.refresh()
    wait(cache, "ready")
    assert cache.get("toy") == "first" and cache.state()["toy"]["problem"] == {}
    cache.close()


def test_loading_errors_are_translated_for_each_page(home):
    def broken(found):
        raise CorruptFile(_("{path} is not a model that can be loaded").format(path="model.keras"))

    cache = ModelCache(home, [spec(broken)])
    cache.refresh()
    wait(cache, "failed")
    problem = cache.state()["toy"]["problem"]
    assert problem["en"].startswith("model.keras is not") and problem["fr"].startswith(
        "model.keras n'est pas"
    )
    for language in ("en", "fr"):
        with use_language(language), pytest.raises(NotReady) as refused:
            cache.get("toy")
        assert str(refused.value) == problem[language]
    cache.close()


def test_the_shipped_net_comes_first_where_the_page_has_a_menu(home):
    shipped = home.parent / "pretrained"
    shutil.copytree(home / "first", shipped)
    wanted = replace(spec(), is_shipped_first=True)
    names = [found.run.name for found in find_trained(home, wanted, shipped)]
    assert names == ["pretrained", "second", "first"]


def test_the_model_of_another_run_is_loaded_once_and_again_when_it_was_trained_again(home):
    loads = []
    cache = ModelCache(home, [spec(lambda found: loads.append(found.run.name) or found.run.name)])
    cache.refresh()
    wait(cache, "ready")
    assert [found.run.name for found in cache.find_all("toy")] == ["second", "first"]
    assert cache.get_of_run("toy", "") == cache.get_of_run("toy", "second") == "second"
    assert cache.get_of_run("toy", "first") == cache.get_of_run("toy", "first") == "first"
    assert loads == ["second", "first"]
    record = home / "first" / "tp0.tiny" / "seed-0" / "seed_run.json"
    os.utime(record, (1, 1))
    cache.find_all("toy")
    assert cache.get_of_run("toy", "first") == "first"
    assert loads == ["second", "first", "first"]
    with pytest.raises(NotFound):
        cache.get_of_run("toy", "../second")
    cache.close()
