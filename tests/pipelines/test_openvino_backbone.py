"""A classifier on an ONNX file: features, transfer, predict and export, without Keras."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from models.vision.onnx_nets import write_tokens
from PIL import Image

from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.features.extraction import extract
from etabli.features.weights import build_net_of
from etabli.models.vision.linear_head import LinearClassifier, attach_head
from etabli.pipelines.predict import predict
from etabli.saved_models import classifier, export

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)


@pytest.fixture
def place(tmp_path):
    """A net, some images and their features."""
    write_tokens(tmp_path / "net.onnx")
    draw = np.random.default_rng(0)
    for number in range(5):
        pixels = draw.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def extract_here(place):
    images = sorted(place.glob("*.png"))
    return extract(images, str(place / "net.onnx"), place / "features", precision="f32")


def save_classifier(place, activation):
    features = extract_here(place)
    net, size, model = build_net_of(features)
    draw = np.random.default_rng(1)
    head = LinearClassifier(
        draw.normal(size=(16, 2)).astype(np.float32), draw.normal(size=2).astype(np.float32)
    )
    card = classifier.ModelCard(
        title="t", backbone=net.name, input_size=size, preprocessing=net.preprocessing,
        classes=("cat", "dog"), thresholds=(0.5, 0.5), data="d", license="l", training="by hand",
        task="single" if activation == "softmax" else "multi",
    )  # fmt: skip
    folder = place / "model"
    classifier.save(folder, attach_head(model, head, activation=activation), card)
    return folder, features.array() @ head.kernel + head.bias


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_classifier_on_an_onnx_file_predicts_without_the_original(activation, place):
    folder, logits = save_classifier(place, activation)
    (place / "net.onnx").unlink()
    found = predict(sorted(place.glob("*.png")), folder)
    powers = np.exp(logits)
    expected = powers / (powers.sum(1, keepdims=True) if activation == "softmax" else 1 + powers)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("suffix", [".xml", ".onnx"])
def test_it_is_exported_with_its_preprocessing_and_its_head(suffix, place):
    folder, _logits = save_classifier(place, "softmax")
    written, difference, _card = export.export_model(folder, place / "out" / f"model{suffix}")
    assert difference < 1e-5
    images = sorted(place.glob("*.png"))
    expected = predict(images, folder)
    found = predict(images, written)
    assert found.classes == expected.classes and found.labels == expected.labels
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)


def test_another_net_in_the_folder_of_a_classifier_is_noticed(place):
    folder, _logits = save_classifier(place, "softmax")
    write_tokens(folder / "backbone" / "net.onnx", seed=5)
    with pytest.raises(CorruptFile, match="trained on"):
        classifier.load(folder)
    (folder / "backbone" / "net.onnx").unlink()
    with pytest.raises(CorruptFile, match=r"net\.onnx"):
        classifier.load(folder)


def test_features_say_which_net_they_are_of_and_how_it_took_its_images(place):
    (place / "net.json").write_text('{"mean": 0.5, "std": 0.5}')
    features = extract_here(place)
    assert features.recipe["backbone"] == "net.onnx"
    (place / "net.json").unlink()  # the features remember it
    net, _size, _model = build_net_of(features)
    assert net.format.mean == (0.5, 0.5, 0.5)
    with pytest.raises(BadSetting, match="another format"):
        extract_here(place)


def test_a_net_that_was_moved_is_given_by_its_new_place(place):
    features = extract_here(place)
    (place / "net.onnx").rename(place / "moved.onnx")
    with pytest.raises(DataMissing, match=r"--weights net\.onnx"):
        build_net_of(features)
    assert build_net_of(features, place / "moved.onnx")[2].path == place / "moved.onnx"
    write_tokens(place / "moved.onnx", seed=5)
    with pytest.raises(BadSetting, match="other weights"):
        build_net_of(features, place / "moved.onnx")


def test_the_head_is_stored_as_safetensors_with_its_format(place):
    from safetensors import safe_open

    folder, _logits = save_classifier(place, "softmax")
    with safe_open(folder / "head.safetensors", framework="numpy") as stored:
        about = json.loads(stored.metadata()["net"])
    assert about["file"] == "net.onnx" and about["activation"] == "softmax"
