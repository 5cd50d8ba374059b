"""The ImageNet classes of MobileNetV2, from the files of Keras or the converted ones."""

import json

import h5py
import keras
import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.features.imagenet import CONVERTED, HEADS, OFFICIAL, ImageNetHead, find_weights_files

TOP, INDEX = HEADS[OFFICIAL]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a data folder with the files of Keras; of the net, only its name counts."""
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / OFFICIAL).write_bytes(b"")
    generator = np.random.default_rng(0)
    with h5py.File(folder / TOP, "w") as file:
        file.create_group("Conv_1")["Conv_1/kernel:0"] = np.zeros((1, 1, 320, 1280), np.float32)
        group = file.create_group("Logits")
        group["Logits/kernel:0"] = generator.normal(size=(1280, 1000)).astype(np.float32)
        group["Logits/bias:0"] = generator.normal(size=1000).astype(np.float32)
    index = {str(k): [f"n{k:08}", f"class_{k}"] for k in range(1000)}
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    return folder


def test_the_files_of_keras_give_the_probabilities_of_a_dense_layer_with_softmax(folder):
    head = ImageNetHead.load()
    features = np.random.default_rng(1).random((3, 1280), np.float32)
    with h5py.File(folder / TOP) as file:
        weights = [file["Logits/Logits/kernel:0"][:], file["Logits/Logits/bias:0"][:]]
    dense = keras.layers.Dense(1000, activation="softmax")
    dense.build((None, 1280))
    dense.set_weights(weights)
    found = head.probabilities(features)
    np.testing.assert_allclose(found[:, 1:], np.asarray(dense(features)), rtol=1e-4, atol=1e-7)
    assert (found[:, 0] == 0).all() and head.names[:3] == ("background", "class 0", "class 1")
    assert find_weights_files() == [folder / TOP, folder / INDEX, folder / OFFICIAL]


def test_the_converted_net_has_its_own_last_layer(folder):
    kernel, bias = np.ones((1280, 1001), np.float32), np.zeros(1001, np.float32)
    (folder / CONVERTED).write_bytes(b"")
    assert find_weights_files() is None
    with pytest.raises(DataMissing, match=HEADS[CONVERTED][0]):
        ImageNetHead.load()
    np.savez(folder / HEADS[CONVERTED][0], kernel=kernel, bias=bias)
    (folder / HEADS[CONVERTED][1]).write_text("background\ntench\n", encoding="utf-8")
    head = ImageNetHead.load()
    assert head.kernel.shape == kernel.shape and head.names == ("background", "tench")


@pytest.mark.parametrize(("name", "content"), [(TOP, b"noise"), (INDEX, b"{"), (INDEX, b"[]")])
def test_a_damaged_file_is_named_with_what_to_do(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CorruptFile, match="etabli data fetch weights") as error:
        ImageNetHead.load()
    assert name in str(error.value)


def test_a_missing_file_is_fetched_with_the_weights(folder):
    (folder / TOP).unlink()
    with pytest.raises(DataMissing, match="etabli data fetch weights"):
        ImageNetHead.load()
