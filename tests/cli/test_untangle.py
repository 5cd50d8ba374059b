"""``etabli untangle`` on your own points: each form of input, and each fault in one sentence."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from etabli.cli import app
from etabli.core.errors import BadArray, BadSetting, DataMissing

QUICK = ["--perplexity", "5", "--iterations", "10"]


def ask(*words):
    done = CliRunner().invoke(app, ["untangle", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def blobs(n=60, size=4):
    draw = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return (draw.normal(size=(n, size)) + 8 * labels[:, None]).astype(np.float32), labels


def test_a_table_with_labels_gives_numbers_a_report_and_an_explorer(tmp_path):
    points, labels = blobs()
    np.savez(
        tmp_path / "mine.npz", features=points, labels=np.array(["chat", "chien", "âne"])[labels]
    )
    done = ask(tmp_path / "mine.npz", "--out", tmp_path / "out", "--json", *QUICK)
    scores = {each["score"]: each["value"] for each in json.loads(done.stdout)["scores"]}
    assert scores["neighborhood_hit_points"] == 1.0
    assert {"neighborhood_hit_tsne", "hull_overlap_pca", "ellipse_overlap_tsne"} <= set(scores)
    assert "chien" in (tmp_path / "out" / "untangle" / "seed-0" / "explorer.html").read_text(
        encoding="utf-8"
    )
    assert (tmp_path / "out" / "report.html").is_file()


def test_points_and_labels_may_be_in_two_files_and_many_points_are_sampled(tmp_path):
    points, labels = blobs(200)
    np.save(tmp_path / "x.npy", points)
    np.save(tmp_path / "y.npy", labels)
    done = ask(
        tmp_path / "x.npy",
        "--labels",
        tmp_path / "y.npy",
        "--max-points",
        "50",
        "--out",
        tmp_path / "out",
        *QUICK,
    )
    assert "200" in done.stdout + done.stderr
    page = (tmp_path / "out" / "untangle" / "seed-0" / "explorer.html").read_text(encoding="utf-8")
    assert page.count("neighborhood hit") >= 1
    assert '"labels":[' in page


def test_a_folder_of_images_per_class_works_and_unreadable_files_are_left_out(tmp_path):
    for name, colour in (("red", (250, 10, 10)), ("blue", (10, 10, 250))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(10):
            noisy = np.clip(
                np.random.default_rng(index).normal(colour, 20, (30, 40, 3)), 0, 255
            ).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / "photos" / name / f"{index}.png")
    (tmp_path / "photos" / "red" / "broken.png").write_bytes(b"no image")
    done = ask(tmp_path / "photos", "--pixels", "--out", tmp_path / "out", "--k", "3", *QUICK)
    assert "broken.png" in done.stderr.replace("\n", "")
    assert "100.00 %" in done.stdout


def test_each_fault_is_one_clear_sentence(tmp_path):
    points, labels = blobs()
    np.save(tmp_path / "x.npy", points)
    np.save(tmp_path / "short.npy", labels[:-1])
    with pytest.raises(BadArray, match=r"contains no labels.*--labels FILE"):
        ask(tmp_path / "x.npy")
    with pytest.raises(BadArray, match="60"):
        ask(tmp_path / "x.npy", "--labels", tmp_path / "short.npy")
    with pytest.raises(DataMissing, match="no file"):
        ask(tmp_path / "absent.npy")
    np.savez(tmp_path / "few.npz", features=points[:5], labels=labels[:5])
    with pytest.raises(BadSetting, match="not enough points for 6 neighbors"):
        ask(tmp_path / "few.npz", "--out", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataMissing, match="no labels of images"):
        ask(tmp_path / "empty")
    np.savez(tmp_path / "fine.npz", features=points, labels=labels)
    with pytest.raises(BadArray, match="does not match the number of points"):
        ask(tmp_path / "fine.npz", "--images", tmp_path / "empty")


@pytest.mark.parametrize(
    "kind", ["one dimension", "collinear", "equal", "class of one"]
)
def test_odd_points_have_a_result_that_makes_sense(kind, tmp_path):
    points, labels = blobs(40)
    if kind == "one dimension":
        points = points[:, :1]
    elif kind == "collinear":
        points = np.outer(np.arange(40), [1.0, 2.0])
    elif kind == "equal":
        points = np.ones_like(points)
    else:
        labels = np.append(labels[:-1], 7)
    np.savez(tmp_path / "odd.npz", features=points, labels=labels)
    done = ask(tmp_path / "odd.npz", "--out", tmp_path / "out", "--json", *QUICK)
    for each in json.loads(done.stdout)["scores"]:
        assert each["value"] is None or 0 <= each["value"] <= 1


def test_a_run_is_replaced_only_with_overwrite(tmp_path):
    points, labels = blobs()
    np.savez(tmp_path / "mine.npz", features=points, labels=labels)
    words = [tmp_path / "mine.npz", "--out", tmp_path / "out", *QUICK]
    ask(*words)
    with pytest.raises(BadSetting, match=r"already holds a run.*--overwrite"):
        ask(*words)
    assert "neighborhood hit" in ask(*words, "--overwrite").stdout
