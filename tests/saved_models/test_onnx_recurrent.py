"""Recurrent nets, embeddings and dense nets as ONNX: Keras' numbers for any number of steps."""

from importlib.util import find_spec

import numpy as np
import pytest

from etabli.core.errors import EtabliError
from etabli.saved_models import onnx
from etabli.training.openvino import import_openvino

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "openvino"))), reason="needs the packages onnx and openvino"
)
SIZES = ((1, 4), (3, 9))  # examples and steps


def build(inputs, *layers):
    """Build a net with random weights, biases among them."""
    import keras

    model, draw = keras.Sequential([inputs, *layers]), np.random.default_rng(0)
    model.set_weights([draw.normal(size=each.shape) for each in model.get_weights()])
    return model


def sequences(kind, **options):
    """Two layers on one another, the lower one with all its states."""
    from keras import Input, layers

    make = getattr(layers, kind)
    below, above = make(5, return_sequences=True, **options), make(4, activation="relu", **options)
    parts = [below, layers.Dropout(0.5), above, layers.Dense(3), layers.Activation("softmax")]
    return build(Input((None, 3), name="steps"), *parts)


def of_codes():
    from keras import Input, layers

    parts = [layers.Embedding(7, 4), layers.LSTM(5, return_sequences=True)]
    return build(Input((None,), dtype="int32", name="codes"), *parts, layers.Dense(7, "softmax"))


def dense():
    """A layer has the name of the file's output."""
    from keras import Input, layers

    parts = [layers.Dense(4, "tanh", use_bias=False), layers.Dense(3, "softmax", name="output")]
    return build(Input((6,), name="features"), *parts)


def convolutional():
    from keras import Input, layers

    parts = [layers.Conv2D(4, 3, padding="same", activation="tanh"), layers.MaxPooling2D(2)]
    return build(Input((7, 5, 2), name="images"), *parts, layers.Flatten(), layers.Dense(3))


NETS = {
    **{kind: (lambda kind=kind: sequences(kind)) for kind in ("SimpleRNN", "LSTM", "GRU")},
    "GRU, reset before": lambda: sequences("GRU", reset_after=False),
    "LSTM without bias": lambda: sequences("LSTM", use_bias=False),
    "codes": of_codes,
    "dense": dense,
    "convolutional": convolutional,
}


@pytest.mark.parametrize("kind", NETS)
def test_a_net_gives_the_numbers_of_keras_for_any_batch_and_steps(kind, tmp_path):
    import onnx as package

    model, draw = NETS[kind](), np.random.default_rng(1)
    path = onnx.export_onnx(model, tmp_path / "net.onnx", {"task": "test"})
    graph = package.load(path).graph
    assert [each.name for each in graph.input] == [onnx.name_input(model)]
    assert [each.name for each in graph.output] == ["output"]
    core = import_openvino("a test").Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(path), "CPU", options)
    for batch, steps in SIZES:
        shape = [batch, *(steps if size is None else size for size in model.input_shape[1:])]
        codes = onnx.reads_codes(model)
        x = draw.integers(0, 7, shape) if codes else draw.normal(size=shape).astype(np.float32)
        expected = np.asarray(model.predict_on_batch(x))
        np.testing.assert_allclose(np.array(compiled([x])[0]), expected, atol=1e-5)


def test_layers_and_settings_without_a_counterpart_are_named(tmp_path):
    from keras import Input, layers

    for layer, says in [
        (layers.LSTM(3, go_backwards=True, name="back"), r"back \(LSTM, go_backwards\)"),
        (layers.GRU(3, activation="elu", name="odd"), r"odd \(GRU, elu\)"),
        (layers.Bidirectional(layers.LSTM(3), name="both"), r"both \(Bidirectional\)"),
    ]:
        model = build(Input((4, 2)), layer)
        with pytest.raises(EtabliError, match=says):
            onnx.export_onnx(model, tmp_path / "net.onnx")
    masked = build(Input((4,)), layers.Embedding(5, 3, mask_zero=True, name="words"))
    with pytest.raises(EtabliError, match=r"words \(Embedding, mask_zero\)"):
        onnx.export_onnx(masked, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
