"""Nets in eight-bit integers, against NumPy's rounding and against the same nets in float32."""

from types import SimpleNamespace

import numpy as np
import pytest

from etabli.core.errors import BadSetting, DataMissing
from etabli.data.formats import images
from etabli.features import extract, pipeline, quantization
from etabli.features.engines import open_engine
from etabli.features.extraction import name_images
from etabli.pipelines import evaluate
from etabli.saved_models.export import is_openvino_installed

needs_openvino = pytest.mark.skipif(
    not is_openvino_installed(), reason="needs the package openvino"
)
PIXELS = np.random.default_rng(0).integers(0, 256, (7, 6, 6, 3), np.uint8)
PIXELS[0, 0, 0] = 0, 255, 255  # every value that occurs is between these


def make_net(kernel: np.ndarray):
    """One 1 x 1 convolution of the pixels, (N, 6, 6, 3) to (N, 6, 6, O)."""
    import keras

    pixels = keras.Input((6, 6, 3))
    convolution = keras.layers.Conv2D(kernel.shape[1], 1, use_bias=False)
    net = keras.Model(pixels, convolution(pixels))
    net.set_weights([kernel[None, None]])
    return net


@needs_openvino
def test_products_are_those_of_weights_rounded_to_127_steps_of_their_channel():
    kernel = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    kernel[:, 2] = 0
    engine = open_engine(make_net(kernel), 2, "openvino", "int8", calibration=PIXELS)
    np.testing.assert_array_equal(engine.ranges, [(0, 255)])
    step = np.abs(kernel).max(axis=0) / 127
    step[2] = 1
    expected = PIXELS.astype(np.float32) @ (np.round(kernel / step) * step)
    found = np.concatenate([engine(PIXELS[at : at + 2]) for at in (0, 2, 4, 6)])
    np.testing.assert_allclose(found, expected, rtol=2**-8, atol=0.02)  # bfloat16 where it is fast
    assert np.abs(found - PIXELS.astype(np.float32) @ kernel).max() > 0.5


@needs_openvino
def test_the_same_ranges_give_the_same_numbers_and_float32_stays_at_hand(small_net):
    pixels = np.random.default_rng(2).integers(0, 256, (9, 24, 24, 3), np.uint8)
    engine = open_engine(small_net, 3, "openvino", "int8", calibration=pixels[:4])
    again = open_engine(small_net, 3, "openvino", "int8", calibration=engine.ranges)
    exact = open_engine(small_net, 3, "openvino", "f32")
    np.testing.assert_array_equal(engine(pixels[6:]), again(pixels[6:]))
    np.testing.assert_array_equal(engine.in_float32()(pixels[6:]), exact(pixels[6:]))
    found, expected = (run(pixels[6:]).reshape(3, -1) for run in (engine, exact))
    cosine = (found * expected).sum(axis=1)
    cosine /= np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.99 and not np.array_equal(found, expected)
    assert quantization.digest_ranges(engine.ranges) == quantization.digest_ranges(again.ranges)


@needs_openvino
def test_black_images_and_a_net_of_zeros_give_zeros():
    engine = open_engine(
        make_net(np.zeros((3, 2), np.float32)), 1, "openvino", "int8", calibration=PIXELS * 0
    )
    np.testing.assert_array_equal(engine(PIXELS[:1]), 0)


def test_keras_and_a_cluster_refuse_int8(small_net, folder, tmp_path):
    with pytest.raises(BadSetting, match="only the OpenVINO engine"):
        open_engine(small_net, 2, "keras", "int8")
    with pytest.raises(BadSetting, match="cluster does not compute in int8"):
        extract(images.list_images(folder), "mobilenet_v2", tmp_path, precision="int8", cluster="x")


@needs_openvino
def test_an_extraction_records_how_it_was_calibrated_and_keeps_to_it(small_net, folder, tmp_path):
    paths = images.list_images(folder)

    def run(chosen, out):
        options = {"model": small_net, "size": (24, 24), "shard_rows": 4, "precision": "int8"}
        return extract(chosen, "mobilenet_v2", tmp_path / out, **options)

    first = run(paths, "a")
    assert first.recipe["precision"] == "int8" and len(first.recipe["calibration"]) == 8
    assert 0.9 < first.notes["int8_cosine_min"] < 1
    expected = first.array()
    (tmp_path / "a" / "shard-00001.safetensors").unlink()
    np.testing.assert_array_equal(run(paths, "a").array(), expected)
    with pytest.raises(BadSetting, match="another calibration"):
        run(paths[-1:], "a")


def test_the_first_images_are_those_that_can_be_read(folder, tmp_path):
    (tmp_path / "a.png").write_bytes(b"none")
    readable = images.list_images(folder)[:3]
    sources = name_images([tmp_path / "a.png", *readable], list("abcd"))
    read = pipeline.make_reader("plain", (8, 8))
    found = pipeline.read_first(sources, read, 2)
    np.testing.assert_array_equal(found, [images.read(path, (8, 8)) for path in readable[:2]])
    with pytest.raises(DataMissing, match="none of the images"):
        pipeline.read_first(sources[:1], read, 2)


@pytest.mark.parametrize(
    ("given", "trained", "is_said"),
    [
        ("int8", "bf16", True),
        ("f32", "int8", True),
        ("int8", "int8", False),
        ("f32", "bf16", False),
    ],
)
def test_an_evaluation_says_where_int8_meets_a_classifier_of_floats(given, trained, is_said):
    features = SimpleNamespace(recipe={"precision": given})
    remarks = evaluate._remark_precision(features, SimpleNamespace(features={"precision": trained}))
    assert [given in each and trained in each for each in remarks] == [True] * is_said
    assert evaluate._remark_precision(features, SimpleNamespace(features={})) == []
