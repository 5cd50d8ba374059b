"""A model file is data: what would make Keras run code is refused before Keras reads it."""

import errno
import io
import json
import os
import zipfile

import h5py
import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing, NoSpace, UnsafeArchive
from etabli.models.captioning import simple_rnn as captioner
from etabli.models.text import lstm, simple_rnn
from etabli.models.vision import backbones, digit_classifiers, linear_head
from etabli.training import keras_io


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return keras_io.save(simple_rnn.build(3, 4, 2), tmp_path_factory.mktemp("net") / "net.keras")


def rewritten(file, tmp_path, change, extra=None):
    """The same file, its description changed and members added."""
    target = tmp_path / "hostile.keras"
    with (
        zipfile.ZipFile(file) as before,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            content = before.read(name)
            if name == "config.json":
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            after.writestr(name, content)
        for name, content in (extra or {}).items():
            after.writestr(name, content)
    return target


def with_multilabel(name):
    net = backbones.get_backbone(name)
    head = linear_head.LinearClassifier(
        np.zeros((net.features, 2), np.float32), np.zeros(2, np.float32)
    )
    return linear_head.attach_head(net.build(seed=0, size=(32, 32)), head)


NETS = {
    "softmax": lambda: digit_classifiers.build_softmax_regression(0),
    "perceptron": lambda: digit_classifiers.build_mlp(0),
    "convolutional": lambda: digit_classifiers.build_cnn(0),
    "modern": lambda: digit_classifiers.build_modern_cnn(0),
    "characters": lambda: simple_rnn.build(3, 4, 2),
    "LSTM": lambda: lstm.build(4, 3, 2),
    "captions": lambda: captioner.build(6, 3, 5, 4),
    **{
        name: (lambda name=name: with_multilabel(name))
        for name in ("small_residual", "mobilenet_v2")
    },
}


@pytest.mark.parametrize("name", NETS)
def test_our_nets_come_back_with_their_weights(name, tmp_path):
    net = NETS[name]()
    found = keras_io.load(keras_io.save(net, tmp_path / "net.keras"))
    for mine, theirs in zip(net.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]


def trained_once(net):
    """The net after one step, compiled with an optimizer that remembers."""
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    net.train_on_batch(np.zeros((4, *net.input_shape[1:]), np.float32), np.zeros(4, np.int32))
    return net


@pytest.mark.parametrize("name", ["perceptron", "modern"])
def test_a_net_just_trained_and_the_same_net_loaded_are_saved_as_the_same_bytes(name, tmp_path):
    trained_here = keras_io.save(trained_once(NETS[name]()), tmp_path / "trained.keras")
    loaded = keras_io.load(trained_here)
    again = keras_io.save(loaded, tmp_path / "loaded.keras")
    assert again.read_bytes() == trained_here.read_bytes()
    loaded.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    assert (
        keras_io.save(loaded, tmp_path / "compiled.keras").read_bytes() == trained_here.read_bytes()
    )


@pytest.mark.parametrize("name", [each for each in NETS if each != "mobilenet_v2"])
def test_a_net_is_the_same_bytes_whatever_nets_its_process_made_before(name, tmp_path):
    """Keras counts the layers that have no name."""
    first, second = (
        keras_io.save(NETS[name](), tmp_path / f"{n}.keras").read_bytes() for n in (1, 2)
    )
    assert first == second


def test_a_file_holds_nothing_of_the_training(tmp_path):
    net = trained_once(NETS["perceptron"]())
    with zipfile.ZipFile(keras_io.save(net, tmp_path / "net.keras")) as archive:
        assert "optimizer" not in h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        assert json.loads(archive.read("config.json"))["compile_config"] == {}
        assert b"shared_object_id" not in archive.read("config.json")


def test_weights_alone_are_read_by_keras_and_hold_nothing_of_the_training(tmp_path):
    net, other = trained_once(NETS["perceptron"]()), digit_classifiers.build_mlp(1)
    path = keras_io.save_weights(net, tmp_path / "net.weights.h5")
    with h5py.File(path) as file:
        assert "optimizer" not in file
    other.load_weights(path)
    for mine, theirs in zip(net.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert list(tmp_path.iterdir()) == [path]


def layer(document):
    return document["config"]["layers"][1]


def a_lambda_layer(document):
    layer(document).update(
        class_name="Lambda", config={"name": "l", "function": {"class_name": "__lambda__"}}
    )


def a_custom_object(document):
    layer(document)["registered_name"] = "evil>Layer"


def a_class_of_another_module(document):
    layer(document).update(module="os", class_name="system", config={"command": "touch owned"})


def a_function_of_another_module(document):
    call = {
        "class_name": "function",
        "module": "os",
        "config": "system",
        "registered_name": "system",
    }
    layer(document)["config"]["activation"] = call


def a_known_class_with_another_function(document):
    call = {
        "module": "keras.utils",
        "class_name": "get_file",
        "config": {"origin": "https://evil.example/x"},
    }
    layer(document)["config"]["kernel_initializer"] = call


def a_saved_model_of_tensorflow(document):
    layer(document).update(class_name="TFSMLayer", config={"filepath": "/tmp/evil"})


def a_layer_of_torch(document):
    layer(document).update(class_name="TorchModuleWrapper", config={"module": "gASV"})


def a_nested_compilation(document):
    layer(document)["compile_config"] = {
        "loss": {"class_name": "function", "module": "os", "config": "system"}
    }


def a_module_without_a_class(document):
    layer(document)["config"]["kernel_regularizer"] = {"module": "os", "config": "system"}


def a_list_in_the_place_of_a_name(document):
    layer(document).update(class_name=["Dense"], module="keras.layers")


HOSTILE = [
    a_lambda_layer,
    a_custom_object,
    a_class_of_another_module,
    a_function_of_another_module,
    a_known_class_with_another_function,
    a_saved_model_of_tensorflow,
    a_layer_of_torch,
    a_nested_compilation,
    a_module_without_a_class,
]


@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_description_is_refused_before_keras_sees_it(file, tmp_path, change, monkeypatch):
    import keras

    monkeypatch.setattr(os, "system", lambda command: pytest.fail("code was run"))
    monkeypatch.setattr(
        keras.saving, "load_model", lambda *a, **k: pytest.fail("Keras has read it")
    )
    with pytest.raises(UnsafeArchive, match="was not loaded: expected a network of layers"):
        keras_io.load(rewritten(file, tmp_path, change))


def test_what_is_no_description_is_a_damaged_file(file, tmp_path):
    with pytest.raises(CorruptFile):
        keras_io.load(rewritten(file, tmp_path, a_list_in_the_place_of_a_name))
    (tmp_path / "text.keras").write_text("no archive")
    with pytest.raises(CorruptFile):
        keras_io.load(tmp_path / "text.keras")
    with pytest.raises(DataMissing):
        keras_io.load(tmp_path / "nowhere.keras")


@pytest.mark.parametrize(
    "name", ["assets/tokenizer.py", "../outside", "model.weights.npz", "/etc/passwd"]
)
def test_a_member_that_keras_does_not_write_is_refused(file, tmp_path, name):
    with pytest.raises(UnsafeArchive, match="the member"):
        keras_io.load(rewritten(file, tmp_path, lambda document: None, {name: b"x"}))


def test_a_bomb_is_refused_by_what_it_says_it_unpacks_to(file, tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", b"[" + b" " * (17 * 2**20))
    (tmp_path / "bomb.keras").write_bytes(bomb.getvalue())
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        keras_io.load(tmp_path / "bomb.keras")


def test_a_compiled_net_is_read_without_its_compilation(tmp_path):
    net = simple_rnn.build(3, 4, 2)
    net.compile("adam", "categorical_crossentropy")
    assert not keras_io.load(keras_io.save(net, tmp_path / "net.keras")).compiled


def test_a_full_disk_is_a_sentence_and_leaves_the_former_model(tmp_path, monkeypatch):
    net = simple_rnn.build(3, 4, 2)
    path = keras_io.save(net, tmp_path / "net.keras")
    before = path.read_bytes()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(net, "save", full)
    with pytest.raises(NoSpace, match=r"net\.keras"):
        keras_io.save(net, path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_dense_layer_is_read_without_the_net(tmp_path):
    model = backbones.get_backbone("small_residual").build(size=(24, 24))
    width = model.output_shape[-1]
    head = linear_head.LinearClassifier(np.ones((width, 2), np.float32), np.array([3.0, 4.0]))
    path = keras_io.save(linear_head.attach_head(model, head), tmp_path / "net.keras")
    kernel, bias = keras_io.read_dense(path, "classes")
    np.testing.assert_array_equal(kernel, head.kernel)
    np.testing.assert_array_equal(bias, head.bias)
    with pytest.raises(CorruptFile):
        keras_io.read_dense(path, "another")
    with pytest.raises(DataMissing):
        keras_io.read_dense(tmp_path / "absent.keras", "classes")
