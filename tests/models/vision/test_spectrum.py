import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etabli.models.vision import linear_head
from etabli.models.vision.spectrum import Scaling, estimate_spectrum


def draw(count=300, width=40):
    """Return features of which three directions have most of the variance, and labels."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(count, 3)) @ generator.normal(size=(3, width)) * 3
    features = (hidden + generator.normal(size=(count, width))).astype(np.float32)
    classes = np.argmax(features[:, :4] + generator.normal(size=(count, 4)), axis=1)
    return features, np.where(np.eye(4)[classes] > 0, 1, -1)


def test_the_leading_variances_are_those_of_a_decomposition():
    features, _labels = draw()
    z = (features - features.mean(0)) / features.std(0)
    exact = np.sort(np.linalg.svd(z, compute_uv=False) ** 2 / len(z))[::-1]
    found = estimate_spectrum(features, rank=20)
    np.testing.assert_allclose(np.sort(found.variances)[::-1][:3], exact[:3], rtol=1e-3)
    assert found.directions.shape == (40, 20)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 30), st.integers(1, 12))
def test_directions_are_orthonormal_and_the_variances_add_up(seed, count, width):
    features = np.random.default_rng(seed).normal(size=(count, width))
    found = estimate_spectrum(features)
    gram = found.directions.T @ found.directions
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-4)
    z = (features - features.mean(0)) / (features.std(0) + 1e-6)
    total = found.variances.sum() + width * found.rest
    assert total == pytest.approx((z**2).mean(0).sum(), rel=1e-3)


def test_a_kernel_comes_back_from_its_variables():
    scaling = Scaling(estimate_spectrum(draw()[0], rank=8), np.array([0.2, 0.01]), 0.1)
    kernel = np.random.default_rng(1).normal(size=(40, 2))
    np.testing.assert_allclose(scaling.to_kernel(scaling.to_variables(kernel)), kernel, atol=1e-4)


@pytest.mark.parametrize("is_exclusive", [True, False])
def test_the_scaled_training_finds_the_same_classifier(is_exclusive):
    features, labels = draw()
    spectrum = estimate_spectrum(features, rank=8)
    plain, scaled = (
        linear_head.fit(
            features, labels, 0.03, None, 2000, is_exclusive=is_exclusive, spectrum=given
        )
        for given in (None, spectrum)
    )
    both = [
        linear_head.compute_probabilities(each.logits(features), is_exclusive)
        for each in (plain, scaled)
    ]
    np.testing.assert_allclose(both[1], both[0], atol=5e-3)
