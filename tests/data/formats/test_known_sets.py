import gzip
import shutil

import numpy as np
import pytest
from idx_sets import make_arrays, publish, write_set

from etabli.core.errors import CorruptFile, DataMissing, EtabliError, UnknownName
from etabli.data.catalog.source import Source
from etabli.data.formats import idx, known_sets, mnist

FASHION = "fashion-mnist"


def test_files_under_mnists_names_run_as_the_set_that_they_are(tmp_path, monkeypatch):
    publish(monkeypatch, FASHION, write_set(tmp_path / "mnist", make_arrays()))
    digits = mnist.load(Source.full(tmp_path))
    assert digits.name == FASHION and digits.classes[9] == "Ankle boot"
    assert mnist.identify(Source.full(tmp_path)).title == "Fashion-MNIST"


def test_a_set_is_read_from_the_folder_of_its_name(tmp_path, monkeypatch):
    publish(monkeypatch, "kmnist", write_set(tmp_path / "kmnist", make_arrays()))
    assert mnist.load(Source.full(tmp_path, "kmnist")).classes[:2] == ("o", "ki")
    with pytest.raises(DataMissing, match="data set 'mnist' is not complete"):
        mnist.load(Source.full(tmp_path))
    with pytest.raises(DataMissing, match=r"etabli data fetch qmnist"):
        mnist.load(Source.full(tmp_path, "qmnist"))


def test_a_published_checksum_of_the_content_proves_unpacked_and_recompressed_files(
    tmp_path, monkeypatch
):
    paths = write_set(tmp_path / "packed", make_arrays())
    publish(monkeypatch, FASHION, paths, content=True)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for number, path in enumerate(paths.values()):
        plain = gzip.decompress(path.read_bytes())
        if number % 2:
            (folder / path.name).write_bytes(gzip.compress(plain, 1, mtime=7))
        else:
            (folder / path.stem).write_bytes(plain)
    assert mnist.load(Source.full(tmp_path)).name == FASHION


def test_unpacked_files_without_a_published_checksum_are_your_own_data(tmp_path, monkeypatch):
    arrays = make_arrays()
    publish(monkeypatch, "kmnist", write_set(tmp_path / "packed", arrays))
    write_set(tmp_path / "mnist", arrays, suffix="")
    identity = mnist.identify(Source.full(tmp_path))
    assert identity.known is None and identity.name.startswith("own-")
    assert "run as your own idx data" in identity.remarks[0]


def test_in_the_folder_of_their_set_they_are_taken_by_name_and_size_and_this_is_said(
    tmp_path, monkeypatch
):
    arrays = make_arrays()
    publish(monkeypatch, "kmnist", write_set(tmp_path / "packed", arrays))
    paths = write_set(tmp_path / "kmnist", arrays, suffix="")
    identity = mnist.identify(Source.full(tmp_path, "kmnist"))
    assert identity.name == "kmnist" and "No checksum is published" in identity.remarks[0]
    with paths["test_images"].open("wb"):
        pass
    idx.write(paths["test_images"], arrays["test_images"][:9])
    assert mnist.identify(Source.full(tmp_path, "kmnist")).known is None


def test_a_folder_that_mixes_two_sets_is_refused(tmp_path, monkeypatch):
    digits = write_set(tmp_path / "a", make_arrays(seed=1))
    clothes = write_set(tmp_path / "b", make_arrays(seed=2))
    publish(monkeypatch, "mnist", digits, content=True)
    publish(monkeypatch, FASHION, clothes)
    for part, path in digits.items():
        source = path if part.startswith("train") else clothes[part]
        (tmp_path / "mnist").mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / "mnist" / path.name)
    sentence = r"mixes files of different data sets.*train-images-idx3-ubyte\.gz: MNIST.*Fashion"
    with pytest.raises(CorruptFile, match=sentence):
        mnist.load(Source.full(tmp_path))


def test_known_files_under_one_anothers_names_are_refused(tmp_path, monkeypatch):
    paths = write_set(tmp_path / "mnist", make_arrays(train=40))
    publish(monkeypatch, FASHION, paths)
    away = paths["train_labels"].rename(tmp_path / "away")
    paths["test_labels"].rename(paths["train_labels"])
    away.rename(paths["test_labels"])
    with pytest.raises(CorruptFile, match="got the test labels of Fashion-MNIST"):
        mnist.load(Source.full(tmp_path))


def test_another_set_than_asked_for_is_refused(tmp_path, monkeypatch):
    publish(monkeypatch, FASHION, write_set(tmp_path / "kmnist", make_arrays()))
    with pytest.raises(CorruptFile, match=r"those of Fashion-MNIST.*expected KMNIST"):
        mnist.load(Source.full(tmp_path, "kmnist"))


def test_changed_labels_make_a_known_set_your_own(tmp_path, monkeypatch):
    arrays = make_arrays()
    paths = write_set(tmp_path / "mnist", arrays)
    publish(monkeypatch, "mnist", paths, content=True)
    idx.write(paths["train_labels"], arrays["train_labels"][::-1])
    identity = mnist.identify(Source.full(tmp_path))
    assert identity.known is None
    assert identity.remarks[1] == (
        "Parts of MNIST that are there: training images, test images, test labels."
    )


