"""Which images train, choose and judge: the splits of a source, or a share of the images."""

import json
from pathlib import Path

import numpy as np
import pytest

from etabli.core.errors import BadSetting, DataMissing
from etabli.data.formats.labeled_images import LabeledImages, from_names
from etabli.pipelines import _splits
from etabli.pipelines._classifier import name_output, name_training
from etabli.saved_models.card import CARD
from etabli.training.checkpoint import CHECKPOINTS_DIR


def make(counts, splits=(), extra=()):
    """Return images of classes with so many images each, and some of several labels."""
    rows = [
        (f"{name}/{n}", Path(name) / str(n), [name]) for name in counts for n in range(counts[name])
    ]
    rows += [(f"both/{n}", Path("both") / str(n), words) for n, words in enumerate(extra)]
    return from_names(rows, splits=splits, title="photos")


def split(images: LabeledImages, fraction=None, *, task="single", needs_validation=False):
    return _splits.split(images, task, fraction, 0, needs_validation=needs_validation)


def names(parts):
    return [set(part.names) for part in (parts.train, parts.validation, parts.test) if part]


def test_the_task_is_what_the_labels_are_unless_it_is_given():
    one, several = make({"cat": 3, "dog": 3}), make({"cat": 3, "dog": 3}, extra=[["cat", "dog"]])
    assert _splits.resolve_task(one, "auto") == "single"
    assert _splits.resolve_task(one, "multi") == "multi"
    assert _splits.resolve_task(several, "auto") == "multi"
    with pytest.raises(BadSetting, match="exactly one label"):
        _splits.resolve_task(several, "single")


def test_one_class_is_refused_but_present_and_absent_are_enough():
    with pytest.raises(BadSetting, match="nothing to learn"):
        _splits.resolve_task(make({"cat": 5}), "auto")
    assert _splits.resolve_task(make({"cat": 5}, extra=[[], []]), "auto") == "multi"


def test_a_fifth_judges_where_that_is_ten_images_of_every_class():
    parts = split(make({"cat": 50, "dog": 60}))
    train, test = names(parts)
    assert len(test) == 22 and not train & test
    assert parts.splits == {"train": 88, "test": 22}


def test_few_images_are_judged_by_cross_validation_unless_a_share_is_given():
    images = make({"cat": 49, "dog": 60})
    parts = split(images)
    assert parts.test is None and set(parts.train.names) == set(images.names)
    assert "settings and scores by cross-validation" in parts.describe()
    assert split(images, 0.25).splits == {"train": 82, "test": 27}


def test_the_images_that_judge_several_labels_are_those_of_before():
    images = make({"cat": 30, "dog": 30}, extra=[["cat", "dog"]] * 5)
    _rest, held = images.split_validation(0.2, _splits.make_generator(0, "validation"))
    assert split(images, task="multi").test.names == held.names


def test_an_epoch_is_chosen_on_one_half_of_what_is_held_out_and_judged_on_the_other():
    parts = split(make({"cat": 40, "dog": 40}), needs_validation=True)
    train, validation, test = names(parts)
    assert (len(train), len(validation), len(test)) == (64, 8, 8)
    assert not (train & validation or train & test or validation & test)


def test_the_splits_of_the_source_are_used():
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    parts = split(make({"cat": 10, "dog": 10}, splits * 2))
    assert parts.splits == {"train": 12, "validation": 4, "test": 4}
    assert "cat/0" in parts.train.names and "dog/9" in parts.test.names


def test_a_validation_split_alone_judges_or_is_halved():
    images = make({"cat": 10, "dog": 10}, (["train"] * 6 + ["validation"] * 4) * 2)
    assert split(images).splits == {"train": 12, "test": 8}
    halved = split(images, needs_validation=True)
    assert halved.splits == {"train": 12, "validation": 4, "test": 4}
    assert set(halved.join().names) == set(images.names)


def test_images_in_no_split_are_counted_and_unused():
    parts = split(make({"cat": 4, "dog": 4}, (["train"] * 2 + ["test", ""]) * 2))
    assert parts.splits == {"train": 4, "test": 2}
    assert parts.remarks == ("Images in no split, which are unused: 2.",)


