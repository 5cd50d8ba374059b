"""Models are found in the newest run, loaded once in the background, and replaced when a newer one stands."""

import shutil
import threading
import time

import pytest

from etabli.core.errors import CorruptFile
from etabli.core.i18n import _, use_language
from etabli.web.api import NotReady
from etabli.web.model_cache import Shelf, Tool, newest


@pytest.fixture
def home(small_runs, tmp_path):
    copied = tmp_path / "runs"
    shutil.copytree(small_runs, copied)
    return copied


def tool(load=lambda found: found.run.name, files=("train.jsonl",), experiment="tp0.tiny") -> Tool:
    return Tool("toy", experiment, files, load)


def wait(shelf: Shelf, *states: str) -> str:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        state = shelf.state()["toy"]["state"]
        if state in states:
            return state
        time.sleep(0.005)
    raise TimeoutError(shelf.state())


def test_the_newest_run_that_has_the_files_is_taken(home):
    assert newest(home, tool()).run.name == "second"
    (home / "second" / "tp0.tiny" / "seed-0" / "train.jsonl").unlink()
    assert newest(home, tool()).run.name == "first"


def test_an_experiment_that_was_never_run_is_not_found(home, tmp_path):
    assert newest(home, tool(experiment="tp0.other")) is None
    assert newest(tmp_path / "nowhere", tool()) is None


def test_an_interrupted_piece_is_not_played_with(home):
    record = home / "second" / "tp0.tiny" / "seed-0" / "piece.json"
    record.write_text(record.read_text().replace('"interrupted": false', '"interrupted": true'))
    assert newest(home, tool()).run.name == "first"


def test_a_broken_record_does_not_hide_another_run(home):
    (home / "second" / "tp0.tiny" / "seed-0" / "piece.json").write_text("{")
    assert newest(home, tool()).run.name == "first"


def test_without_a_model_the_refusal_names_the_command(tmp_path):
    shelf = Shelf(tmp_path, [tool()])
    shelf.look()
    assert shelf.state()["toy"]["state"] == "missing"
    with pytest.raises(NotReady, match=r"etabli run tp0\.tiny"):
        shelf.get("toy")


def test_a_model_is_loaded_in_the_background_with_a_sign(home):
    go = threading.Event()

    def slow(found):
        go.wait(10)
        return "loaded"

    shelf = Shelf(home, [tool(slow)])
    shelf.look()
    assert wait(shelf, "loading") == "loading"
    with pytest.raises(NotReady, match="being loaded"):
        shelf.get("toy")
    go.set()
    wait(shelf, "ready")
    assert shelf.get("toy") == "loaded"
    shelf.close()


def test_looking_again_loads_nothing_again_until_a_newer_run_stands(home):
    loads = []
    shelf = Shelf(home, [tool(lambda found: loads.append(found.run.name) or found.run.name)])
    for _time in range(3):
        shelf.look()
        wait(shelf, "ready")
    assert loads == ["second"]
    time.sleep(0.02)
    (home / "first" / "run.json").touch()
    shelf.look()
    wait(shelf, "ready")
    assert loads == ["second", "first"]
    assert shelf.get("toy") == "first"
    shelf.close()


@pytest.mark.parametrize(
    "error", [CorruptFile("/a/b/model.keras is truncated"), RuntimeError("inside of a library")]
)
def test_a_model_that_cannot_be_loaded_says_so_without_a_path(home, error):
    def broken(found):
        raise error

    shelf = Shelf(home, [tool(broken)])
    shelf.look()
    wait(shelf, "failed")
    problem = shelf.state()["toy"]["problem"]["en"]
    assert problem
    assert "/a/b" not in problem
    assert "library" not in problem
    shelf.close()


def loading_all_but(broken: str):
    def load(found):
        if found.run.name == broken:
            raise CorruptFile(
                _("{path} is not a model that can be loaded").format(path="model.keras")
            )
        return found.run.name

    return load


def test_where_the_newest_model_cannot_be_loaded_an_older_one_is_and_the_newest_is_told(home):
    shelf = Shelf(home, [tool(loading_all_but("second"))])
    shelf.look()
    wait(shelf, "ready")
    assert shelf.get("toy") == "first"
    told = shelf.state()["toy"]
    assert told["run"] == "first"
    assert told["problem"]["en"] == "second: model.keras is not a model that can be loaded."
    shelf.close()


def test_a_newer_model_that_cannot_be_loaded_leaves_the_one_that_is_there_until_it_is_trained_anew(
    home,
):
    loads = []
    broken = {"first"}

    def load(found):
        loads.append(found.run.name)
        return loading_all_but(*broken)(found)

    shelf = Shelf(home, [tool(load)])
    shelf.look()
    wait(shelf, "ready")
    time.sleep(0.02)
    (home / "first" / "run.json").touch()
    for _time in range(3):
        shelf.look()
        wait(shelf, "ready")
    assert loads == ["second", "first"] and shelf.get("toy") == "second"
    assert shelf.state()["toy"]["problem"]["en"].startswith("first: ")
    broken = {"none"}
    (home / "first" / "tp0.tiny" / "seed-0" / "piece.json").touch()
    shelf.look()
    wait(shelf, "ready")
    assert shelf.get("toy") == "first" and shelf.state()["toy"]["problem"] == {}
    shelf.close()


def test_each_page_reads_in_its_own_language_why_a_model_could_not_be_loaded(home):
    def broken(found):
        raise CorruptFile(_("{path} is not a model that can be loaded").format(path="model.keras"))

    shelf = Shelf(home, [tool(broken)])
    shelf.look()
    wait(shelf, "failed")
    problem = shelf.state()["toy"]["problem"]
    assert problem["en"].startswith("model.keras is not") and problem["fr"].startswith(
        "model.keras n'est pas"
    )
    for language in ("en", "fr"):
        with use_language(language), pytest.raises(NotReady) as refused:
            shelf.get("toy")
        assert str(refused.value) == problem[language]
    shelf.close()
