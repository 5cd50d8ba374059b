"""The default backbone, and what is said where weights are missing."""

import re
from pathlib import Path

import pytest

from etabli.core.errors import DataMissing, UnknownName
from etabli.data.catalog.registry import get_dataset
from etabli.features import weights
from etabli.models.vision.backbones import BACKBONES


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder and a home folder without weights."""
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path


def put(home, name, folder="data/weights", number=0):
    """Put an empty weights file of a backbone into a folder."""
    path = home / folder / BACKBONES[name].weights.files[number]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_default_is_the_most_accurate_net_whose_weights_are_here(home):
    put(home, "mobilenet_v2")
    assert weights.choose_backbone() == "mobilenet_v2"
    put(home, "resnet50", "home/.keras/models")  # where Keras downloads to
    assert weights.choose_backbone() == "resnet50"
    put(home, "efficientnet_v2_b0", number=1)
    put(home, "vgg16")
    expected = ["efficientnet_v2_b0", "resnet50", "mobilenet_v2", "vgg16"]
    assert weights.list_available() == expected
    assert "efficientnet_v2_b0" in weights.describe_choice(expected[0], None)


def test_a_named_backbone_is_taken_and_gets_our_name(home):
    assert weights.choose_backbone("EfficientNetV2B0") == "efficientnet_v2_b0"
    with pytest.raises(UnknownName, match="efficientnet_v2_b3"):
        weights.choose_backbone("efficientnet_v2_b9")


def test_a_weights_file_with_a_published_name_says_which_backbone_it_is_of(home):
    path = put(home, "convnext_tiny", "elsewhere")
    assert weights.choose_backbone(None, path) == "convnext_tiny"
    assert weights.find_weights("convnext_tiny", path) == path
    assert weights.choose_backbone(None, "none") == "mobilenet_v2"


def test_a_missing_file_is_named_with_the_command_that_gets_it(home):
    put(home, "mobilenet_v2")
    with pytest.raises(DataMissing) as missing:
        weights.find_weights("convnext_tiny")
    text = str(missing.value)
    path, url = re.search(r"curl -L --create-dirs -o (\S+) (\S+)", text).groups()
    assert path == str(home / "data" / "weights" / "convnext_tiny_notop.h5")
    assert url == BACKBONES["convnext_tiny"].weights.url and "mobilenet_v2" in text
    Path(path).touch()  # what the command does
    assert weights.find_weights("convnext_tiny") == Path(path)


@pytest.mark.parametrize("name", [name for name, net in BACKBONES.items() if net.weights.url])
def test_the_file_of_every_download_is_found_again(name, home):
    net = BACKBONES[name]
    with pytest.raises(DataMissing):
        weights.find_weights(name)
    put(home, name).rename(home / "data" / "weights" / net.weights.url.rsplit("/", 1)[1])
    assert weights.find_weights(name) is not None


def test_without_any_weights_the_fix_is_the_catalog_or_random_weights(home):
    with pytest.raises(DataMissing, match=r"etabli data fetch weights.*--weights none"):
        weights.choose_backbone()


def test_the_catalog_downloads_the_nets_that_the_message_says(home):
    held = {file.path for file in get_dataset("weights").files}
    downloaded = {name for name, net in BACKBONES.items() if held & set(net.weights.files)}
    assert downloaded == set(weights.IN_CATALOG)
