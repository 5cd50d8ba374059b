"""The nets of ``keras.applications``: the table against Keras, each net against Keras' own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from models.vision import keras_oracle

from etabli.core.errors import BadSetting
from etabli.models.vision import backbones
from etabli.models.vision.backbones import BACKBONES

TABLE = Path(backbones.__file__).with_name("applications.json")
ROWS = {row["name"]: row for row in json.loads(TABLE.read_text(encoding="utf-8"))}
# The smallest net of each family.
SMALLEST = (
    "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_b0", "inception_resnet_v2",
    "inception_v3", "mobilenet", "mobilenet_v3_small", "nasnet_mobile", "resnet50", "resnet50_v2",
    "vgg19", "xception",
)  # fmt: skip
# The others of them take seconds each: with the slow tests.
QUICK = [
    pytest.param(name, marks=[] if name in ("mobilenet", "resnet50") else pytest.mark.slow)
    for name in SMALLEST
]
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3)).astype(np.float32)


def check_structure(name):
    """Check a net without running it: shape, feature layer, and stages that cut it in two."""
    import keras

    net = BACKBONES[name]
    model = net.build(size=(96, 96))
    layers = [layer.name for layer in model.layers]
    assert model.output_shape[-1] == net.features
    assert layers[-1] == net.map_layer
    places = [layers.index(stage) for stage in net.stages.values()]
    assert places == sorted(set(places)) and net.default_stage in net.stages
    for stage in set(net.stages.values()) - {
        net.map_layer
    }:  # Keras refuses a graph with another way around the layer
        keras.Model(model.get_layer(stage).output, model.outputs[0])


def test_the_table_lists_every_net_of_keras():
    import keras

    known = {
        name for name in dir(keras.applications)
        if name[0].isupper() and callable(getattr(keras.applications, name))
    }  # fmt: skip
    assert {row["class"] for row in ROWS.values()} == known


@pytest.mark.parametrize("name", QUICK)
def test_the_smallest_net_of_each_family_has_the_layers_of_the_table(name):
    check_structure(name)


@pytest.mark.parametrize("name", QUICK)
def test_the_weights_are_the_file_that_keras_downloads(name):
    import keras

    row = ROWS[name]

    def answer(*asked):
        raise keras_oracle.AskedFor(*asked)

    with keras_oracle.downloads(answer), pytest.raises(keras_oracle.AskedFor) as asked:
        getattr(keras.applications, row["class"])(include_top=False, weights="imagenet")
    file, url, checksum = asked.value.args
    assert file in row["files"] and (url, checksum) == (row["url"], row["hash"])


@pytest.mark.parametrize("name", QUICK)
def test_the_preprocessing_is_the_one_that_keras_pairs_with_the_net(name):
    import keras

    row = ROWS[name]
    expected = keras_oracle.preprocess_input(row["class"])(PIXELS.copy())
    model = BACKBONES[name].build(size=(80, 80))
    names = [layer.name for layer in model.layers]
    assert ("preprocessing" in names) == (row["preprocessing"] != "own_layers")
    if row["preprocessing"] in ("own_layers", "efficientnet"):  # the net itself normalizes
        np.testing.assert_array_equal(expected, PIXELS)
    else:
        inside = keras.Model(model.inputs[0], model.get_layer("preprocessing").output)
        np.testing.assert_allclose(np.asarray(inside(PIXELS)), expected, atol=1e-4)


def test_efficientnet_normalizes_as_with_the_weights_of_keras(tmp_path):
    """Keras divides by the root of the deviation a second time, for these weights only."""
    import keras

    model = BACKBONES["efficientnet_b0"].build(size=(80, 80))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalization = model.get_layer("normalization")
    normalization.set_weights([mean, deviation, np.array(0)])  # as published
    model.save_weights(tmp_path / "net.weights.h5")
    loaded = BACKBONES["efficientnet_b0"].build(tmp_path / "net.weights.h5", size=(80, 80))
    ours = keras.Model(loaded.inputs[0], loaded.get_layer("normalization").output)(PIXELS)
    np.testing.assert_allclose(np.asarray(ours), (PIXELS / 255 - mean) / deviation, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("EfficientNetV2B0", "efficientnet_v2_b0"),
        ("efficientnetv2-b0", "efficientnet_v2_b0"),
        ("ResNet50", "resnet50"),
        ("ResNet50V2", "resnet50_v2"),
        ("ConvNeXtTiny", "convnext_tiny"),
        ("NASNetMobile", "nasnet_mobile"),
    ],
)
def test_a_net_has_the_name_of_its_class_and_ours(given, name):
    assert backbones.get_backbone(given).name == name


def test_every_class_of_keras_is_a_name():
    for name, row in ROWS.items():
        assert backbones.get_backbone(row["class"]).name == name


def test_random_weights_do_not_depend_on_the_nets_built_before():
    one = backbones.compute_weights_digest(BACKBONES["mobilenet_v3_small"].build(size=(32, 32)))
    BACKBONES["inception_v3"].build(size=(80, 80))
    again = backbones.compute_weights_digest(BACKBONES["mobilenet_v3_small"].build(size=(32, 32)))
    assert one == again


def test_too_small_images_are_refused_with_the_size_of_the_net():
    with pytest.raises(BadSetting, match="299"):
        BACKBONES["inception_v3"].build(size=(40, 40))


COMPARE = """
import sys
sys.path.insert(0, sys.argv[2])
import keras, numpy as np
from models.vision import keras_oracle, test_applications
from etabli.models.vision.backbones import BACKBONES
name, folder, size = sys.argv[1], sys.argv[3], (96, 96)
test_applications.check_structure(name)
row, net = test_applications.ROWS[name], BACKBONES[name]
model = net.build(seed=1, size=size)
draw = np.random.default_rng(0)
for layer in model.layers:
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        layer.set_weights([draw.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    if kind == "Normalization" and layer.weights:
        mean = np.array([0.485, 0.456, 0.406])
        layer.set_weights([mean, np.array([0.229, 0.224, 0.225]), np.array(0)])
path = f"{folder}/net.weights.h5"
model.save_weights(path)
ours = np.asarray(net.build(path, size=size).predict(test_applications.PIXELS_96, verbose=0))
keras.backend.clear_session()
theirs = keras_oracle.build_with_imagenet_weights(row["class"], path, size)
prepared = keras_oracle.preprocess_input(row["class"])(test_applications.PIXELS_96.copy())
expected = np.asarray(theirs.predict(prepared, verbose=0))
scale = np.abs(expected).max()
assert scale > 1e-6 and ours.shape == expected.shape
assert np.abs(ours - expected).max() < 1e-3 * scale, np.abs(ours - expected).max() / scale
default = getattr(keras.applications, row["class"])(weights=None)
assert default.input_shape[1:3] in (net.input_size, (None, None)), default.input_shape
print("same")
"""
PIXELS_96 = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ROWS)
def test_every_net_gives_the_features_of_keras_own(name, tmp_path):
    """In a process each: the largest take gigabytes."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", COMPARE, name, root, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("same"), done.stderr[-2000:]


@pytest.mark.parametrize("page", ["images.md", "images.fr.md"])
def test_the_page_lists_the_nets_of_the_table_the_most_accurate_first(page):
    text = (Path(__file__).parents[3] / "docs" / "tools" / page).read_text(encoding="utf-8")
    listed = text.split("<!-- backbones -->")[1].split("<!-- /backbones -->")[0].split("\n")[3:-1]
    nets = [net for net in BACKBONES.values() if net.top1 is not None]
    assert listed == [
        f"| `{net.name}` | {net.input_size[0]} | {net.features} | {net.top1:.1f} "
        f"| {net.preprocessing.replace('_', ' ')} |"
        for net in sorted(nets, key=lambda net: (-net.top1, net.name))
    ]
