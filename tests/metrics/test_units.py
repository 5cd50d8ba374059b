import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.metrics.units import compute_text_features, correlate


def test_kinds_and_places_are_read_off_the_text():
    found = compute_text_features("l'été, va")
    np.testing.assert_array_equal(found["vowel"], [0, 0, 1, 0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(found["accented"], [0, 0, 1, 0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found["position in the word"], [1, 0, 1, 2, 3, 0, 0, 1, 2])
    np.testing.assert_array_equal(found["distance from punctuation"], [1, 2, 3, 4, 5, 0, 1, 2, 3])
    assert found["apostrophe"].sum() == found["punctuation"].sum() == found["space"].sum() == 1


def test_correlations_are_those_of_numpy():
    random = np.random.default_rng(0)
    states, feature = random.normal(size=(50, 3)), random.normal(size=50)
    expected = [np.corrcoef(states[:, h], feature)[0, 1] for h in range(3)]
    np.testing.assert_allclose(correlate(states, {"f": feature})["f"], expected)


def test_a_unit_that_copies_a_feature_has_correlation_one_and_a_dead_unit_none():
    feature = np.array([0.0, 1, 0, 1])
    states = np.column_stack([feature, -3 * feature, np.ones(4)])
    np.testing.assert_allclose(correlate(states, {"f": feature})["f"], [1, -1, 0])


@pytest.mark.parametrize("states", [np.zeros((3, 2)), np.zeros(4), np.zeros((1, 2))])
def test_features_of_other_characters_are_refused(states):
    with pytest.raises(BadArray, match="do not match"):
        correlate(states, {"f": np.zeros(4 if len(states) != 1 else 1)})
