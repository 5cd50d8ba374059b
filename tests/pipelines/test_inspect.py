import csv

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting
from etabli.data.synthetic import scenes
from etabli.pipelines import inspect


@pytest.fixture
def photos(tmp_path):
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("star", "tree"):
            place = tmp_path / "photos" / split / kind
            place.mkdir(parents=True)
            for number in range(4):
                scenes.draw_single(generator, kind).image.save(place / f"{number}.png")
    Image.open(tmp_path / "photos/train/star/0.png").save(tmp_path / "photos/val/star/copy.jpg")
    return tmp_path / "photos"


def test_leaks_are_found_without_weights(photos, tmp_path, monkeypatch):
    monkeypatch.delenv("ETABLI_DATA", raising=False)
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))
    result = inspect.inspect(photos, tmp_path / "out")
    assert not result.inspection.has_features
    (leak,) = result.inspection.leaks
    assert leak.splits == ("train", "validation")
    page = result.report.read_text(encoding="utf-8")
    assert "etabli data fetch weights" in page
    with result.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert ["train/star/0.png", "val/star/copy.jpg"] in [
        [row["file_name"], row["others"]] for row in rows
    ]
    document = inspect.make_document(result)
    assert document["deep_features"] is False


def test_a_report_is_not_replaced_unasked(photos, tmp_path):
    inspect.inspect(photos, tmp_path / "out", weights="none")
    with pytest.raises(BadSetting, match="already holds a report"):
        inspect.inspect(photos, tmp_path / "out", weights="none")
    inspect.inspect(photos, tmp_path / "out", weights="none", overwrite=True)
