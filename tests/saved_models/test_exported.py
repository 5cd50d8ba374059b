"""Exported classifiers: what the file says of itself, and the same table on the way back."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

import etabli
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.models.vision import backbones, linear_head
from etabli.saved_models import classifier, export, exported

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)
CLASSES = ("cat", "dog", "été, l'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved classifier of one label per image."""
    net = backbones.get_backbone("small_residual")
    model, draw = net.build(seed=1, size=(48, 48)), np.random.default_rng(0)
    head = linear_head.LinearClassifier(
        draw.normal(0, 0.5, (net.features, 3)).astype(np.float32), np.zeros(3, np.float32)
    )
    card = classifier.ModelCard(
        title="t", backbone=net.name, input_size=(48, 48), preprocessing="inside",
        classes=CLASSES, thresholds=(0.5, 0.25, 0.75), data="d", license="l", training="by hand",
        task="single", scores={"accuracy": (0.9, "n:10")},
    )  # fmt: skip
    model = linear_head.attach_head(model, head, activation="softmax")
    return classifier.save(tmp_path_factory.mktemp("classifier"), model, card)


@pytest.fixture(scope="module", params=[".onnx", ".xml"])
def file(request, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / f"model{request.param}"
    written, difference, _card = export.export_model(folder, path)
    assert difference is not None and difference < 1e-4
    return written


def test_an_exported_model_comes_back_with_its_card_and_its_numbers(file, folder):
    net, card = exported.load_classifier(file)
    original = exported.load_classifier(folder)
    assert card == original.card and card.classes == CLASSES
    images = np.random.default_rng(2).integers(0, 256, (5, 48, 48, 3)).astype(np.uint8)
    expected = original.net.predict_on_batch(images.astype(np.float32))
    np.testing.assert_allclose(net.predict_on_batch(images), expected, atol=1e-5)
    assert (file.parent / "labels.txt").read_text(encoding="utf-8").splitlines() == [*CLASSES]


def test_the_python_interface_loads_an_exported_file(file, folder):
    exported_model, original = etabli.load(file), etabli.load(folder)
    assert exported_model.kind == "classifier"
    assert json.loads(json.dumps(exported_model.card)) == original.card


def test_other_programs_find_classes_thresholds_and_task_in_an_onnx_file(folder, tmp_path):
    import onnx

    export.export_model(folder, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    held = {each.key: each.value for each in model.metadata_props}
    assert json.loads(held["classes"]) == [*CLASSES] and held["task"] == "single"
    assert json.loads(held["thresholds"]) == [0.5, 0.25, 0.75]
    assert "RGB from 0 to 255" in held["preprocessing"]
    shape = model.graph.output[0].type.tensor_type.shape.dim
    assert [each.dim_value for each in shape][1:] == [3]


def test_nothing_is_replaced_unasked(folder, tmp_path):
    export.export_model(folder, tmp_path / "model.onnx")
    with pytest.raises(BadSetting, match=r"model\.onnx already exists.*--overwrite"):
        export.export_model(folder, tmp_path / "model.onnx")
    export.export_model(folder, tmp_path / "model.onnx", overwrite=True)
    export.export_model(folder, tmp_path / "same-classes.onnx")
    (tmp_path / "labels.txt").write_text("mine\n")
    with pytest.raises(BadSetting, match=r"labels\.txt already exists"):
        export.export_model(folder, tmp_path / "third.onnx")


def test_a_net_of_somebody_else_is_no_classifier(tmp_path):
    from onnx import TensorProto, helper, save

    shape = ["N", 8, 8, 3]
    node = helper.make_node("Identity", ["x"], ["y"])
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name in "xy"
    )
    graph = helper.make_graph([node], "g", inputs, outputs)
    imports = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=imports, ir_version=8), tmp_path / "net.onnx")
    with pytest.raises(BadSetting, match=r"--backbone net\.onnx"):
        exported.load_classifier(tmp_path / "net.onnx")
    (tmp_path / "text.onnx").write_text("not a net")
    with pytest.raises(CorruptFile, match=r"text\.onnx"):
        exported.load_classifier(tmp_path / "text.onnx")
    with pytest.raises(DataMissing):
        exported.load_classifier(tmp_path / "none.xml")