def test_emnist_is_turned_upright_and_its_letters_begin_at_one(tmp_path, monkeypatch):
    """The check is independent: a letter L is drawn by hand, and stored by columns."""
    upright = np.zeros((28, 28), np.uint8)
    upright[4:24, 8] = upright[23, 8:18] = 255  # a long stroke down, a short one to the right
    arrays = make_arrays(26, first=1)
    arrays["train_images"][11] = [
        [upright[row][column] for row in range(28)] for column in range(28)
    ]
    names = {
        part: file.path.removesuffix(".gz")
        for part, file in known_sets.get_known_set("emnist-letters").files.items()
    }
    paths = write_set(tmp_path / "emnist-letters", arrays, names)
    publish(monkeypatch, "emnist-letters", paths)
    digits = mnist.load(Source.full(tmp_path, "emnist-letters"))
    letter = digits.train_images[11]
    assert letter[4:24, 8].min() == 255 and letter[23, 8:18].min() == 255
    assert letter.sum() == 29 * 255
    assert digits.classes[digits.train_labels[11]] == "L"
    assert (digits.train_labels.min(), digits.train_labels.max()) == (0, 25)


def test_the_extended_labels_of_qmnist_are_read(tmp_path, monkeypatch):
    arrays = make_arrays(10)
    for part in ("train_labels", "test_labels"):
        extended = np.zeros((len(arrays[part]), 8), np.int32)
        extended[:, 0], extended[:, 2] = arrays[part], 2100
        arrays[part] = extended
    known = known_sets.get_known_set("qmnist").files
    names = {part: file.path.removesuffix(".gz") for part, file in known.items()}
    publish(monkeypatch, "qmnist", write_set(tmp_path / "qmnist", arrays, names))
    digits = mnist.load(Source.full(tmp_path, "qmnist"))
    assert digits.name == "qmnist" and digits.train_labels[:12].tolist() == [*range(10), 0, 1]


def test_your_own_files_have_their_labels_as_classes_and_any_size(tmp_path):
    arrays = make_arrays(3, size=20, first=7)
    write_set(tmp_path / "mine", arrays, suffix="")
    source = Source.full(tmp_path / "elsewhere", str(tmp_path / "mine"))
    digits = mnist.load(source)
    assert (digits.classes, digits.image_shape) == (("7", "8", "9"), (20, 20))
    assert digits.train_labels[:4].tolist() == [0, 1, 2, 0]
    with pytest.raises(DataMissing, match="there is no folder"):
        mnist.load(Source.full(tmp_path, str(tmp_path / "nothing")))


def test_labels_may_be_larger_integers_and_images_must_be_bytes(tmp_path):
    arrays = make_arrays(3)
    arrays |= {part: arrays[part].astype(np.int32) - 1 for part in ("train_labels", "test_labels")}
    write_set(tmp_path / "mnist", arrays)
    assert mnist.load(Source.full(tmp_path)).classes == ("-1", "0", "1")
    arrays["train_images"] = arrays["train_images"].astype(np.float32)
    write_set(tmp_path / "mnist", arrays)
    with pytest.raises(CorruptFile, match="unsigned bytes, got 3 dimension"):
        mnist.load(Source.full(tmp_path))


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    paths = write_set(tmp_path / "mnist", make_arrays())
    paths["train_labels"].unlink()
    paths["train_labels"].mkdir()
    with pytest.raises(EtabliError, match=r"train-labels\S+ is missing"):
        mnist.load(Source.full(tmp_path))
    damaged = write_set(tmp_path / "b" / "mnist", make_arrays())["test_images"]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(CorruptFile, match="truncated or damaged"):
        mnist.load(Source.full(tmp_path / "b"))
    for strange in ("~nobody-of-this-name/x", "./" + "x" * 5000, "./\0"):
        with pytest.raises(DataMissing):
            mnist.load(Source.full(tmp_path, strange))


def test_other_files_have_another_name_so_that_their_runs_are_distinguished(tmp_path):
    names = []
    for seed in (1, 2):
        write_set(tmp_path / str(seed) / "mnist", make_arrays(seed=seed))
        names.append(mnist.identify(Source.full(tmp_path / str(seed))).name)
    assert names[0] != names[1] and mnist.load(Source.full(tmp_path / "1")).name == names[0]


def test_a_folder_with_several_sets_is_refused(tmp_path):
    for split in ("letters", "digits"):
        names = {
            part: f"emnist-{split}-{name.replace('t10k', 'test')}"
            for part, name in mnist.FILES.items()
        }
        write_set(tmp_path / "gzip", make_arrays(), names)
    with pytest.raises(CorruptFile, match=r"several sets.*emnist-digits, emnist-letters"):
        mnist.load(Source.full(tmp_path, str(tmp_path / "gzip")))


def test_every_published_checksum_is_whole_and_names_one_file():
    files = [(each, file) for each in known_sets.SETS for file in each.files.values()]
    found = [value for _each, file in files for value in (file.packed, file.checksum) if value]
    assert len(found) == len(set(found)) == 4 + 8 + 8 * 4
    for each in known_sets.SETS:
        assert len(set(each.classes)) == len(each.classes)


def test_an_unknown_set_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean fashion-mnist"):
        known_sets.get_known_set("fashion_mnist")


@pytest.mark.full
def test_the_official_mnist_is_recognized(full_data):
    identity = mnist.identify(Source.full(full_data))
    assert identity.is_mnist and identity.remarks == ()
