"""What the page of transfer knows: its own classes, images far from them, and ImageNet."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from web import trained_models

from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.web.pages import photo, transfer


@pytest.fixture(scope="module")
def classifier():
    """A classifier of 150 drawn scenes, whose distances are measured in colors and edges."""
    paths = voc.load(Source.sample(), "trainval").paths[:150]
    size = (96, 96)
    looks = np.concatenate([transfer._look_at_cells(images.read(path, size)) for path in paths])
    features = np.zeros((len(paths), 3), np.float32)
    labels = np.ones((len(paths), 2))
    known = transfer.TrainingSet(
        ("a", "b"),
        paths,
        labels,
        features,
        trained_models.mean_color,
        size,
        look=transfer._look_at_cells,
        looks=looks,
    )
    return transfer.PhotoClassifier(known, np.zeros((3, 2), np.float32), np.zeros(2, np.float32))


def is_far(classifier, pixels) -> bool:
    small = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BILINEAR)
    return classifier.classify(np.asarray(small))["familiarity"]["is_far"]


def test_photographs_are_far_from_drawn_scenes_and_new_scenes_are_not(classifier):
    assert all(is_far(classifier, pixels) for pixels in load_sample_images().images)
    test = voc.load(Source.sample(), "test").paths[:60]
    assert np.mean([is_far(classifier, images.read(path)) for path in test]) < 0.1
    assert np.mean([is_far(classifier, np.asarray(photo._draw(k).image)) for k in range(30)]) < 0.1


def test_the_page_says_what_the_classifier_knows(classifier):
    assert classifier.describe() == {"classes": ["a", "b"], "images": 150, "kind": "drawn scenes"}


@pytest.mark.full
def test_imagenet_names_a_photographed_dog_and_finds_it(full_data):
    found = transfer._find_imagenet()
    net = transfer._load_imagenet(found)
    data = voc.load(Source.full(), "val")
    dogs = np.flatnonzero(data.labels[:, data.classes.index("dog")] == 1)[:10]
    hits = 0
    for row in dogs:
        pixels = images.read(data.paths[row], net.input_size)
        answer = net.classify(pixels)
        hits += 152 <= net.head.names.index(answer["classes"][0]["name"]) <= 269
        assert answer["grid"] == [7, 7] and len(answer["classes"]) == 5
    assert hits >= 7
    maps = net.extract(pixels)[0].astype(np.float32)
    logits = net.head.activation_maps(maps, np.arange(1001)).mean(axis=1) + net.head.bias
    exponentials = np.exp(logits - logits.max())
    np.testing.assert_allclose(
        net.head.probabilities(maps.mean(0, keepdims=True))[0],
        exponentials / exponentials.sum(),
        atol=1e-5,
    )
