import numpy as np
import pytest
from PIL import Image

from etabli.data.formats.labeled_images import from_names
from etabli.data.synthetic import scenes
from etabli.features.inspection import inspect
from etabli.features.looks import find_near_duplicates, measure_neighbors, read_looks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scenes, copies of the first three in other forms, and files that are no images."""
    place = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(3)
    for number in range(24):
        scenes.draw_scene(generator, (120, 160)).image.save(place / f"{number:02d}.jpg", quality=92)
    Image.open(place / "00.jpg").resize((80, 60)).save(place / "a-small.png")
    Image.open(place / "01.jpg").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        place / "b-mirror.jpg"
    )
    (place / "c-same.jpg").write_bytes((place / "02.jpg").read_bytes())
    (place / "d-empty.jpg").touch()
    (place / "e-flat.png").write_bytes(b"")
    Image.new("RGB", (50, 50), "white").save(place / "e-flat.png")
    Image.new("RGB", (60, 50), "gray").save(place / "f-flat.png")
    return place


@pytest.fixture
def photos(folder):
    paths = sorted(folder.iterdir())
    items = [(path.name, path, ["dog" if path.name >= "12" else "cat"]) for path in paths]
    data = from_names(items)
    splits = tuple("validation" if name[0] in "abcdef" else "train" for name in data.names)
    return data.__class__(data.names, data.paths, data.classes, data.labels, splits=splits)


def test_copies_are_found_within_and_across_splits(photos):
    found = inspect(photos)
    groups = [tuple(photos.names[row] for row in group.rows) for group in found.groups]
    assert sorted(groups) == [
        ("00.jpg", "a-small.png"),
        ("01.jpg", "b-mirror.jpg"),
        ("02.jpg", "c-same.jpg"),
    ]
    assert len(found.leaks) == 3
    (identical,) = found.conflicts
    assert photos.names[identical.rows[0]] == "02.jpg"


def test_unreadable_files_have_a_reason_and_sizes_are_upright(photos):
    found = inspect(photos)
    (unreadable,) = found.unreadable
    assert unreadable.name == "d-empty.jpg"
    assert "zero bytes" in unreadable.reason
    assert found.sizes[photos.names.index("a-small.png")].tolist() == [60, 80]
    assert found.sizes[photos.names.index("d-empty.jpg")].tolist() == [0, 0]


def test_a_crop_is_found_by_features(folder, tmp_path):
    whole = Image.open(folder / "05.jpg")
    whole.crop((8, 6, 152, 114)).save(tmp_path / "crop.jpg", quality=92)
    paths = [*sorted(folder.glob("[01]*.jpg")), tmp_path / "crop.jpg"]
    looks = read_looks(paths, [path.name for path in paths])
    features = np.random.default_rng(0).normal(size=(len(paths), 16))
    features[-1] = features[5] + 0.05
    pair = (5, len(paths) - 1)
    assert pair not in set(map(tuple, find_near_duplicates(looks)))
    assert pair in set(map(tuple, find_near_duplicates(looks, measure_neighbors(features))))


def test_changed_labels_and_outliers_are_found(photos):
    generator = np.random.default_rng(1)
    rows = [row for row, name in enumerate(photos.names) if name != "d-empty.jpg"]
    dogs = np.array([photos.labels[row, 1] == 1 for row in range(len(photos))])
    features = generator.normal(size=(len(photos), 8)) * 0.2
    features[:, 0] += np.where(dogs, 3, -3)
    features[:, 1] += 4
    features[4, 0] *= -1  # looks like a dog, and is labeled as a cat
    features[9] = [0, -6, 0, 0, 0, 0, 0, 0]
    features[photos.names.index("d-empty.jpg")] = np.nan
    found = inspect(photos, features)
    assert found.errors[0].row == 4
    assert (found.errors[0].given, found.errors[0].probable) == ("cat", "dog")
    assert found.outliers[0][0] == 9
    assert {row for row, _distance in found.outliers} <= set(rows)


def test_images_without_labels_or_none_at_all_are_inspected(folder):
    found = inspect(from_names([(p.name, p, []) for p in sorted(folder.glob("0*.jpg"))]))
    assert not found.errors
    assert not inspect(from_names([]), np.zeros((0, 4))).groups
