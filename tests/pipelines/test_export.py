"""The nets of the practicals and of ``etabli poetry train`` as ONNX and OpenVINO files."""

import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from etabli import pretrained
from etabli.core.errors import BadSetting, DataMissing
from etabli.data.synthetic import verse
from etabli.models.estimators.mlp import MLP
from etabli.pipelines import export, poetry
from etabli.training import keras_io
from etabli.training.openvino import import_openvino

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)
SHIPPED = pretrained.FOLDER


def run(path, x):
    core = import_openvino("a test").Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.array(core.compile_model(core.read_model(path), "CPU", options)([x])[0])


def read_properties(path) -> dict[str, str]:
    import onnx

    return {each.key: each.value for each in onnx.load(path).metadata_props}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *((name, ".onnx") for name in ("tp1.logistic", "tp1.mlp", "tp2.cnn", "tp4.poetry-modern")),
        *((name, ".xml") for name in ("tp1.mlp", "tp4.poetry")),
    ],
)
def test_every_shipped_net_is_exported_and_agrees(name, suffix, tmp_path):
    found = export.export(SHIPPED / name, tmp_path / f"net{suffix}")
    assert found.path.exists() and found.largest_difference < 1e-5
    numpy_net = name.startswith("tp1")
    assert found.classes == (tuple("0123456789") if numpy_net else ())
    assert (tmp_path / "labels.txt").exists() is numpy_net


def test_a_perceptron_of_several_layers_keeps_its_centering_and_its_classes(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.normal(2, 1, (60, 5)), np.repeat(["été", "b", "c"], 20)
    settings = {"hidden_units": [4, 3], "activation": "relu", "center": True, "dtype": "float64"}
    model = MLP(epochs=2, random_state=0, batch_size=10, **settings).fit(x, y)
    model.save(tmp_path / "any.safetensors")
    found = export.export(tmp_path / "any.safetensors", tmp_path / "net.onnx")
    assert found.classes == ("b", "c", "été")
    assert (tmp_path / "labels.txt").read_text(encoding="utf-8") == "b\nc\nété\n"
    got = run(found.path, x[:7].astype(np.float32))
    np.testing.assert_allclose(got, model.predict_proba(x[:7]), atol=1e-5)


def test_the_simplernn_reads_other_lengths_than_its_window_and_says_its_vocabulary(tmp_path):
    from etabli.models.text import simple_rnn

    folder = SHIPPED / "tp4.poetry" / "seed-0"
    found = export.export(folder, tmp_path / "net.onnx")
    weights = keras_io.load(folder / "model.keras").get_weights()
    windows = np.random.default_rng(0).integers(0, 60, (3, 17))
    got = run(found.path, np.eye(60, dtype=np.float32)[windows])
    expected = np.exp(simple_rnn.log_probabilities(weights, windows))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    listed = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    assert json.loads(read_properties(found.path)["vocabulary"]) == list(listed)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A net and n-gram counts of ``etabli poetry train``."""
    place = tmp_path_factory.mktemp("poetry")
    verse.make(place)
    few = {"epochs": 1, "units": 4, "sequence_length": 12}
    poetry.train(place / verse.FILE, place / "net", few, sample_every=0)
    poetry.train(place / verse.FILE, place / "counts", {"model": "ngram"})
    return place


def test_a_model_of_poetry_train_is_exported_with_its_card_and_ngrams_are_refused(book, tmp_path):
    found = export.export(book / "net", tmp_path / "net.onnx")
    said = read_properties(found.path)
    assert said["sequence_length"] == "12" and said["task"] == "next character"
    with pytest.raises(BadSetting, match="n-gram counts"):
        export.export(book / "counts", tmp_path / "counts.onnx")


def test_a_run_of_several_nets_asks_for_one_and_captioners_are_refused(tmp_path):
    with pytest.raises(DataMissing, match=r"5 trained nets.*tp1\.mlp"):
        export.export(SHIPPED, tmp_path / "net.onnx")
    with pytest.raises(BadSetting, match="captioner"):
        export.export(SHIPPED / "tp5.attention/seed-0/captioner", tmp_path / "net.onnx")
    with pytest.raises(DataMissing, match="no saved model"):
        export.export(tmp_path, tmp_path / "net.onnx")


def test_a_file_of_yours_is_kept_unless_it_may_be_replaced(tmp_path):
    copied = shutil.copy(SHIPPED / "tp1.logistic/seed-0/softmax_regression.safetensors", tmp_path)
    (tmp_path / "labels.txt").write_text("mine\n")
    with pytest.raises(BadSetting, match=r"labels\.txt already exists"):
        export.export(copied, tmp_path / "net.onnx")
    assert export.export(copied, tmp_path / "net.onnx", overwrite=True).path.exists()
    with pytest.raises(BadSetting, match=r"net\.onnx already exists"):
        export.export(copied, tmp_path / "net.onnx")
    with pytest.raises(BadSetting, match=r"\.xml or \.onnx"):
        export.export(copied, tmp_path / "net.pb")
