"""The race: accuracies and seconds of a recipe, kept seed by seed; the test images stay unread."""

import json
from dataclasses import replace

import numpy as np
import pytest

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, EtabliError, UnknownName
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.pipelines import race as pipeline
from etabli.pipelines.race import Recipe, race, read_recipe, timing

TINY = Recipe(layers="5x4s2 3x4p", epochs=2, batch_size=100, ema_decay=0.5)


@pytest.fixture(autouse=True)
def _compiles_at_once(monkeypatch):
    monkeypatch.setattr(timing, "_measure_compilation", lambda *_: (2.0, 0.5))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two seeds of a tiny recipe on sample data."""
    folder = tmp_path_factory.mktemp("race")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "_measure_compilation", lambda *_: (2.0, 0.5))
        record, _folder = race(data="sample", seeds=2, recipe=TINY, out=folder)
    return record, folder


def test_each_seed_has_an_accuracy_and_its_seconds(finished):
    record, folder = finished
    assert [each.seed for each in record.seeds] == [0, 1]
    assert record.mean == pytest.approx(np.mean([each.accuracy for each in record.seeds]))
    assert all(each.wall_seconds > 0 and each.processor_seconds > 0 for each in record.seeds)
    assert record.cold_seconds == pytest.approx(record.wall_seconds + 1.5)
    written = json.loads((folder / pipeline.RECORD).read_text())
    assert pipeline.Race.model_validate(written) == record
    assert f"{record.mean:.2%}" in (folder / pipeline.TABLE).read_text()


def test_a_finished_seed_is_not_trained_again(finished, monkeypatch):
    record, folder = finished
    monkeypatch.setattr(timing, "_run_seed", lambda *_: pytest.fail("trained again"))
    again, _folder = race(data="sample", seeds=2, recipe=TINY, out=folder)
    fewer, _folder = race(data="sample", seeds=1, recipe=TINY, out=folder)
    assert again == record
    assert [each.seed for each in fewer.seeds] == [0]
    assert len(json.loads((folder / pipeline.RECORD).read_text())["seeds"]) == 2


def test_another_recipe_does_not_replace_a_race(finished):
    _record, folder = finished
    other = TINY.model_copy(update={"epochs": 1})
    with pytest.raises(BadSetting, match="another recipe"):
        race(data="sample", seeds=1, recipe=other, out=folder)


def test_a_damaged_record_is_refused_with_what_to_do(tmp_path):
    (tmp_path / pipeline.RECORD).write_text("{")
    with pytest.raises(CorruptFile, match="--overwrite"):
        race(data="sample", seeds=1, recipe=TINY, out=tmp_path)


def test_validation_does_not_read_the_test_images(tmp_path, monkeypatch):
    digits = mnist.load(Source.sample())
    draw = np.random.default_rng(0)
    changed = replace(
        digits,
        test_images=draw.integers(0, 255, digits.test_images.shape, dtype=np.uint8),
        test_labels=draw.permutation(digits.test_labels),
    )
    recipe = TINY.model_copy(update={"epochs": 1})
    found = []
    for each in (digits, changed):
        monkeypatch.setattr(mnist, "load", lambda source, each=each: each)
        out = tmp_path / str(len(found))
        found.append(race(data="sample", seeds=1, recipe=recipe, validation=True, out=out)[0])
    assert found[0].seeds[0].accuracy == found[1].seeds[0].accuracy
    assert found[0].train_size + len(digits.train_images) // 6 == len(digits.train_images)
    assert found[0].reached is None


@pytest.mark.parametrize("accuracy,reached", [(0.995, True), (0.993, False)])
def test_the_target_is_about_the_test_images_of_mnist(finished, accuracy, reached):
    record, _folder = finished
    seeds = [each.model_copy(update={"accuracy": accuracy}) for each in record.seeds]
    official = record.model_copy(update={"data": "mnist", "seeds": seeds})
    assert official.reached is reached
    assert record.reached is None
    assert official.model_copy(update={"images": "validation"}).reached is None


def test_a_recipe_is_a_json_object_of_settings(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(TINY.model_dump_json())
    assert read_recipe(path) == TINY
    path.write_text('{"epochs": 3}')
    assert read_recipe(path) == Recipe(epochs=3)
    assert read_recipe(None) == Recipe()


@pytest.mark.parametrize(
    "text,error,words",
    [
        ('{"epochs": 0}', CorruptFile, "epochs"),
        ('{"layers": "5y"}', CorruptFile, "layers"),
        ('{"lr": 1}', UnknownName, "learning_rate"),
        ("[1]", CorruptFile, "object"),
        ("{", CorruptFile, "JSON"),
        ('{"epochs": NaN}', CorruptFile, ""),
        (None, DataMissing, "no recipe"),
    ],
)
def test_a_wrong_recipe_gets_one_sentence(tmp_path, text, error, words):
    path = tmp_path / "recipe.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=words):
        read_recipe(path)


@pytest.mark.parametrize(
    "options", [{"target": 0.0}, {"target": 1.1}, {"seeds": 0}, {"dataset": "voc"}, {"data": "all"}]
)
def test_options_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(EtabliError):
        race(**{"data": "sample", "out": tmp_path, "recipe": TINY, **options})
