import dataclasses

import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.catalog.source import Source
from etabli.data.formats import idx, mnist


def some_digits(folder, **parts):
    """A folder with four small idx files; ``parts`` replaces what some of them hold."""
    held = {
        "train_images": np.zeros((4, 28, 28), np.uint8),
        "train_labels": np.array([0, 1, 2, 9], np.uint8),
        "test_images": np.full((2, 28, 28), 255, np.uint8),
        "test_labels": np.array([1, 9], np.uint8),
    } | parts
    for part, name in mnist.FILES.items():
        idx.write(folder / "mnist" / name, held[part])
    return Source.full(folder)


def test_plain_files_are_read_with_labels_as_integers(tmp_path):
    digits = mnist.load(some_digits(tmp_path))
    assert digits.classes == ("0", "1", "2", "9")
    assert digits.train_labels.tolist() == [0, 1, 2, 3] and digits.train_labels.dtype == np.int64
    assert digits.test_labels.tolist() == [1, 3]
    assert digits.train_images.dtype == np.uint8


def test_the_sample_digits_keep_their_ten_classes():
    digits = mnist.load(Source.sample())
    assert (digits.name, digits.classes) == ("digits", tuple("0123456789"))


def test_the_spelling_with_a_dot_is_read_as_well(tmp_path):
    source = some_digits(tmp_path)
    for path in list((tmp_path / "mnist").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(mnist.load(source).train_images) == 4


def test_nothing_can_be_written_into_the_digits(tmp_path):
    digits = mnist.load(some_digits(tmp_path))
    for array in (*(getattr(digits, part) for part in mnist.FILES), *digits.flatten()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_flattened_pixels_are_between_zero_and_one(tmp_path):
    train, test = mnist.load(some_digits(tmp_path)).flatten()
    assert train.shape == (4, 784) and train.dtype == np.float32
    assert train.max() == 0 and test.min() == test.max() == 1


def test_the_digest_names_the_content(tmp_path):
    digits = mnist.load(some_digits(tmp_path / "a"))
    assert digits.digest == mnist.load(some_digits(tmp_path / "b")).digest
    changed = mnist.load(some_digits(tmp_path / "c", test_labels=np.array([1, 2], np.uint8)))
    assert changed.digest != digits.digest
    assert dataclasses.replace(digits, train_images=digits.test_images).digest != digits.digest


def test_the_head_keeps_the_first_examples(tmp_path):
    head = mnist.load(some_digits(tmp_path)).head(3, 1)
    assert (
        head.train_labels.tolist() == [0, 1, 2]
        and head.classes[3] == "9"
        and len(head.test_images) == 1
    )


def test_missing_data_say_how_to_get_them(tmp_path):
    with pytest.raises(
        DataMissing, match=r"'mnist' is not complete.*etabli data fetch mnist.*ETABLI_DATA"
    ):
        mnist.load(Source.full(tmp_path))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"train_labels": np.zeros(3, np.uint8)},
            "as many labels as images, got 4 images and 3 labels",
        ),
        ({"test_labels": np.array([1, 10], np.uint8)}, "no training image has.* got 10"),
        ({"train_labels": np.zeros(4, np.uint8)}, "expected 2 to 1000, got 1"),
        ({"test_images": np.zeros((2, 8, 8), np.uint8)}, "expected images of one size"),
        ({"test_images": np.zeros(2, np.uint8)}, "was given as the file of images"),
        (
            {"test_images": np.zeros((0, 28, 28), np.uint8), "test_labels": np.zeros(0, np.uint8)},
            "does not contain",
        ),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path, parts, sentence):
    with pytest.raises(CorruptFile, match=sentence):
        mnist.load(some_digits(tmp_path, **parts))


@pytest.mark.full
def test_full_mnist_is_the_official_one(full_data):
    digits = mnist.load(Source.full(full_data))
    assert (digits.name, digits.classes) == ("mnist", tuple("0123456789"))
    assert digits.train_images.shape == (60_000, 28, 28) and digits.test_images.shape == (
        10_000,
        28,
        28,
    )
    assert np.bincount(digits.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert digits.digest == "c49cd3a4f03c9c0dc51fa5de2d5688363e40c716eed7f8b9518d8f724761477f"


def test_kaggles_folders_with_the_names_of_their_files_are_read(tmp_path):
    source = some_digits(tmp_path)
    for path in list((tmp_path / "mnist").iterdir()):
        moved = path.rename(tmp_path / path.name)
        path.mkdir()
        moved.rename(path / path.name)
    assert len(mnist.load(source).train_images) == 4


def test_a_folder_above_the_files_is_refused_with_the_folder_to_give(tmp_path):
    some_digits(tmp_path / "own set")
    for folder, words in (("own set", r"--dataset '.*own set/mnist'"), ("absent", "no folder")):
        with pytest.raises(DataMissing, match=words):
            mnist.find_files(Source.full(tmp_path, dataset=str(tmp_path / folder)))
