import errno
import json
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from etabli.core.errors import (
    BadArray,
    CorruptFile,
    DataMissing,
    EtabliError,
    MissingExtra,
    NoSpace,
)
from etabli.models.vision import backbones, linear_head
from etabli.saved_models import classifier, export, onnx


def needs(*packages):
    """Skip without importing: OpenVINO would start its telemetry when a test imports it first."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"needs the package {package}")


def small(name="small_residual", classes=3):
    """Build a net with random weights and no batch normalization that is the identity."""
    net = backbones.get_backbone(name)
    model = net.build(seed=1, size=(48, 48))
    draws = np.random.default_rng(0)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            shaken = draws.uniform(0.5, 1.5, gamma.shape), draws.normal(0, 0.1, beta.shape)
            layer.set_weights(
                [*shaken, draws.normal(0, 0.1, mean.shape), draws.uniform(0.5, 2, variance.shape)]
            )
    kernel = draws.normal(0, 0.1, (net.features, classes)).astype(np.float32)
    head = linear_head.LinearClassifier(kernel, np.linspace(-1, 1, classes).astype(np.float32))
    return linear_head.attach_head(model, head), model, head


def card(classes=("cat", "dog", "été"), **changes):
    held = {
        "title": "t",
        "backbone": "small_residual",
        "input_size": (48, 48),
        "preprocessing": "inside",
        "classes": classes,
        "thresholds": (0.5,) * len(classes),
        "data": "d",
        "license": "l",
        "training": "by hand",
        "scores": {"mean_average_precision": (0.8, "ap:area")},
    }
    return classifier.ModelCard(**{**held, **changes})


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (3, 48, 48, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def whole():
    return small()


def test_the_model_is_the_net_then_the_head(whole, images):
    net, model, head = whole
    features = model.predict_on_batch(images).mean((1, 2))
    np.testing.assert_allclose(
        net.predict_on_batch(images), head.probabilities(features), atol=1e-5
    )


@pytest.mark.slow
def test_a_head_on_normalized_roots_is_saved_and_exported_with_the_same_outputs(
    whole, images, tmp_path
):
    _net, model, head = whole
    net = linear_head.attach_head(model, head, use_sqrt=True)
    means = model.predict_on_batch(images).mean((1, 2)) + 1e-6
    roots = linear_head.sqrt_normalize(means) * np.sqrt(means.shape[1])
    expected = net.predict_on_batch(images)
    np.testing.assert_allclose(expected, head.probabilities(roots), atol=1e-5)
    classifier.save(tmp_path / "model", net, card())
    np.testing.assert_array_equal(
        classifier.load(tmp_path / "model")[0].predict_on_batch(images), expected
    )
    needs("onnx", "openvino")
    assert export.check_export(net, onnx.export_onnx(net, tmp_path / "net.onnx"), images) < 1e-4
    assert (
        export.check_export(net, export.export_openvino(net, tmp_path / "net.xml"), images) < 1e-4
    )


@pytest.mark.parametrize(("roots", "size"), [(False, 1), (True, 30)])
def test_attention_over_all_locations_is_saved_and_exported_with_the_same_outputs(
    whole, images, tmp_path, roots, size
):
    """A head of any size: the exponentials of its logits need not be numbers."""
    _net, model, head = whole
    head = linear_head.LinearClassifier(size * head.kernel, head.bias)
    maps = model.predict_on_batch(images)
    where = maps.reshape(len(maps), -1, maps.shape[-1])
    means, places = where.mean(1), where.reshape(-1, maps.shape[-1])
    if roots:
        means, places = (
            linear_head.sqrt_normalize(x + 1e-6) * np.sqrt(maps.shape[-1]) for x in (means, places)
        )
    by_place = head.logits(places).reshape(*where.shape[:2], -1)
    looked = logsumexp(by_place, axis=1) - np.log(by_place.shape[1])
    net = linear_head.attach_head(model, head, roots, attention=0.3)
    expected = net.predict_on_batch(images)
    np.testing.assert_allclose(expected, expit(0.7 * head.logits(means) + 0.3 * looked), atol=1e-5)
    classifier.save(tmp_path / "model", net, card())
    np.testing.assert_array_equal(
        classifier.load(tmp_path / "model")[0].predict_on_batch(images), expected
    )
    needs("onnx", "openvino")
    assert export.check_export(net, onnx.export_onnx(net, tmp_path / "net.onnx"), images) < 1e-4
    assert (
        export.check_export(net, export.export_openvino(net, tmp_path / "net.xml"), images) < 1e-4
    )


def test_a_saved_model_has_the_same_card_and_outputs(whole, images, tmp_path):
    classifier.save(tmp_path / "model", whole[0], card())
    model, held = classifier.load(tmp_path / "model")
    assert held == card()
    np.testing.assert_array_equal(model.predict_on_batch(images), whole[0].predict_on_batch(images))


def test_a_decision_is_a_probability_that_reaches_its_threshold():
    held = card(thresholds=(0.5, 0.2, 0.9))
    assert classifier.decide_labels(np.array([[0.5, 0.1, 0.95], [0.1, 0.3, 0.89]]), held) == [
        ["cat", "été"],
        ["dog"],
    ]


def test_a_missing_or_damaged_model_says_what_is_wrong(whole, tmp_path):
    with pytest.raises(DataMissing, match="etabli transfer"):
        classifier.load(tmp_path)
    folder = classifier.save(tmp_path / "model", whole[0], card())
    (folder / "model.keras").write_bytes(b"PK\x03\x04 not much")
    with pytest.raises(CorruptFile, match=r"model\.keras"):
        classifier.load(folder)
    (folder / "card.json").write_text(json.dumps({"title": "half"}))
    with pytest.raises(CorruptFile, match="card"):
        classifier.load(folder)
    with pytest.raises(BadArray):
        classifier.save(tmp_path / "other", whole[0], card(("cat", "dog")))


def test_a_full_disk_is_a_sentence_and_leaves_the_former_model(
    whole, images, tmp_path, monkeypatch
):
    folder = classifier.save(tmp_path / "model", whole[0], card())
    before = (folder / "model.keras").read_bytes()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole[0], "save", full)
    with pytest.raises(NoSpace, match=r"model\.keras"):
        classifier.save(folder, whole[0], card())
    assert (folder / "model.keras").read_bytes() == before and len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("name", ["small_residual", "mobilenet_v2", "resnet50", "vgg16"])
def test_an_onnx_file_gives_the_numbers_of_the_net(name, images, tmp_path):
    needs("onnx", "openvino")
    net = small(name)[0]
    path = onnx.export_onnx(net, tmp_path / "net.onnx")
    assert export.check_export(net, path, images) < 1e-4


def test_an_openvino_ir_gives_the_numbers_of_the_net(whole, images, tmp_path):
    needs("openvino")
    path = export.export_openvino(whole[0], tmp_path / "net.xml")
    assert export.check_export(whole[0], path, images) < 1e-4


@pytest.mark.slow
def test_an_openvino_export_on_a_full_disk_leaves_nothing_behind(whole, tmp_path, monkeypatch):
    needs("openvino")

    def full(_content, _stream):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export.shutil, "copyfileobj", full)
    with pytest.raises(NoSpace, match="net"):
        export.export_openvino(whole[0], tmp_path / "net.xml")
    assert list(tmp_path.iterdir()) == []


def test_another_net_fails_the_check(whole, images, tmp_path):
    needs("onnx", "openvino")
    path = onnx.export_onnx(whole[0], tmp_path / "net.onnx")
    whole[0].get_layer("classes").bias.assign(np.array([0.3, 0.1, -0.5]))
    with pytest.raises(EtabliError, match="does not give the outputs"):
        export.check_export(whole[0], path, images)


def test_a_layer_without_onnx_counterpart_is_named(tmp_path):
    needs("onnx")
    import keras

    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.UpSampling2D(2, name="cut")(inputs))
    with pytest.raises(EtabliError, match="cut"):
        onnx.export_onnx(model, tmp_path / "net.onnx")


def test_without_its_package_an_export_names_the_extra(whole, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    monkeypatch.setattr(export, "is_openvino_installed", lambda: False)
    with pytest.raises(MissingExtra, match=r"etabli\[onnx\]"):
        onnx.export_onnx(whole[0], tmp_path / "net.onnx")
    with pytest.raises(MissingExtra, match=r"etabli\[openvino\]"):
        export.export_openvino(whole[0], tmp_path / "net.xml")
