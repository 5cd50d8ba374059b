"""``etabli untangle`` on your own points: each form of input, and each fault in one sentence."""

import json
import sys

import numpy as np
import pytest
from clusters import use_in_process
from PIL import Image
from typer.testing import CliRunner

from etabli.cli import app
from etabli.core.errors import BadArray, BadSetting, DataMissing, MissingExtra

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
    with pytest.raises(DataMissing, match=r"no labels of images|no images"):
        ask(tmp_path / "empty")
    np.savez(tmp_path / "fine.npz", features=points, labels=labels)
    with pytest.raises(BadArray, match="does not match the number of points"):
        ask(tmp_path / "fine.npz", "--images", tmp_path / "empty")


@pytest.mark.parametrize("kind", ["one dimension", "collinear", "equal", "class of one"])
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
    values = {each["score"]: each["value"] for each in json.loads(done.stdout)["scores"]}
    assert all(value is None or 0 <= value <= 1 for value in values.values())
    is_flat = kind != "class of one"
    assert (values["hull_overlap_pca"] is None) == is_flat
    assert (values["ellipse_overlap_pca"] is None) == is_flat


def test_a_run_is_replaced_only_with_overwrite(tmp_path):
    points, labels = blobs()
    np.savez(tmp_path / "mine.npz", features=points, labels=labels)
    words = [tmp_path / "mine.npz", "--out", tmp_path / "out", *QUICK]
    ask(*words)
    with pytest.raises(BadSetting, match=r"already holds a run.*--overwrite"):
        ask(*words)
    assert "neighborhood hit" in ask(*words, "--overwrite").stdout


def line_of(done, word):
    """What the command said with this word in it, on one line."""
    return " ".join(done.stderr.split()) if word in done.stderr else ""


def test_a_column_that_names_rows_changes_nothing_and_is_said(tmp_path):
    points, labels = blobs()
    draw = np.random.default_rng(1).permutation(60)
    rows = [",".join([*map(str, points[at]), f"x{labels[at]}"]) for at in draw]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,c,d,label", *rows]))
    counted = [f"{at},{row}" for at, row in enumerate(rows)]
    (tmp_path / "b.csv").write_text("\n".join([",a,b,c,d,label", *counted]))
    scores = []
    for name in ("a", "b"):
        done = ask(tmp_path / f"{name}.csv", "--out", tmp_path / name, "--json", *QUICK)
        scores.append([each["value"] for each in json.loads(done.stdout)["scores"]])
    assert scores[0] == scores[1]
    assert "names the rows and is left out" in line_of(done, "Unnamed: 0")


@pytest.mark.parametrize("size", [1e200, 1e-200, np.float32(1e30)])
def test_values_whose_squares_are_no_numbers_are_scaled_and_change_no_score(size, tmp_path):
    points, labels = blobs()
    points = points.astype(type(size)) / 8
    values = []
    for name, factor in (("plain", 1), ("scaled", 2.0 ** np.round(np.log2(size)))):
        np.savez(tmp_path / "a.npz", features=(points * factor).astype(points.dtype), labels=labels)
        done = ask(tmp_path / "a.npz", "--out", tmp_path / name, "--json", *QUICK)
        values.append(json.loads(done.stdout)["scores"][0]["value"])
    assert values[0] == values[1] and "changes no score" in line_of(done, "2^")


def test_values_that_one_huge_value_makes_zero_are_counted(tmp_path):
    points, labels = blobs()
    points = points.astype(float)
    points[7, 0] = 1e200
    np.savez(tmp_path / "a.npz", features=points, labels=labels)
    done = ask(tmp_path / "a.npz", "--out", tmp_path / "out", "--json", *QUICK)
    assert f"count as zero: {points.size - 1}." in line_of(done, "2^")


