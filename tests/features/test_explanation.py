import numpy as np
import pytest

from etabli.core.errors import BadSetting, CorruptFile
from etabli.data.formats.labeled_images import from_names
from etabli.features.explanation import Explainer, pack_training_images
from etabli.models.vision import linear_head
from etabli.models.vision.linear_head import LinearClassifier
from etabli.pipelines.pages.explanation import overlay
from etabli.saved_models import training_images
from etabli.saved_models.classifier import ImageClassifier, ModelCard

CARD = ModelCard("t", "net", (16, 16), "", ("a", "b"), (0.5, 0.5), "", "", "", task="multi")


def make_model(attention=0.0):
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(5, 4, strides=4, activation="relu")(inputs)
    generator = np.random.default_rng(0)
    head = LinearClassifier(
        generator.normal(size=(5, 2)).astype(np.float32), np.array([0.3, -0.2], np.float32)
    )
    net = linear_head.attach_head(keras.Model(inputs, maps), head, bool(attention), attention)
    return ImageClassifier(net, CARD), head


def test_the_mean_of_a_map_and_the_bias_are_the_logit():
    model, head = make_model()
    pixels = np.random.default_rng(1).random((16, 16, 3)).astype(np.float32)
    found = Explainer(model).explain(pixels)
    assert found.maps.shape == (2, 4, 4)
    logits = np.log(found.probabilities / (1 - found.probabilities))
    np.testing.assert_allclose(found.maps.mean(axis=(1, 2)) + head.bias, logits, atol=1e-4)


def test_a_fine_tuned_model_has_a_logit_for_each_place():
    model, _head = make_model(attention=0.5)
    found = Explainer(model).explain(np.ones((16, 16, 3), np.float32))
    assert found.maps.shape == (2, 4, 4)
    assert found.features.shape == (5,)


def test_a_model_without_such_layers_is_refused():
    with pytest.raises(BadSetting, match="no access to the layers"):
        Explainer(ImageClassifier(object(), CARD))


def test_the_nearest_training_images_are_those_of_the_cosine(tmp_path):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(20, 6))
    data = from_names([(f"{n}.jpg", tmp_path / f"{n}.jpg", ["a"]) for n in range(20)])
    training_images.save(tmp_path, pack_training_images(data, features, generator))
    stored = training_images.load(tmp_path)
    (first, cosine), *_rest = stored.find_nearest(features[7], 3)
    assert (stored.names[first], stored.labels[first]) == ("7.jpg", "a")
    assert cosine == pytest.approx(1, abs=1e-3)


def test_a_damaged_file_of_training_images_is_one_sentence(tmp_path):
    assert training_images.load(tmp_path) is None
    (tmp_path / training_images.FILE).write_bytes(b"no")
    with pytest.raises(CorruptFile, match="not a list of training images"):
        training_images.load(tmp_path)


def test_the_overlay_is_red_where_the_map_is_high():
    heat = np.zeros((4, 4))
    heat[0, 0] = 2
    drawn = overlay(np.full((40, 40, 3), 128, np.uint8), heat).astype(int)
    assert drawn[2, 2, 0] > drawn[2, 2, 1] + 40
    assert drawn[-2, -2].tolist() == [128, 128, 128]
