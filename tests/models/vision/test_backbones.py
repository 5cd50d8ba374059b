from pathlib import Path

import h5py
import numpy as np
import pytest

from etabli.core.errors import CorruptFile, UnknownName
from etabli.models.vision import backbones


@pytest.fixture(scope="module")
def resnet():
    return backbones.get_backbone("resnet50").build()


def test_resnet50_has_its_published_number_of_parameters_and_2048_features(resnet):
    assert resnet.count_params() == 23_587_712
    assert resnet.output_shape == (None, 7, 7, 2048)


@pytest.mark.parametrize("name", ("resnet50", "vgg16", "mobilenet_v2", "small_residual"))
def test_every_stage_ends_at_a_layer_of_the_net(name):
    net = backbones.get_backbone(name)
    model = net.build()
    layers = [layer.name for layer in model.layers]
    places = [layers.index(stage) for stage in net.stages.values()]
    assert places == sorted(places) and layers[-1] == net.map_layer
    assert model.output_shape[-1] == net.features


def test_the_preprocessing_of_its_authors_is_inside_each_net():
    import keras

    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    authors = {
        "resnet50": keras.applications.resnet.preprocess_input,
        "vgg16": keras.applications.vgg16.preprocess_input,
        "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
    }
    for name, preprocess in authors.items():
        model = backbones.get_backbone(name).build(size=(32, 32))
        inside = keras.Model(model.inputs[0], model.get_layer("preprocessing").output)
        np.testing.assert_allclose(np.asarray(inside(pixels)), preprocess(pixels.copy()), atol=1e-4)


def official_layout(path: Path, model, generator) -> None:
    """Write a file as Keras publishes weights: a group per layer, weight names as attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0".encode() for weight in layer.weights]
            group.attrs["weight_names"] = names
            for name, weight in zip(names, layer.weights, strict=True):
                group[name.decode()] = generator.normal(size=weight.shape).astype(np.float32)


def test_a_file_in_the_format_of_the_official_weights_loads(tmp_path, resnet):
    path = tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    official_layout(path, resnet, np.random.default_rng(0))
    loaded = backbones.get_backbone("resnet50").build(path)
    generator = np.random.default_rng(0)
    for weight in (weight for layer in resnet.layers for weight in layer.weights):
        layer, name = weight.path.split("/")[-2:]
        expected = generator.normal(size=weight.shape).astype(np.float32)
        held = next(each for each in loaded.get_layer(layer).weights if each.name == name)
        np.testing.assert_array_equal(held.numpy(), expected)


def test_the_weights_of_another_net_raise_an_error(tmp_path, resnet):
    resnet.save_weights(tmp_path / "resnet.weights.h5")
    with pytest.raises(CorruptFile, match="mobilenet_v2"):
        backbones.get_backbone("mobilenet_v2").build(tmp_path / "resnet.weights.h5")
    (tmp_path / "noise.weights.h5").write_bytes(b"noise")
    with pytest.raises(CorruptFile, match="noise"):
        backbones.get_backbone("mobilenet_v2").build(tmp_path / "noise.weights.h5")


def test_random_weights_depend_on_the_seed():
    net = backbones.get_backbone("mobilenet_v2")
    one, again, other = (
        backbones.compute_weights_digest(net.build(seed=seed, size=(32, 32))) for seed in (1, 1, 2)
    )
    assert one == again != other


def test_an_unknown_backbone_suggests_the_nearest_name():
    with pytest.raises(UnknownName, match="resnet50"):
        backbones.get_backbone("resnet5O")


def test_the_imagenet_head_is_a_softmax_of_a_linear_layer(frozen):
    generator = np.random.default_rng(0)
    features, kernel, bias = frozen(
        generator.normal(size=(5, 8)), generator.normal(size=(8, 4)), generator.normal(size=4)
    )
    probabilities = backbones.build_imagenet_head(kernel, bias)(features)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(1), (features @ kernel + bias).argmax(1))


@pytest.mark.full
def test_the_imagenet_weights_classify_an_ox(full_data):
    from etabli.data.formats import images

    model = backbones.get_backbone("mobilenet_v2").build(
        full_data / "weights/mobilenet_v2_imagenet_notop.weights.h5"
    )
    head = np.load(full_data / "weights/mobilenet_v2_imagenet_head.npz", allow_pickle=False)
    labels = (full_data / "weights/imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
    main = full_data / "voc/VOCdevkit/VOC2012/ImageSets/Main/cow_val.txt"
    cows = [line.split()[0] for line in main.read_text().splitlines() if line.split()[1] == "1"][
        :20
    ]
    pixels = [
        images.read(full_data / f"voc/VOCdevkit/VOC2012/JPEGImages/{name}.jpg", (224, 224))
        for name in cows
    ]
    features = np.asarray(model.predict(np.stack(pixels).astype(np.float32), verbose=0)).mean(
        (1, 2)
    )
    named = [
        labels[place]
        for place in backbones.build_imagenet_head(head["kernel"], head["bias"])(features).argmax(1)
    ]
    assert sum(name in ("ox", "water buffalo", "bison") for name in named) >= 5, named
