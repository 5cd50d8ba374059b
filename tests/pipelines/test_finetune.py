"""Fine-tuning that is continued: a finished classifier is trained further, or it is refused why."""

import json

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting, DataMissing
from etabli.pipelines import finetune as pipeline
from etabli.pipelines._output import STATE
from etabli.saved_models import classifier

SMALL = {"backbone": "small_residual", "weights": "none", "stage": "stage3", "image_size": 32}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder of images of two colors, and that of a classifier of one epoch."""
    place = tmp_path_factory.mktemp("finetune")
    for name, color in (("red", (200, 30, 30)), ("blue", (20, 40, 200))):
        (place / "photos" / name).mkdir(parents=True)
        for number in range(6):
            noise = np.random.default_rng(number).integers(-20, 20, (32, 32, 3))
            pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / "photos" / name / f"{number}.png")
    small = {**SMALL, "batch_size": 4, "crops": 0}
    pipeline.finetune(place / "photos", place / "model", epochs=1, **small)
    return place / "photos", place / "model"


@pytest.mark.slow
def test_a_finished_classifier_stays_and_is_trained_further(trained):
    photos, out = trained
    with pytest.raises(BadSetting, match=r"already holds.*--resume --epochs N.*--overwrite"):
        pipeline.finetune(photos, out, epochs=1)
    with pytest.raises(BadSetting, match=r"\(epochs: 1\).*--epochs 2"):
        pipeline.finetune(photos, out, epochs=1, resume=True)
    with pytest.raises(BadSetting, match=r"keeps its batch_size: expected 4, got 2"):
        pipeline.finetune(photos, out, epochs=2, batch_size=2, resume=True)
    pipeline.finetune(photos, out, epochs=3, learning_rate=1e-4, resume=True)
    record = json.loads((out / pipeline.TRAINING).read_text())
    assert record["epochs"] == 3
    assert record["settings"]["batch_size"] == 4
    assert "of 3, learning rate 0.0001" in classifier.load_card(out).training


def test_other_images_and_other_models_are_not_trained_further(trained, tmp_path):
    photos, out = trained
    (photos / "red" / "0.png").rename(photos / "red" / "9.png")
    with pytest.raises(BadSetting, match="trained on other images, labels or splits"):
        pipeline.finetune(photos, out, epochs=9, resume=True)
    with pytest.raises(DataMissing, match="no saved model"):
        pipeline.finetune(photos, tmp_path / "nowhere", epochs=9, resume=True)
    (out / STATE).unlink()
    with pytest.raises(BadSetting, match=r"cannot be trained further.*--out FOLDER"):
        pipeline.finetune(photos, out, epochs=9, resume=True)
