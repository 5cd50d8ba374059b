"""The Python interface: what ``import etabli`` offers, on small models and small data."""

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import etabli
from etabli.core.errors import BadArray, BadSetting, DataMissing, MissingExtra, UnknownName
from etabli.models.captioning import attention
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.models.text import simple_rnn
from etabli.models.vision import backbones, linear_head
from etabli.saved_models import classifier as image_classifier
from etabli.saved_models import text
from etabli.saved_models.captioner import Captioner


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for name in ("a.jpg", "b.png", "c.jpg"):
        Image.fromarray(draws.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A saved classifier of two classes with random weights."""
    backbone = backbones.get_backbone("small_residual")
    net = backbone.build(seed=1, size=(32, 32))
    kernel = np.random.default_rng(0).normal(0, 0.1, (backbone.features, 2)).astype(np.float32)
    head = linear_head.LinearClassifier(kernel, np.zeros(2, np.float32))
    card = image_classifier.ModelCard(
        *("t", "small_residual", (32, 32), "inside", ("cat", "dog"), (0.5, 0.5), "d", "l", "none")
    )
    folder = tmp_path_factory.mktemp("classifier")
    return image_classifier.save(folder, linear_head.attach_head(net, head), card)


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    """A saved text model of three characters with random weights."""
    folder = tmp_path_factory.mktemp("writer")
    card = text.TextCard("simple-rnn", "mine", "abc", 4, "abca", {})
    text.save(folder, simple_rnn.build(4, 3, 5), card)
    return folder


def test_it_imports_nothing_heavy_and_offers_what_it_lists():
    code = (
        "import sys, etabli\n"
        "print([m for m in ('numpy', 'keras', 'jax', 'pydantic') if m in sys.modules])\n"
        "print([name for name in etabli.__all__ if not hasattr(etabli, name)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_importing_it_takes_less_than_fifty_milliseconds_over_bare_python():
    def seconds(code: str) -> float:
        times = []
        for _attempt in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds("import etabli") - seconds("pass") < 0.05


def test_no_name_is_that_of_a_subpackage():
    for name in set(etabli.__all__) - {"__version__"}:
        assert not isinstance(getattr(etabli, name), type(etabli)), name


def test_a_name_that_it_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'etabli' has no attribute 'train'"):
        etabli.train  # noqa: B018


def test_an_experiment_runs_and_gives_its_scores_with_recipes(tmp_path):
    settings = {"epochs": 1}
    result = etabli.run("tp1.logistic", settings=settings, out=tmp_path / "run")
    assert 0.5 < result.scores["test_accuracy"] < 1
    assert "epochs:1" in result.scores.recipes["test_accuracy"]
    assert result.report.is_file() and result.report.parent == result.folder
    assert "test_accuracy" in result._repr_html_()


def test_a_wrong_experiment_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match=r"tp1\.logistic"):
        etabli.run("tp1.logistics")


def test_points_are_untangled(tmp_path):
    draws = np.random.default_rng(0)
    points = np.concatenate([draws.normal(at, 1, (40, 5)) for at in (0, 30)])
    labels = ["left"] * 40 + ["right"] * 40
    result = etabli.untangle(points, labels, out=tmp_path / "run")
    assert result.scores["neighborhood_hit_points"] == 1
    assert {"neighborhood_hit_tsne", "neighborhood_hit_pca"} <= set(result.scores)
    far = np.full((1, 5), 500.0)
    placed = etabli.place(np.concatenate([points[:9] + 0.1, far]), onto=result)
    assert placed.is_unlike.tolist() == [False] * 9 + [True] and placed.folder is None
    assert np.abs(placed.planes["PCA"][9]).max() > 10 * np.abs(placed.planes["PCA"][:9]).max()


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        (np.zeros(5), ["a"] * 5),
        (np.array([["x"], ["y"]]), ["a", "b"]),
        (np.array([[np.nan], [1.0]]), ["a", "b"]),
        (np.zeros((5, 2)), ["a"] * 4),
    ],
    ids=["one axis", "text", "not finite", "labels too few"],
)
def test_points_that_cannot_be_measured_are_refused(points, labels, tmp_path):
    with pytest.raises(BadArray):
        etabli.untangle(points, labels, out=tmp_path / "run")


def test_features_are_rows_in_the_order_of_the_images(photos, tmp_path):
    table = etabli.extract_features(
        photos, "small_residual", weights="none", out=tmp_path / "features"
    )
    assert table.names == ["a.jpg", "b.png", "c.jpg"] and table.features.shape[0] == len(table)
    frame = table.to_pandas()
    assert list(frame.index) == table.names and frame.shape == table.features.shape


def test_a_classifier_gives_labels_and_probabilities(classifier, photos):
    model = etabli.load(classifier)
    found = model.predict([photos / "a.jpg", photos / "c.jpg"])
    assert model.kind == "classifier" and found.classes == ("cat", "dog")
    assert found.probabilities.shape == (2, 2)
    for labels, row in zip(found.labels, found.probabilities, strict=True):
        assert labels == tuple(np.array(found.classes)[row >= 0.5])
    columns = list(found.to_pandas().columns)
    assert columns == ["file_name", "label", "score", "cat", "dog"]
    assert "a.jpg" in found._repr_html_()


def test_an_image_that_cannot_be_read_is_listed(classifier, photos, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((photos / "a.jpg").read_bytes()[:100])
    found = etabli.load(classifier).predict([broken, photos / "a.jpg"])
    assert len(found) == 1 and len(found.unreadable) == 1


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Ten dark and ten light images, in a table with names and labels."""
    folder = tmp_path_factory.mktemp("squares")
    draws = np.random.default_rng(1)
    lines = ["path;kind;part"]
    for number in range(20):
        low = 128 * (number % 2)
        pixels = draws.integers(low, low + 100, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        part = "test" if number >= 12 else "train"
        lines.append(f"{number}.png;{('dark', 'light')[number % 2]};{part}")
    (folder / "labels.csv").write_text("\n".join(lines).replace("kind", "label") + "\n")
    return folder / "labels.csv"


def test_labeled_images_are_inspected_classified_evaluated_and_exported(squares, tmp_path):
    inspected = etabli.inspect(squares, tmp_path / "inspection", weights="none")
    assert len(inspected.inspection.images) == 20 and inspected.report.is_file()
    assert isinstance(inspected, etabli.InspectionResult)
    trained = etabli.transfer(
        squares, out=tmp_path / "m", backbone="small_residual", weights="none", split_column="part"
    )
    assert isinstance(trained, etabli.ClassifierResult) and trained.card.splits["test"] == 8
    model = etabli.load(trained.folder)
    found = etabli.evaluate(squares, model, split_column="part")
    assert isinstance(found, etabli.Evaluation) and len(found) == 8
    assert found.scores["accuracy"].value == trained.evaluation.scores["accuracy"].value
    predictions = model.predict(squares)  # a table, of which the labels are not needed
    assert len(predictions) == 20 and predictions.classes == ("dark", "light")
    np.testing.assert_allclose(predictions.probabilities[12:], found.probabilities, atol=1e-4)


def test_a_model_is_exported_and_read_back(classifier, photos, tmp_path):
    pytest.importorskip("openvino")
    exported = etabli.export(classifier, tmp_path / "m.xml")
    assert exported.classes == ("cat", "dog") and exported.largest_difference < 1e-3
    model, file = etabli.load(classifier), etabli.load(exported.path)
    expected, found = model.predict(photos), file.predict(photos)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-3)


def test_a_text_model_continues_a_prompt_by_its_seed(writer):
    first = etabli.generate(writer, "abcab", length=30, temperature=0.5, seed=1)
    assert len(first) == 35 and first.startswith("abcab") and set(first) <= set("abc")
    assert first == etabli.generate(writer, "abcab", length=30, temperature=0.5, seed=1)


def test_a_loaded_text_model_keeps_case_and_lines_and_reads_no_file_again(tmp_path):
    text.save(
        tmp_path / "net",
        simple_rnn.build(4, 4, 5),
        text.TextCard(
            "simple-rnn", "mine", "\nABa", 4, "A\naB", {}, {"lowercase": False, "join_lines": False}
        ),
    )
    model = etabli.load(tmp_path / "net")
    (tmp_path / "net/model.keras").unlink()
    assert model.generate("A\nBa", length=5).startswith("A\nBa")


def test_a_model_of_another_kind_says_what_it_can_do(writer, classifier, photos):
    with pytest.raises(BadSetting, match=r"no predict\(\).*generate\(\)"):
        etabli.load(writer).predict(photos)
    with pytest.raises(BadSetting, match=r"no caption\(\).*predict\(\)"):
        etabli.caption(classifier, photos)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataMissing):
        etabli.load(tmp_path)


def test_without_pandas_a_sentence_says_what_to_install(classifier, photos, monkeypatch):
    found = etabli.load(classifier).predict(photos / "a.jpg")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"etabli\[pandas\]"):
        found.to_pandas()


def test_images_are_captioned(photos, tmp_path):
    words = Vocabulary((START, END, "a", "dog", "."))
    shape = attention.ModelConfig(5, 41, 5, 7, 3)  # 41 numbers a cell, as ``cells`` computes them
    weights = attention.init_weights(shape, np.random.default_rng(0))
    Captioner("attention", words, weights, "cells", SearchConfig(2, 5, 0.5)).save(tmp_path)
    found = etabli.caption(tmp_path, photos)
    assert found.names == ["a.jpg", "b.png", "c.jpg"] and len(found.captions[0]) == 2
    assert found.best == [each[0] for each in found.captions]
    assert set(found.best[0].split()) <= {"a", "dog", "."}
