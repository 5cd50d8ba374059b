import re
from urllib.parse import urlsplit

import pytest

from etabli.core.errors import UnknownName
from etabli.data.catalog import install, registry

PARTS = [(dataset, part) for dataset in registry.DATASETS for part in dataset.parts]


def test_every_set_of_the_practicals_is_there():
    names = [dataset.name for dataset in registry.DATASETS]
    for name in ("mnist", "voc", "fleurs_du_mal", "flickr8k", "glove", "weights"):
        assert name in names
    assert {"fashion-mnist", "kmnist", "qmnist", "emnist-letters"} < set(names)


def test_every_data_set_has_title_license_and_citation():
    for dataset in registry.DATASETS:
        assert all((dataset.title, dataset.license, dataset.citation, dataset.home, dataset.parts))


@pytest.mark.parametrize(("dataset", "part"), PARTS)
def test_mirrors_use_https_and_every_part_has_a_size(dataset, part):
    assert part.size > 0 and part.urls
    assert all(urlsplit(url).scheme == "https" for url in part.urls)
    assert (
        len({url.rpartition("/")[2] for url in part.urls}) == 1 or dataset.name == "fleurs_du_mal"
    )


@pytest.mark.parametrize(("dataset", "part"), PARTS)
def test_checksums_are_whole_and_parts_with_folders_prove_their_archive(dataset, part):
    packed = [file.packed for file in part.files]
    for checksum in [part.checksum, *packed, *(file.checksum for file in part.files)]:
        assert checksum is None or re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", checksum)
    assert part.checksum or not part.trees


@pytest.mark.parametrize(("dataset", "part"), PARTS)
def test_a_download_is_proved_by_its_content_or_as_a_whole(dataset, part):
    proved = part.checksum or all(file.checksum for file in part.files)
    assert proved or dataset.name == "weights"  # no checksum of MobileNetV2 is published


def test_only_sets_that_checksums_distinguish_have_the_same_names():
    files = [
        (file, name) for each in registry.DATASETS for file in each.files for name in file.names
    ]
    shared = [file for file, name in files if sum(name == other for _file, other in files) > 1]
    assert all(file.packed or file.checksum for file in shared)
    checksums = [(file.packed, file.checksum) for file in dict.fromkeys(shared)]
    assert len(checksums) == len(set(checksums)) == 12  # MNIST, Fashion-MNIST, KMNIST


@pytest.mark.parametrize(
    ("met", "place"),
    [
        ("train-images-idx3-ubyte.gz", "train-images-idx3-ubyte.gz"),
        ("deep/down/train-images.idx3-ubyte", "train-images-idx3-ubyte"),
        ("archive\\t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"),
        ("VOCdevkit/VOC2007/JPEGImages/000001.jpg", "VOCdevkit/VOC2007/JPEGImages/000001.jpg"),
        ("my/VOC2007/Annotations/000001.xml", "VOCdevkit/VOC2007/Annotations/000001.xml"),
        ("VOCdevkit/VOC2012/JPEGImages/2008_000008.jpg", None),
        ("Flickr8k_Dataset/10_6f.jpg", "Flicker8k_Dataset/10_6f.jpg"),
        ("archive/Images/10_6f.jpg", "Flicker8k_Dataset/10_6f.jpg"),
        ("archive/Images/10.jpg", None),
        ("x/Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt"),
        ("pg6099.txt", "fleurs_mal.txt"),
        ("glove.6B.300d.txt", None),
        ("__MACOSX/Flicker8k_Dataset/._1.jpg", None),
        ("Flicker8k_Dataset/.hidden.jpg", None),
    ],
)
def test_files_are_recognized_in_any_folder(met, place):
    found = [install.find_target(met, dataset.parts) for dataset in registry.DATASETS]
    assert {each for each in found if each} == ({place} if place else set())


def test_an_unknown_set_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean mnist"):
        registry.get_dataset("minst")
    assert registry.get_datasets([]) == registry.DATASETS
    assert [each.name for each in registry.get_datasets(["voc", "mnist", "voc"])] == [
        "voc",
        "mnist",
    ]


def test_every_experiment_uses_data_sets_of_the_catalog():
    from etabli import experiments

    known = {dataset.name for dataset in registry.DATASETS}
    for spec in experiments.select_experiments([]):
        assert set(spec.data) <= known, spec.name
