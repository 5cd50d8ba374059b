"""Scores of classifiers on data of VOC, whose classes have groups."""

from pathlib import Path

import numpy as np

from etabli.data.formats.labeled_images import LabeledImages
from etabli.metrics.average_precision import mean_average_precision
from etabli.pipelines._classifier import score


def test_on_voc_data_the_map_is_given_by_its_other_rules_too():
    draw = np.random.default_rng(0)
    labels = np.where(draw.random((60, 3)) < 0.4, 1, -1).astype(np.int8)
    labels[::7, 0] = 0  # difficult
    names = tuple(f"{number}.jpg" for number in range(60))
    groups = {"animal": ("cat", "cow"), "vehicle": ("car",)}
    images = LabeledImages(names, tuple(map(Path, names)), ("cat", "cow", "car"), labels, groups)
    probabilities = draw.random((60, 3))
    found = score(images, probabilities, "multi", [0.5] * 3).scores
    for suffix, rule, difficult in (
        ("", "area", "ignored"),
        ("_11pt", "11pt", "ignored"),
        ("_difficult_negative", "area", "negative"),
    ):
        expected = mean_average_precision(labels, probabilities, rule, difficult).value
        assert np.isclose(found[f"mean_average_precision{suffix}"].value, expected)
