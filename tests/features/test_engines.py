"""The Keras engine on the CPU, and as it runs on a GPU (here on JAX's CPU)."""

import numpy as np
import pytest

from etabli.features.engines import DeviceEngine, KerasEngine, open_keras_engine, truncate_model
from etabli.models.vision.backbones import BACKBONES
from etabli.training.devices import Device

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
GPU = Device("gpu", "a GPU", 1, 80 * 2**30, 16, 9.0)


@pytest.fixture(scope="module")
def net():
    return truncate_model(BACKBONES["mobilenet_v2"].build(size=(64, 64)), "out_relu", True)


@pytest.fixture(scope="module")
def expected(net):
    return KerasEngine(net, 4)(IMAGES)


@pytest.mark.needs_jax
def test_a_device_gets_bytes_and_gives_the_numbers_of_keras(net, expected):
    found = DeviceEngine(net, 4)(IMAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.needs_jax
def test_bfloat16_rounds_products_and_little_else(net, expected):
    engine = open_keras_engine(net, 4, "bf16", Device())
    found = engine(IMAGES)
    assert engine.precision == "bf16" and found.dtype == np.float32
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1)
    assert (cosine / np.linalg.norm(expected, axis=1)).min() > 0.999
    assert not np.array_equal(found, expected)
    np.testing.assert_array_equal(engine.in_float32()(IMAGES), expected)


@pytest.mark.needs_jax
def test_a_gpu_gets_its_own_engine_and_the_precision_of_its_chip(net):
    engine = open_keras_engine(net, 256, None, GPU)
    assert isinstance(engine, DeviceEngine)
    assert (engine.precision, engine.parallel, engine.decodes_in_processes) == ("bf16", 2, True)
    assert open_keras_engine(net, 8, "f32", GPU).precision == "f32"
