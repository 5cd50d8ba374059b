"""What the page says of a drawn digit, from nets that were trained in a moment."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from etabli.models.estimators.mlp import MLP
from etabli.web.pages import digits
from etabli.web.pages.digits import NEIGHBOURS, Drawn, Numpy, Plane, image_of

ONE = [[[0.5, 0.1], [0.5, 0.9]]]
DASH = [[[0.1, 0.5], [0.9, 0.5]]]


@pytest.fixture(scope="module")
def net() -> Numpy:
    """A perceptron that tells an upright stroke from a lying one."""
    x = np.stack([image_of(strokes).ravel() for strokes in (ONE, DASH)] * 10)
    return Numpy(MLP(hidden_units=5, random_state=0, batch_size=10).fit(x, [0, 1] * 10))


def test_a_net_answers_with_probabilities_and_its_hidden_layer(net):
    found = net.answer(image_of(ONE))
    assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert np.argmax(found["probabilities"]) == 0
    layer = found["layers"][0]
    assert layer["shape"] == [1, 1, 5]
    hidden = np.frombuffer(base64.b64decode(layer["data"]), np.uint8)
    shown = net.model.activations(image_of(ONE).reshape(1, -1), "hidden_1")[0]
    assert hidden == pytest.approx(255 * shown, abs=0.51)


def test_feature_maps_are_shown_one_after_the_other_between_least_and_most():
    values = np.arange(24, dtype=np.float32).reshape(3, 4, 2) - 5
    layer = digits._layer("relu1", values)
    assert layer["shape"] == [2, 3, 4]
    maps = np.frombuffer(base64.b64decode(layer["data"]), np.uint8).reshape(2, 3, 4)
    assert (maps.min(), maps.max()) == (0, 255)
    assert (np.diff(maps[0].ravel().astype(int)) > 0).all()
    assert (maps[1].astype(int) > maps[0]).all()


def test_a_digit_lands_among_those_that_look_like_it_however_dark_it_is():
    generator = np.random.default_rng(0)
    kinds = np.repeat([image_of(ONE).ravel(), image_of(DASH).ravel()], NEIGHBOURS, axis=0)
    images = kinds + 0.05 * generator.random(kinds.shape)
    points = np.repeat([[-10.0, 0.0], [10.0, 0.0]], NEIGHBOURS, axis=0) + generator.normal(
        size=(2 * NEIGHBOURS, 2)
    )
    plane = Plane(images.astype(np.float32), points, np.repeat([1, 2], NEIGHBOURS))
    for darkness in (0.1, 1.0, 255.0):
        landed = plane.lands(darkness * image_of(DASH))
        assert landed["place"] == pytest.approx([10, 0], abs=2)
        assert set(landed["nearest"]) == set(range(NEIGHBOURS, 2 * NEIGHBOURS))


def test_only_the_nets_that_are_there_answer(net):
    shelf = SimpleNamespace(has=lambda key: key == "digits.mlp", get=lambda key: net)
    found = digits.read(SimpleNamespace(shelf=shelf), Drawn(strokes=ONE))
    assert list(found["answers"]) == ["digits.mlp"]
    assert found["plane"] is None
    assert len(base64.b64decode(found["seen"])) == 784
