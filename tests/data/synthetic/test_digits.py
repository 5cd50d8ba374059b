import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.data.synthetic import digits


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return mnist.load(Source.sample(tmp_path_factory.mktemp("samples")))


def test_every_scan_is_there_once_and_classes_keep_their_shares(sample):
    assert sample.name == "digits"
    assert len(sample.train_images) + len(sample.test_images) == 1797
    all_labels = load_digits(return_X_y=True)[1]
    expected = np.bincount(all_labels) * digits.TEST_SIZE / 1797
    assert np.abs(np.bincount(sample.test_labels) - expected).max() <= 1


def test_digits_are_centered_by_mass_in_a_box_of_twenty(sample):
    for image in sample.test_images:
        rows, columns = np.nonzero(image)
        assert np.ptp(rows) < digits.BOX and np.ptp(columns) < digits.BOX
        assert np.abs(np.array(ndimage.center_of_mass(image)) - 13.5).max() <= 0.51


def test_ink_uses_the_whole_range(sample):
    assert sample.train_images.min() == 0 and sample.train_images.max() == 255


def test_enlarging_keeps_the_share_of_ink():
    scans = load_digits().images / 16
    ink = digits.enlarge(scans).sum(axis=(1, 2)) / 255
    np.testing.assert_allclose(ink / (digits.BOX / 8) ** 2, scans.sum(axis=(1, 2)), rtol=0.08)


def test_the_digits_can_still_be_classified(sample):
    train, test = sample.flatten()
    neighbors = KNeighborsClassifier(1).fit(train, sample.train_labels)
    assert neighbors.score(test, sample.test_labels) > 0.97


def test_making_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        digits.make(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
