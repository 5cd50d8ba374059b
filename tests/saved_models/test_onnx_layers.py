"""Every family of keras.applications as ONNX, as OpenVINO by Keras' own export, and as .keras."""

from importlib.util import find_spec

import numpy as np
import pytest
from models.vision.test_applications import SMALLEST

from etabli.models.vision.backbones import BACKBONES
from etabli.saved_models import export, onnx
from etabli.training import keras_io
from etabli.training.openvino import import_openvino

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.float32)


def run(path):
    """Run a file with OpenVINO in float32."""
    core = import_openvino("a test").Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.array(core.compile_model(core.read_model(path), "CPU", options)([PIXELS])[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)
@pytest.mark.parametrize("name", SMALLEST)
def test_two_exports_of_a_family_agree_and_its_file_is_loaded(name, tmp_path):
    model, draw = BACKBONES[name].build(seed=1, size=(96, 96)), np.random.default_rng(0)
    for layer in model.layers:
        if type(layer).__name__ in ("BatchNormalization", "LayerScale"):
            layer.set_weights([draw.uniform(0.5, 1.5, each.shape) for each in layer.get_weights()])
    loaded = keras_io.load(keras_io.save(model, tmp_path / "net.keras"))
    for mine, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    ours = run(onnx.export_onnx(model, tmp_path / "net.onnx"))
    theirs = run(export.export_openvino(loaded, tmp_path / "net.xml"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())