def test_labels_that_are_no_classes_are_refused(tmp_path):
    points, labels = blobs()
    np.savez(tmp_path / "one.npz", features=points, labels=labels * 0)
    with pytest.raises(BadArray, match="all of one class"):
        ask(tmp_path / "one.npz", "--out", tmp_path / "out")
    np.savez(tmp_path / "all.npz", features=points, labels=np.arange(60) // 1.2 // 1)
    with pytest.raises(BadArray, match=r"nearly all different.*--bins 5"):
        ask(tmp_path / "all.npz", "--out", tmp_path / "out")
    ask(tmp_path / "all.npz", "--bins", "3", "--out", tmp_path / "out", *QUICK)


def test_some_points_are_scored_among_all_with_an_interval(tmp_path):
    points, labels = blobs(90)
    np.savez(tmp_path / "a.npz", features=points, labels=labels)
    words = ["--score-points", "30", "--out", tmp_path / "out", "--json", *QUICK]
    done = ask(tmp_path / "a.npz", *words)
    found = json.loads(done.stdout)["scores"][0]
    assert "n:90" in found["signature"] and "queries:30 |" in found["signature"]
    assert "interval:" in found["signature"] and "30 of 90" in line_of(done, "interval")


def test_a_cluster_changes_no_score(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", features=blobs(90, 12)[0], labels=np.arange(90) % 4)
    found = []
    for number, more in enumerate(([], ["--cluster", "auto"])):
        cluster = use_in_process(monkeypatch, cpus=2)
        out = tmp_path / str(number)
        arguments = (tmp_path / "mine.npz", "--out", out, "--projection", "pca", "--json")
        found.append(json.loads(ask(*arguments, *more).stdout)["scores"])
    assert cluster.computed == 8 and found[0] == found[1]


def test_the_time_of_all_points_is_estimated_with_what_is_faster(tmp_path, monkeypatch):
    monkeypatch.setattr("etabli.pipelines.untangle.measure._MIN_FOR_ADVICE", 90)
    points, labels = blobs(90)
    np.savez(tmp_path / "a.npz", features=points, labels=labels)
    done = ask(tmp_path / "a.npz", "--out", tmp_path / "out", *QUICK)
    assert "all 90 points takes about" in " ".join(done.stderr.split())
    assert "--score-points 10000 estimates the score in" in " ".join(done.stderr.split())


@pytest.fixture
def colors(tmp_path, monkeypatch):
    """Images of two classes, and no weights."""
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, color in (("red", (250, 10, 10)), ("blue", (10, 10, 250))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for at in range(5):
            image = Image.new("RGB", (32, 32), tuple(np.add(color, at)))
            image.save(tmp_path / "photos" / name / f"{at}.png")
    return tmp_path / "photos"


def test_images_without_weights_are_refused_with_two_ways_out(colors, tmp_path):
    with pytest.raises(DataMissing, match=r"data fetch weights.*--pixels"):
        ask(colors, "--out", tmp_path / "out")


@pytest.mark.slow
def test_a_folder_of_features_brings_the_labels_of_its_images(colors, tmp_path):
    from etabli.pipelines.extract import extract

    extract(colors, tmp_path / "features", "small_residual", weights="none")
    done = ask(tmp_path / "features", "--out", tmp_path / "out", "--k", "3", *QUICK)
    assert "published" not in done.stdout
    page = (tmp_path / "out" / "untangle" / "seed-0" / "explorer.html").read_text(encoding="utf-8")
    assert '"names":["blue","red"]' in page and '"sheet":{' in page
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ">published<" not in report
    colors.rename(tmp_path / "moved")
    with pytest.raises(DataMissing, match=r"not where they were.*--images FOLDER"):
        ask(tmp_path / "features", "--out", tmp_path / "out", "--overwrite")
    moved = ["--images", tmp_path / "moved", "--out", tmp_path / "out", "--overwrite"]
    ask(tmp_path / "features", *moved, "--k", "3", *QUICK)


@pytest.fixture
def fake_umap(monkeypatch):
    """A stand-in for umap-learn, which the locked environment lacks: it scales two columns."""
    import types

    class Reducer:
        def __init__(self, **settings):
            assert settings["n_jobs"] == 1 and settings["random_state"] >= 0

        def fit_transform(self, points):
            return points[:, :2] * 3

    module = types.ModuleType("umap")
    module.UMAP = Reducer
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr("etabli.projection.umap.installed_version", lambda _name: "0.5")


def test_umap_takes_the_place_of_tsne_and_pca_may_be_alone(fake_umap, tmp_path):
    points, labels = blobs(90)
    np.savez(tmp_path / "a.npz", features=points, labels=labels)
    for kind, names in (("umap", {"umap", "pca"}), ("pca", {"pca"})):
        words = ["--projection", kind, "--max-points", "60", "--out", tmp_path / kind, "--json"]
        done = ask(tmp_path / "a.npz", *words)
        scores = {each["score"] for each in json.loads(done.stdout)["scores"]}
        assert {name.removeprefix("hull_overlap_") for name in scores if "hull" in name} == names
        page = page_data(tmp_path / kind / "untangle" / "seed-0" / "explorer.html")
        assert len(page["labels"]) == 90 and len(page["planes"]) == len(names)
    np.save(tmp_path / "new.npy", points[:5])
    done = ask(tmp_path / "new.npy", "--onto", tmp_path / "umap", "--out", tmp_path / "o", "--json")
    assert len(json.loads(done.stdout)["umap_x"]) == 5


def test_umap_that_is_not_installed_is_said_before_the_points_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("etabli.projection.umap.installed_version", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'etabli\[umap\]'"):
        ask(tmp_path / "absent.csv", "--projection", "umap", "--out", tmp_path / "out")


# --- new points on an old plane -------------------------------------------------------------------


@pytest.fixture(scope="module")
def a_run(tmp_path_factory):
    """A run of a table with the columns a to d, of which not all points were projected."""
    folder = tmp_path_factory.mktemp("map")
    points, labels = blobs(90)
    write_table(folder / "old.csv", points, [f"kind{code}" for code in labels])
    ask(folder / "old.csv", "--max-points", "60", "--out", folder / "run", "--k", "3", *QUICK)
    return folder / "run"


def write_table(path, points, labels=None, columns="abcd"):
    rows = [list(map(str, row)) for row in points]
    head = [*columns, *(["label"] if labels else [])]
    rows = [[*row, *([labels[at]] if labels else [])] for at, row in enumerate(rows)]
    path.write_text("\n".join(",".join(row) for row in [head, *rows]))


def page_data(path):
    text = path.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
    return json.loads(text)


def test_points_beyond_the_projected_ones_are_placed_scored_and_shown(a_run):
    page = page_data(a_run / "untangle" / "seed-0" / "explorer.html")
    assert len(page["labels"]) == 90 and len(page["planes"][0]["hulls"]) == 3
    record = json.loads((a_run / "untangle" / "seed-0" / "seed_run.json").read_text())
    assert "neighborhood_hit_placed" in json.dumps(record["scores"])


def test_new_points_are_placed_and_those_unlike_the_map_are_marked(a_run, tmp_path):
    points, _labels = blobs(90)
    new = points[:20] + 0.1
    new[4] += 50
    write_table(tmp_path / "new.csv", new)
    done = ask(tmp_path / "new.csv", "--onto", a_run, "--out", tmp_path / "out")
    assert "Unlike the points of the map: 1 of 20 (5)" in done.stdout
    rows = (tmp_path / "out" / "points.csv").read_text().splitlines()
    assert rows[0] == "name,label,tsne_x,tsne_y,pca_x,pca_y,distance,unlike" and len(rows) == 21
    page = page_data(tmp_path / "out" / "explorer.html")
    assert page["kinds"] == [0] * 60 + [1] * 4 + [2] + [1] * 15
    assert page["names"] == ["kind0", "kind1", "kind2", "new point"]
    with pytest.raises(BadSetting, match=r"already exists.*--overwrite"):
        ask(tmp_path / "new.csv", "--onto", a_run, "--out", tmp_path / "out")
    ask(tmp_path / "new.csv", "--onto", a_run, "--out", tmp_path / "out", "--overwrite")


def test_columns_are_found_by_name_and_others_are_left_out(a_run, tmp_path):
    points, labels = blobs(90)
    names = [f"kind{code}" for code in labels[:9]]
    write_table(tmp_path / "a.csv", points[:9], names)
    write_table(tmp_path / "b.csv", np.hstack([points[:9, ::-1], points[:9, :1]]), names, "dcbae")
    places = []
    for name in "ab":
        done = ask(tmp_path / f"{name}.csv", "--onto", a_run, "--out", tmp_path / name, "--json")
        found = json.loads(done.stdout)
        places.append([found[key] for key in ("label", "tsne_x", "pca_y", "distance")])
    assert places[0] == places[1] and places[0][0] == names
    assert "Left out, because the map has no such columns: e." in line_of(done, "Left out")


def test_a_column_of_the_map_that_seems_to_name_rows_is_kept(tmp_path):
    points, labels = blobs(60)
    draw = np.random.default_rng(0).integers(0, 9, 60)
    points[:, 0] = draw  # whole numbers that repeat are measurements; unique ones name rows
    names = [f"kind{code}" for code in labels]
    write_table(tmp_path / "old.csv", points, names, ["id", *"bcd"])
    ask(tmp_path / "old.csv", "--out", tmp_path / "run", *QUICK)
    points[:4, 0] = [1, 2, 3, 4]
    write_table(tmp_path / "new.csv", points[:4], None, ["id", *"bcd"])
    ask(tmp_path / "new.csv", "--onto", tmp_path / "run", "--out", tmp_path / "out")


def test_each_fault_of_new_points_has_its_fix(a_run, tmp_path):
    points, _labels = blobs(90)
    write_table(tmp_path / "other.csv", points[:5], None, "abcx")
    with pytest.raises(BadArray, match=r"lacks columns of .*: d .*Add or rename"):
        ask(tmp_path / "other.csv", "--onto", a_run, "--out", tmp_path / "out")
    np.save(tmp_path / "narrow.npy", points[:5, :3])
    with pytest.raises(BadArray, match=r"different dimensions.*expected 4, got 3.*same order"):
        ask(tmp_path / "narrow.npy", "--onto", a_run, "--out", tmp_path / "out")
    with pytest.raises(DataMissing, match=r"no map in .*etabli untangle POINTS --out"):
        ask(tmp_path / "narrow.npy", "--onto", tmp_path, "--out", tmp_path / "out")
    write_table(tmp_path / "fine.csv", points[:5])
    with pytest.raises(BadSetting, match=r"cannot be changed.*--perplexity.*Leave out"):
        ask(tmp_path / "fine.csv", "--onto", a_run, "--perplexity", "9")
    assert not (tmp_path / "out").exists()


def test_new_images_are_described_as_those_of_the_map_and_need_no_labels(colors, tmp_path):
    ask(colors, "--pixels", "--out", tmp_path / "run", "--k", "3", *QUICK)
    page = page_data(tmp_path / "run" / "untangle" / "seed-0" / "explorer.html")
    assert sorted(page["point_names"])[0] == "blue/0.png"
    (tmp_path / "new").mkdir()
    Image.new("RGB", (32, 32), (250, 12, 12)).save(tmp_path / "new" / "mine.png")
    Image.new("RGB", (32, 32), (0, 255, 0)).save(tmp_path / "new" / "other.png")
    done = ask(tmp_path / "new", "--onto", tmp_path / "run", "--out", tmp_path / "out")
    assert "1 of 2 (other.png)" in done.stdout
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    with pytest.raises(BadArray, match="different dimensions"):
        ask(tmp_path / "x.npy", "--onto", tmp_path / "run", "--out", tmp_path / "two")
