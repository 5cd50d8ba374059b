import numpy as np
import pytest

from etabli.data.formats import labeled_images
from etabli.features import finetune_data
from etabli.models.vision import backbones


class Marked:
    """Views whose logits are the place of the image in the list."""

    def logits(self, places, logits_of):
        return logits_of(np.asarray(places)[:, None])


@pytest.fixture
def which(tmp_path):
    words = [("cat", "dog"), ("cat",), ("dog",), ()]
    items = [(f"{n:02d}", tmp_path / f"{n:02d}.jpg", words[n % 4]) for n in range(40)]
    return labeled_images.from_names(items, classes=("cat", "dog"), title="some")


def test_auto_is_the_default_stage_and_input_freezes_no_layer():
    assert (
        finetune_data.resolve_stage("mobilenet_v2", "auto") == "block_12"
        and finetune_data.resolve_stage("resnet50", "conv3") == "conv3"
    )
    net = backbones.get_backbone("small_residual")
    assert finetune_data.frozen_layer_name(net, "input") is None
    assert all(
        finetune_data.frozen_layer_name(each, each.default_stage)
        for each in backbones.BACKBONES.values()
    )


def test_training_and_validation_images_partition_the_list(which):
    data = finetune_data.FinetuneData(which, Marked(), 0.25, seed=0)
    assert sorted([*data.train_rows, *data.validation_rows]) == list(range(40))
    np.testing.assert_array_equal(data.labels, which.labels[data.train_rows])
    assert data.steps_per_epoch(16) == 2


def test_further_classes_are_trained_but_not_validated(which):
    labels = np.hstack([which.labels, np.full((40, 3), -1, np.int8)])
    data = finetune_data.FinetuneData(which, Marked(), 0.25, 0, labels)
    assert data.labels.shape == (len(data.train), 5)
    perfect = np.hstack([which.labels, np.zeros((40, 3))])
    assert data.validate(lambda places: perfect[places[:, 0]]) == 1.0


def test_each_number_holds_out_other_images(which):
    held = [
        finetune_data.FinetuneData(which, Marked(), 0.25, 0, number=number).validation_rows.tolist()
        for number in (0, 1, 0)
    ]
    assert held[0] == held[2] != held[1]
