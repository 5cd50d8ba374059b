"""What is finished stays: each command that writes refuses it, or replaces it when asked to."""

import pytest
from PIL import Image

from etabli.experiments import runner

NET = ("--backbone", "small_residual", "--weights", "none", "--engine", "keras")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 40), (80 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_features_stay_until_they_are_replaced_and_an_interrupted_extraction_resumes(
    etabli, photos, tmp_path
):
    words = ("features", photos, "--out", "f", *NET)
    assert etabli(*words).code == 0
    index = (tmp_path / "f/index.json").read_bytes()
    refused = etabli(*words)
    assert refused.code == 2 and "--overwrite" in refused.err
    (tmp_path / "f/index.json").unlink()  # interrupted before its last file
    assert etabli(*words).code == 0
    assert (tmp_path / "f/index.json").read_bytes() == index
    (photos / "0.png").unlink()
    assert etabli(*words).code == 2
    assert "2 x " in etabli(*words, "--overwrite").out


def test_predictions_do_not_replace_a_file_of_yours(etabli, photos, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    refused = etabli("predict", photos, "--imagenet", "--out", "mine.csv")
    assert refused.code == 2 and "mine.csv already exists" in refused.err
    assert (tmp_path / "mine.csv").read_text() == "mine"


@pytest.mark.slow
def test_an_interrupted_untangling_resumes_and_a_finished_one_stays(etabli, tmp_path, monkeypatch):
    rows = [f"{x},{x * x % 7},{'ab'[x % 2]}" for x in range(40)]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,label", *rows]))
    words = ("untangle", "points.csv", "--out", "u", "--iterations", "10", "--perplexity", "5")

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_run_seed", interrupt)
        assert etabli(*words).code == 130
    assert (tmp_path / "u/run.json").exists()
    assert etabli(*words).code == 0
    refused = etabli(*words)
    assert refused.code == 2 and "--overwrite" in refused.err
    assert etabli(*words, "--overwrite").code == 0


@pytest.mark.slow
def test_a_report_is_written_again_and_another_file_stays(etabli, tmp_path):
    etabli("run", "tp1.gradients", "--out", "run")
    for _time in range(2):
        assert etabli("report", "run", "--out", "page.html").code == 0
    (tmp_path / "page.html").write_text("mine")
    refused = etabli("report", "run", "--out", "page.html")
    assert refused.code == 2 and "--overwrite" in refused.err
    assert (tmp_path / "page.html").read_text() == "mine"
    assert etabli("report", "run", "--out", "page.html", "--overwrite").code == 0
