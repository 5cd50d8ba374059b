"""Backbones in ONNX files: what they take, what they give, and what is refused."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from models.vision.onnx_nets import compute_tokens, write_tokens

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, UnknownName
from etabli.features import weights
from etabli.features.engines import open_engine, truncate_model
from etabli.models.vision import backbones
from etabli.models.vision.pixel_format import IMAGENET_MEAN, IMAGENET_STD, PixelFormat
from etabli.saved_models import onnx

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)
IMAGES = np.random.default_rng(1).integers(0, 256, (3, 28, 28, 3)).astype(np.uint8)


def features_of(path, layer="pool"):
    """Return the features of the images by the engine of an extraction, in float32."""
    net = backbones.get_backbone(str(path))
    part = truncate_model(net.build(), net.map_layer, layer == "pool")
    run = open_engine(part, 2, precision="f32")
    starts = range(0, len(IMAGES), run.batch_size)
    return np.concatenate([run(IMAGES[start : start + run.batch_size]) for start in starts])


def test_a_net_without_a_description_takes_the_mean_and_deviation_of_imagenet(tmp_path):
    kernel = write_tokens(tmp_path / "net.onnx")
    expected = compute_tokens(IMAGES, kernel, IMAGENET_MEAN, IMAGENET_STD)
    np.testing.assert_allclose(features_of(tmp_path / "net.onnx"), expected.mean(1), atol=1e-5)
    np.testing.assert_allclose(features_of(tmp_path / "net.onnx", "map"), expected, atol=1e-5)
    net = backbones.get_backbone(str(tmp_path / "net.onnx"))
    assert "guessed: mean, std" in net.preprocessing and net.features == 16
    assert net.input_size == (28, 28) and net.name == "net.onnx"


@pytest.mark.parametrize(
    "description",
    [
        {"mean": 0.5, "std": [0.25, 0.5, 0.25], "pooling": "mean"},
        {"image_mean": [0.5] * 3, "image_std": [0.25, 0.5, 0.25], "rescale_factor": 1 / 255,
         "do_resize": True, "size": {"height": 28, "width": 28}},
        {"mean": [127.5] * 3, "std": [63.75, 127.5, 63.75], "scale": 1, "layout": "nchw"},
    ],
)  # fmt: skip
def test_the_json_file_next_to_it_says_how_it_takes_its_images(description, tmp_path):
    kernel = write_tokens(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(json.dumps(description))
    expected = compute_tokens(IMAGES, kernel, 0.5, np.array([0.25, 0.5, 0.25])).mean(1)
    np.testing.assert_allclose(features_of(tmp_path / "net.onnx"), expected, atol=1e-5)
    assert "guessed" not in backbones.get_backbone(str(tmp_path / "net.onnx")).preprocessing


def test_the_example_of_an_error_can_be_copied(tmp_path):
    write_tokens(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text('{"mean": [1, 2]}')
    with pytest.raises(CorruptFile) as refused:
        backbones.get_backbone(str(tmp_path / "net.onnx"))
    example = str(refused.value).partition("such as ")[2].rpartition("}")[0] + "}"
    (tmp_path / "net.json").write_text(example.replace("224", "28"))
    choice = weights.describe_choice(str(tmp_path / "net.onnx"), "net.onnx")
    assert "guessed" not in choice and "net.json" not in choice
    (tmp_path / "net.json").unlink()
    assert f"write {example} into" in weights.describe_choice(str(tmp_path / "net.onnx"), "x")


def test_a_net_that_takes_blue_first_gets_blue_first(tmp_path):
    kernel = write_tokens(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text('{"channels": "bgr", "mean": 0, "std": 1}')
    expected = compute_tokens(IMAGES[..., ::-1], kernel, 0, 1).mean(1)
    np.testing.assert_allclose(features_of(tmp_path / "net.onnx"), expected, atol=1e-5)


def test_a_class_token_is_the_row_of_an_image_and_a_row_output_is_preferred(tmp_path):
    write_tokens(tmp_path / "class.onnx", class_token=True)
    np.testing.assert_array_equal(features_of(tmp_path / "class.onnx"), np.ones((3, 16)))
    kernel = write_tokens(tmp_path / "rows.onnx", class_token=True, row_output=True)
    expected = compute_tokens(IMAGES, kernel, IMAGENET_MEAN, IMAGENET_STD).mean(1)
    np.testing.assert_allclose(features_of(tmp_path / "rows.onnx"), expected, atol=1e-5)
    (tmp_path / "rows.json").write_text('{"output": "last_hidden_state"}')
    np.testing.assert_array_equal(features_of(tmp_path / "rows.onnx"), np.ones((3, 16)))
    (tmp_path / "rows.json").write_text('{"output": "last_hidden"}')
    with pytest.raises(UnknownName, match="last_hidden_state"):
        backbones.get_backbone(str(tmp_path / "rows.onnx"))


def test_a_file_for_one_image_at_a_time_gives_the_same_features(tmp_path):
    write_tokens(tmp_path / "any.onnx")
    write_tokens(tmp_path / "one.onnx", images=(1, 3, 28, 28))
    found = [features_of(tmp_path / name) for name in ("any.onnx", "one.onnx")]
    np.testing.assert_allclose(*found, atol=1e-6)


def test_two_inputs_are_refused(tmp_path):
    write_tokens(tmp_path / "net.onnx", inputs=2)
    with pytest.raises(BadSetting, match=r"2 inputs \(images, mask\)"):
        backbones.get_backbone(str(tmp_path / "net.onnx"))


def test_a_net_for_any_size_needs_a_size(tmp_path):
    kernel = write_tokens(tmp_path / "net.onnx", images=("N", 3, "h", "w"))
    net = backbones.get_backbone(str(tmp_path / "net.onnx"))
    with pytest.raises(
        BadSetting, match=r'--image-size 224, or write \{"size": 224\} into net\.json'
    ):
        net.build()
    assert net.build(size=(28, 28)).output_shape == (None, 16)
    (tmp_path / "net.json").write_text('{"size": 28}')
    expected = compute_tokens(IMAGES, kernel, IMAGENET_MEAN, IMAGENET_STD).mean(1)
    np.testing.assert_allclose(features_of(tmp_path / "net.onnx"), expected, atol=1e-5)


def test_another_size_than_the_one_of_the_file_is_refused(tmp_path):
    write_tokens(tmp_path / "net.onnx")
    with pytest.raises(BadSetting, match="28 x 28"):
        backbones.get_backbone(str(tmp_path / "net.onnx")).build(size=(32, 32))


def test_gray_images_and_vectors_are_refused(tmp_path):
    from onnx import TensorProto, helper, save

    for number, shape in enumerate((["N", 1, 28, 28], ["N", 10])):
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
        node = helper.make_node("Identity", ["x"], ["y"])
        graph = helper.make_graph([node], "g", values[:1], values[1:])
        imports = [helper.make_opsetid("", 17)]
        path = tmp_path / f"{number}.onnx"
        save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)
        with pytest.raises(BadSetting, match="color images"):
            backbones.get_backbone(str(path))


def test_another_file_is_refused_with_its_name(tmp_path):
    (tmp_path / "text.onnx").write_text("version https://git-lfs.github.com/spec/v1")
    (tmp_path / "empty.onnx").write_bytes(b"")
    write_tokens(tmp_path / "half.onnx")
    (tmp_path / "half.onnx").write_bytes((tmp_path / "half.onnx").read_bytes()[:900])
    for name in ("text.onnx", "empty.onnx", "half.onnx"):
        with pytest.raises(CorruptFile, match=name):
            backbones.get_backbone(str(tmp_path / name))
    with pytest.raises(DataMissing, match="none"):
        backbones.get_backbone(str(tmp_path / "none.onnx"))


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"size": "big"}', '{"std": 0}', '{"mean": [1, 2]}', '{"layout": "CHW"}']
)
def test_a_description_of_another_kind_is_refused(text, tmp_path):
    write_tokens(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(CorruptFile, match=r"net\.json"):
        backbones.get_backbone(str(tmp_path / "net.onnx"))


def test_a_format_comes_back_from_json():
    for format in (PixelFormat(), PixelFormat((10, 20), layout="NHWC", pooling="first")):
        assert PixelFormat.parse(json.loads(json.dumps(format.to_json()))) == format


def test_the_engine_of_keras_and_unknown_layers_are_refused(tmp_path):
    write_tokens(tmp_path / "net.onnx")
    model = backbones.get_backbone(str(tmp_path / "net.onnx")).build()
    with pytest.raises(BadSetting, match=r"net\.onnx"):
        open_engine(model, engine="keras")
    with pytest.raises(UnknownName, match="pool"):
        truncate_model(model, "conv4", False)


def test_a_net_that_we_exported_is_a_backbone_with_the_same_features(tmp_path):
    net = backbones.get_backbone("small_residual")
    model = net.build(seed=1, size=(28, 28))
    onnx.export_onnx(model, tmp_path / "ours.onnx")
    (tmp_path / "ours.json").write_text('{"mean": 0, "std": 1, "scale": 1}')
    expected = np.asarray(model.predict_on_batch(IMAGES.astype(np.float32)))
    np.testing.assert_allclose(features_of(tmp_path / "ours.onnx", "map"), expected, atol=1e-4)
    pooled = features_of(tmp_path / "ours.onnx")
    np.testing.assert_allclose(pooled, expected.mean((1, 2)), atol=1e-4)