def test_a_split_without_training_images_of_a_class_is_refused():
    images = make({"cat": 4, "dog": 4}, ["train"] * 3 + ["test"] * 5)
    with pytest.raises(DataMissing, match="no training image shows dog"):
        split(images)


def test_of_several_labels_one_that_is_never_trained_is_left_out_and_reported():
    images = make({"cat": 4, "dog": 4, "rare": 1}, (["train"] * 3 + ["test"]) * 2 + ["test"])
    parts = split(images, task="multi")
    assert parts.train.classes == ("cat", "dog") and "rare" in parts.remarks[0]


def test_only_test_images_cannot_train():
    with pytest.raises(DataMissing, match="no image is for training"):
        split(make({"cat": 4, "dog": 4}, ["test"] * 8))


def test_too_few_images_for_three_parts_are_refused():
    with pytest.raises(DataMissing, match="no images left"):
        split(make({"cat": 1, "dog": 1}), needs_validation=True)


def test_the_file_names_every_image_and_the_content_that_trained(tmp_path):
    for name in "abcd":
        (tmp_path / name).write_bytes(name.encode())
    rows = [(name, tmp_path / name, [word]) for name, word in zip("abcd", "xyxy", strict=True)]
    images = from_names(rows, splits=["train", "train", "test", "test"])
    split(images).write(tmp_path)
    content = json.loads((tmp_path / _splits.SPLITS_FILE).read_text())
    assert content["train"] == ["a", "b"] and content["test"] == ["c", "d"]
    trained = _splits.read_trained_digests(tmp_path)
    seen = [_splits.digest_file(path) in trained for path in images.paths]
    assert seen == [True, True, False, False]


def test_a_folder_without_that_file_names_nothing(tmp_path):
    assert _splits.read_trained_digests(tmp_path) == frozenset()
    (tmp_path / _splits.SPLITS_FILE).write_text("[")
    assert _splits.read_trained_digests(tmp_path) == frozenset()


def test_the_default_folder_is_named_after_the_source_and_is_never_one_that_exists(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert name_output("else/photos/") == Path("photos-model")
    (tmp_path / "photos-model").mkdir()
    assert name_output("photos") == Path("photos-model-2")
    (tmp_path / "labels.csv").touch()
    assert name_output("labels.csv") == Path("labels-model")


def test_a_training_resumes_in_the_folder_where_it_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = Path("photos-model"), Path("photos-model-2")
    assert name_training("photos") == name_training("photos", resume=True) == first
    (first / CHECKPOINTS_DIR).mkdir(parents=True)
    assert name_training("photos") == second  # nothing was trained yet: perhaps another command's
    (first / CHECKPOINTS_DIR / "1.ckpt").touch()
    assert name_training("photos") == first
    (first / CHECKPOINTS_DIR / "1.ckpt").unlink()
    (first / CHECKPOINTS_DIR).rmdir()
    (first / CARD).touch()
    assert (name_training("photos"), name_training("photos", resume=True)) == (second, first)
    second.mkdir()
    (second / CARD).touch()
    assert name_training("photos", resume=True) == second


def test_every_part_has_images_of_every_class_where_there_are_three_each():
    for seed in range(5):
        parts = _splits.split(
            make({"cat": 10, "dog": 10, "horse": 10}), "single", 0.3, seed, needs_validation=True
        )
        for part in (parts.train, parts.validation, parts.test):
            assert (np.asarray(part.labels) == 1).any(axis=0).all()


@pytest.mark.parametrize("count", [3, 4, 6, 9])
def test_of_few_images_each_part_still_has_every_class(count):
    for seed in range(5):
        images = make({"cat": count, "dog": count + 5})
        parts = _splits.split(images, "single", None, seed, needs_validation=True)
        for part in (parts.train, parts.validation, parts.test):
            assert (np.asarray(part.labels) == 1).any(axis=0).all()
