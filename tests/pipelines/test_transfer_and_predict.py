"""transfer, evaluate and predict called from Python, without a command line."""

import csv
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from clusters import use_in_process

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.features import cluster_outputs, engines, extract
from etabli.features.inputs import find_images
from etabli.features.looks import load_looks
from etabli.features.store import Features, write_source
from etabli.models.vision import backbones
from etabli.pipelines import transfer as transfer_pipeline
from etabli.pipelines.evaluate import evaluate, evaluate_and_report
from etabli.pipelines.predict import SUFFIXES, Predictions, predict, write_predictions
from etabli.pipelines.transfer import transfer
from etabli.saved_models import folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Images of two classes, and the result of training a classifier on their features."""
    place, generator = tmp_path_factory.mktemp("own"), make_generator(0, "own images")
    for kind in ("house", "star"):
        (place / "images" / kind).mkdir(parents=True)
        for number in range(6):
            image = scenes.draw_single(generator, kind).image
            image.save(place / "images" / kind / f"{number}.jpg")
    weights = place / "net.weights.h5"
    backbones.get_backbone("small_residual").build(seed=5).save_weights(weights)
    paths, names = find_images(place / "images")
    options = {"names": names, "weights": weights, "engine": "keras"}
    extract(paths, "small_residual", place / "features", **options)
    result = transfer(place / "features", place / "images", place / "model", weights=weights)
    return place, paths, result


def test_the_result_has_the_card_that_is_saved(trained):
    _place, _paths, result = trained
    assert folder.load(result.folder).card == result.card
    assert result.card.classes == ("house", "star") and result.unscored == ()
    assert result.card.task == "single" and 0 <= result.card.scores["accuracy"][0] <= 1
    low, high = result.card.intervals["accuracy"]
    assert low <= result.card.scores["accuracy"][0] <= high


def test_a_finished_model_is_only_replaced_on_request(trained):
    place, _paths, result = trained
    arguments = (place / "features", place / "images", result.folder)
    options = {"weights": place / "net.weights.h5"}
    with pytest.raises(BadSetting, match="already holds"):
        transfer(*arguments, **options)
    assert transfer(*arguments, **options, overwrite=True).card.scores == result.card.scores


def test_a_list_of_files_and_a_loaded_model_give_the_predictions_of_folders(trained):
    place, paths, result = trained
    one = predict(place / "images", result.folder, engine="keras")
    other = predict(paths, folder.load(result.folder), engine="keras")
    assert one.labels == other.labels and one.classes == other.classes == ("house", "star")
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


@pytest.fixture
def on_a_cluster(trained, tmp_path, monkeypatch):
    """Predict thirteen images, one of which cannot be read, in shards of at most four."""
    place, _paths, result = trained
    shutil.copytree(place / "images", tmp_path / "images")
    (tmp_path / "images" / "house" / "2b.jpg").write_bytes(b"no image")
    monkeypatch.setattr(cluster_outputs, "SHARD_ROWS", 4)
    monkeypatch.setattr(engines, "get_batch_size", lambda engine: 2)
    monkeypatch.setattr("etabli.pipelines.predict.get_batch_size", lambda engine: 2)

    def run(**options):
        return predict(tmp_path / "images", result.folder, engine="keras", **options)

    return run, tmp_path / "p.csv"


def test_a_cluster_predicts_the_bits_of_a_local_run_and_resumes(on_a_cluster, monkeypatch):
    run, out = on_a_cluster
    local = run()
    use_in_process(monkeypatch, limit=2)
    with pytest.raises(KeyboardInterrupt):
        run(cluster="auto", out=out)
    cluster = use_in_process(monkeypatch)
    there = run(cluster="auto", out=out)
    assert cluster.computed == 2
    assert there.names == local.names and there.unreadable == local.unreadable != []
    assert there.probabilities.tobytes() == local.probabilities.tobytes()
    assert there.labels == local.labels
    assert [each.name for each in out.parent.glob("p.csv*")] == ["p.csv.shards"]
    write_predictions(out, there)
    assert [each.name for each in out.parent.glob("p.csv*")] == ["p.csv"]


def test_shards_of_another_model_are_not_taken(on_a_cluster, trained, monkeypatch, tmp_path):
    run, out = on_a_cluster
    use_in_process(monkeypatch)
    run(cluster="auto", out=out)
    model = folder.load(trained[2].folder)
    kernel = model.net.layers[-2].get_weights()
    model.net.layers[-2].set_weights([2 * each for each in kernel])
    with pytest.raises(BadSetting, match=r"p\.csv\.shards .* another weights"):
        predict(tmp_path / "images", model, engine="keras", cluster="auto", out=out)


def test_few_images_are_judged_by_cross_validation_and_the_card_says_so(trained):
    _place, _paths, result = trained
    assert result.card.splits == {"train": 12} and "cross-validation" in result.card.data
    assert len(result.evaluation) == 12
    assert any("Fewer than ten" in each for each in result.card.remarks)


def test_features_know_their_images_and_a_table_gives_splits(trained, tmp_path):
    place, _paths, result = trained
    write_source(place / "features", place / "images")
    weights = place / "net.weights.h5"
    again = transfer(place / "features", out=tmp_path / "a", weights=weights)
    assert again.card.scores == result.card.scores
    names = [f"{kind}/{number}.jpg" for kind in ("house", "star") for number in range(6)]
    lines = [f"{n},{n.split('/')[0]},{'test' if '5' in n else 'train'}" for n in names]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file_name,label,split", *lines]))
    split = transfer(place / "features", table, tmp_path / "b", weights=weights)
    assert split.card.splits == {"train": 10, "test": 2}
    assert set(split.evaluation.names) == {"house/5.jpg", "star/5.jpg"}


def test_evaluate_gives_the_labels_of_predict_and_features_give_those_of_images(trained):
    place, _paths, result = trained
    write_source(place / "features", place / "images")
    by_features = evaluate(place / "features", result.folder)
    by_images = evaluate(place / "images", folder.load(result.folder), engine="keras")
    found = predict(place / "images", result.folder, engine="keras")
    assert by_images.labels == found.labels and list(by_images.names) == found.names
    np.testing.assert_allclose(by_features.probabilities, by_images.probabilities, atol=1e-5)
    assert "trained the model" in by_features.remarks[0]
    right = np.mean(
        [a == (b.split("/")[0],) for a, b in zip(found.labels, found.names, strict=True)]
    )
    assert by_images.scores["accuracy"].value == right
    assert by_images.confusion.trace() == 12 * right


@pytest.mark.parametrize("many", [100_000, 4])
def test_features_that_stay_in_their_files_train_the_same_classifier(
    trained, tmp_path, monkeypatch, many
):
    """Also where a held-out part of the training images chooses, and a sample is inspected."""
    monkeypatch.setattr("etabli.pipelines.transfer.MANY", many)
    monkeypatch.setattr("etabli.pipelines._splits.MANY", many)
    monkeypatch.setattr("etabli.pipelines.transfer._MOST_INSPECTED", 7)
    # Neighbors in the grid are ties up to rounding on the two images of a held-out tenth.
    monkeypatch.setattr("etabli.pipelines.transfer.EXCLUSIVE_L2_GRID", (10.0, 0.1))
    place, _paths, _result = trained
    options = {"weights": place / "net.weights.h5", "validation_fraction": 0.5, "stream": False}
    whole = transfer(place / "features", place / "images", tmp_path / "whole", **options)
    options |= {"stream": True}
    parts = transfer(place / "features", place / "images", tmp_path / "parts", **options)
    assert whole.settings == parts.settings and whole.evaluation.names == parts.evaluation.names
    np.testing.assert_allclose(
        whole.evaluation.probabilities, parts.evaluation.probabilities, atol=1e-3
    )
    assert ("held-out tenth" in parts.card.data) == (many == 4)
    assert ("held-out tenth" in parts.card.training) == (many == 4)
    assert "7 of 12 images" in parts.report.read_text(encoding="utf-8")
    assert "7 of 12 images" not in whole.report.read_text(encoding="utf-8")


def test_features_stay_in_their_files_where_memory_is_short_and_that_is_said(trained, monkeypatch):
    stored, lines = Features(trained[0] / "features"), []
    reporter = SimpleNamespace(print_line=lines.append)
    needed = 16 * len(stored) * stored.shape[1]
    for free, expected in ((2 * needed, False), (2 * needed - 2, True)):
        memory = SimpleNamespace(available=free)
        monkeypatch.setattr("psutil.virtual_memory", lambda memory=memory: memory)
        assert transfer_pipeline._needs_stream(stored, reporter) is expected
    assert len(lines) == 1 and "stay in their files" in lines[0]


def test_images_that_trained_the_model_are_left_out_and_unknown_classes_named(trained, tmp_path):
    place, _paths, result = trained
    shutil.copytree(place / "images", tmp_path / "more")
    generator = make_generator(1, "own images")
    for kind in ("house", "star", "tree"):
        (tmp_path / "more" / kind).mkdir(exist_ok=True)
        scenes.draw_single(generator, kind).image.save(tmp_path / "more" / kind / "new.jpg")
    found = evaluate(tmp_path / "more", result.folder, engine="keras")
    assert set(found.names) == {"house/new.jpg", "star/new.jpg"}
    assert any("13 of 15" in each or "12 of 15" in each for each in found.remarks)
    assert any("does not know: tree" in each for each in found.remarks)


def test_images_of_other_classes_cannot_judge(trained, tmp_path):
    _place, paths, result = trained
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        shutil.copy(paths[0], tmp_path / kind / "0.jpg")
    with pytest.raises(DataMissing, match="no image is of a class of the model"):
        evaluate(tmp_path, result.folder)


def test_permuting_the_classes_permutes_the_probabilities(trained, tmp_path):
    place, _paths, result = trained
    names = {"house": "z", "star": "a"}
    rows = [
        (f"{kind}/{number}.jpg", names[kind]) for kind in ("house", "star") for number in range(6)
    ]
    lines = [f"{name},{label}" for name, label in rows]
    (tmp_path / "labels.csv").write_text("\n".join(["file_name,label", *lines]))
    weights = place / "net.weights.h5"
    other = transfer(place / "features", tmp_path / "labels.csv", tmp_path / "m", weights=weights)
    assert other.card.classes == ("a", "z")
    one = predict(place / "images", result.folder, engine="keras").probabilities
    swapped = predict(place / "images", other.folder, engine="keras").probabilities
    np.testing.assert_allclose(one, swapped[:, ::-1], atol=0.02)


def test_predictions_are_the_same_in_every_format(trained, tmp_path):
    place, _paths, result = trained
    found = predict(place / "images", result.folder, engine="keras")
    for suffix in SUFFIXES:
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        write_predictions(tmp_path / f"p{suffix}", found)
    columns = ["file_name", "label", "score", "house", "star"]
    text = list(csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8")))
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").split("\n")
    objects = [json.loads(line) for line in lines if line]
    assert list(text[0]) == list(objects[0]) == columns
    assert [row["label"] for row in text] == [row["label"] for row in objects]
    assert [float(row["star"]) for row in text] == [row["star"] for row in objects]
    if (tmp_path / "p.parquet").is_file():
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(tmp_path / "p.parquet").to_pylist() == objects


def test_a_class_named_like_a_column_does_not_replace_it():
    found = Predictions(["a"], [("label",)], np.array([[0.25, 0.75]]), ("score", "label"), [])
    assert found.columns() == {
        "file_name": ["a"],
        "label": ["label"],
        "score": [0.75],
        "class score": [0.25],
        "class label": [0.75],
    }


def test_the_score_of_several_labels_is_the_highest_of_theirs():
    found = Predictions(
        ["a", "b"],
        [("cat", "dog"), ()],
        np.array([[0.3, 0.6, 0.9], [0.1, 0.2, 0.4]]),
        ("cat", "dog", "cow"),
        [],
    )
    assert found.scores == [0.6, 0.4] and found.columns()["label"] == ["cat;dog", ""]


def test_features_are_evaluated_without_decoding_images_or_loading_the_net(trained, monkeypatch):
    place, _paths, result = trained
    expected = evaluate(place / "images", result.folder, engine="keras").probabilities
    write_source(place / "features", place / "images")
    for target in ("etabli.data.formats.images.read", "etabli.training.keras_io.load"):
        monkeypatch.setattr(target, lambda *arguments, **options: pytest.fail("was read"))
    found, _report = evaluate_and_report(place / "features", result.folder, None)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)
    assert len(load_looks(Features(place / "features"), found.names).rows) == len(found)


def test_a_voc_tree_with_several_labels_is_trained_and_scored_by_its_rules(trained, tmp_path):
    place, paths, _result = trained
    names = [f"2007_{number:06d}" for number in range(len(paths))]
    root = tmp_path / "VOCdevkit" / "VOC2007"
    (root / "JPEGImages").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name, path in zip(names, paths, strict=True):
        shutil.copy(path, root / "JPEGImages" / f"{name}.jpg")
    halves = {"train": range(0, len(names), 2), "val": range(1, len(names), 2)}
    for split, rows in halves.items():
        lists = {"": [names[row] for row in rows]}
        for shift, kind in enumerate(("cat", "dog", "car")):
            lists[f"{kind}_"] = [
                f"{names[row]} {1 if (row // 2 + shift) % 3 < 2 else -1}" for row in rows
            ]
        for prefix, lines in lists.items():
            (root / "ImageSets" / "Main" / f"{prefix}{split}.txt").write_text("\n".join(lines))
    options = {"backbone": "small_residual", "weights": place / "net.weights.h5"}
    result = transfer(tmp_path / "VOCdevkit", None, tmp_path / "model", **options)
    assert result.card.task == "multi" and set(result.card.classes) == {"cat", "dog", "car"}
    assert "mean_average_precision_11pt" in result.evaluation.scores
    assert result.report.is_file() and len(result.evaluation) == len(halves["val"])
