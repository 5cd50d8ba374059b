"""A drawn digit: its image, the predictions of small nets, its position in the t-SNE plane."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
from idx_sets import make_arrays, write_set

from etabli.data.catalog.source import Source
from etabli.experiments import load_experiment, runner
from etabli.models.estimators.mlp import MLP
from etabli.web.model_cache import find_trained
from etabli.web.pages import digits
from etabli.web.pages.digits import (
    BOX_SIZE,
    IMAGE_SIZE,
    N_NEIGHBORS,
    Drawing,
    NumpyNet,
    TsnePlane,
    rasterize_strokes,
)

ONE = [[[0.5, 0.1], [0.5, 0.9]]]
DASH = [[[0.1, 0.5], [0.9, 0.5]]]
SEVEN = [[[0.3, 0.2], [0.65, 0.2], [0.45, 0.85]]]


@pytest.fixture(scope="module")
def net() -> NumpyNet:
    """An MLP that distinguishes a vertical from a horizontal stroke."""
    x = np.stack([rasterize_strokes(strokes).ravel() for strokes in (ONE, DASH)] * 10)
    return NumpyNet(MLP(hidden_units=5, random_state=0, batch_size=10).fit(x, [0, 1] * 10))


def test_a_net_returns_probabilities_and_its_hidden_layer(net):
    found = net.predict(rasterize_strokes(ONE))
    assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert np.argmax(found["probabilities"]) == 0
    layer = found["layers"][0]
    assert layer["shape"] == [1, 1, 5]
    hidden = np.frombuffer(base64.b64decode(layer["data"]), np.uint8)
    shown = net.model.activations(rasterize_strokes(ONE).reshape(1, -1), "hidden_1")[0]
    assert hidden == pytest.approx(255 * shown, abs=0.51)


def test_feature_maps_are_encoded_one_after_the_other_between_their_extremes():
    values = np.arange(24, dtype=np.float32).reshape(3, 4, 2) - 5
    layer = digits._encode_layer("relu1", values)
    assert layer["shape"] == [2, 3, 4]
    maps = np.frombuffer(base64.b64decode(layer["data"]), np.uint8).reshape(2, 3, 4)
    assert (maps.min(), maps.max()) == (0, 255)
    assert (np.diff(maps[0].ravel().astype(int)) > 0).all()
    assert (maps[1].astype(int) > maps[0]).all()


def test_a_digit_is_placed_among_similar_ones_at_any_brightness():
    generator = np.random.default_rng(0)
    kinds = np.repeat(
        [rasterize_strokes(ONE).ravel(), rasterize_strokes(DASH).ravel()], N_NEIGHBORS, axis=0
    )
    images = kinds + 0.05 * generator.random(kinds.shape)
    points = np.repeat([[-10.0, 0.0], [10.0, 0.0]], N_NEIGHBORS, axis=0) + generator.normal(
        size=(2 * N_NEIGHBORS, 2)
    )
    plane = TsnePlane(images.astype(np.float32), points, np.repeat([1, 2], N_NEIGHBORS))
    for brightness in (0.1, 1.0, 255.0):
        located = plane.locate(brightness * rasterize_strokes(DASH))
        assert located["position"] == pytest.approx([10, 0], abs=2)
        assert set(located["nearest"]) == set(range(N_NEIGHBORS, 2 * N_NEIGHBORS))


def test_only_loaded_nets_predict(net):
    models = SimpleNamespace(has=lambda key: key == "digits.mlp", get=lambda key: net)
    found = digits.classify(SimpleNamespace(models=models), Drawing(strokes=ONE))
    assert list(found["predictions"]) == ["digits.mlp"]
    assert found["plane"] is None
    assert len(base64.b64decode(found["image"])) == 784


def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def test_no_stroke_is_an_empty_image():
    assert rasterize_strokes([]).sum() == rasterize_strokes([[]]).sum() == 0


def test_a_digit_fills_the_box_and_is_centered_by_mass():
    image = rasterize_strokes(SEVEN)
    assert image.shape == (IMAGE_SIZE, IMAGE_SIZE)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 1
    tall = np.flatnonzero(image.max(axis=1) > 0.3)
    assert abs(tall[-1] - tall[0] + 1 - BOX_SIZE) <= 1
    assert center_of_mass(image) == pytest.approx(((IMAGE_SIZE - 1) / 2,) * 2, abs=0.51)


@pytest.mark.parametrize(("scale", "move"), [(0.2, 0.0), (1.0, 3.0), (0.1, -2.0)])
def test_position_and_size_of_the_drawing_do_not_matter(scale, move):
    other = [[[scale * x + move, scale * y - move] for x, y in stroke] for stroke in SEVEN]
    assert np.abs(rasterize_strokes(other) - rasterize_strokes(SEVEN)).max() < 0.2


def test_a_dot_remains_a_dot_inside_the_image():
    image = rasterize_strokes([[[0.9, 0.9]]])
    assert 3 < image.sum() < 30
    assert center_of_mass(image) == pytest.approx(((IMAGE_SIZE - 1) / 2,) * 2, abs=0.6)


def test_a_stroke_at_the_corner_is_not_cropped_when_centered():
    strokes = [[[0, 0], [1, 0], [1, 1]]]
    ink = rasterize_strokes(strokes).sum()
    assert ink == pytest.approx(
        rasterize_strokes([[[1 - x, 1 - y] for x, y in strokes[0]]]).sum(), rel=0.02
    )


def test_a_net_of_other_data_is_not_offered_for_digits(tmp_path):
    """The page draws digits: a net of Fashion-MNIST would name a shirt."""
    write_set(tmp_path / "mine", make_arrays())
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    experiment = load_experiment("tp1.logistic")
    runner.run_experiments([experiment], tmp_path / "runs" / "a", source, changes={"epochs": 1})
    assert (tmp_path / "runs/a/tp1.logistic/seed-0/softmax_regression.safetensors").exists()
    assert list(find_trained(tmp_path / "runs", digits.MODELS[0])) == []
