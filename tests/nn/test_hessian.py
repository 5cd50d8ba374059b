import numpy as np
import pytest

from etabli import nn


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    x, w, b = (
        generator.normal(size=(12, 3)),
        generator.normal(size=(3, 4)),
        generator.normal(size=4),
    )
    return x, w, b, nn.one_hot(generator.integers(0, 4, 12), 4)


def test_the_hessian_is_the_derivative_of_the_gradient(problem):
    x, w, b, target = problem
    hessian = nn.softmax_hessian(x, nn.softmax(x @ w + b)[0])

    def gradient(theta):
        weights = theta.reshape(4, 4)  # class by class: weights, then the bias
        z, linear_backprop = nn.linear(x, weights[:, :3].T, weights[:, 3])
        _dx, dw, db = linear_backprop(nn.softmax_cross_entropy(z, target)[1](1.0))
        return np.hstack([dw.T, db[:, None]]).ravel()

    theta, step = np.hstack([w.T, b[:, None]]).ravel(), 1e-5
    columns = [
        (gradient(theta + step * e) - gradient(theta - step * e)) / (2 * step) for e in np.eye(16)
    ]
    np.testing.assert_allclose(hessian, np.array(columns).T, atol=1e-9)


def test_the_hessian_is_symmetric_and_positive_semidefinite(problem):
    x, w, b, _target = problem
    hessian = nn.softmax_hessian(x, nn.softmax(x @ w + b)[0])
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-16)
    assert np.linalg.eigvalsh(hessian)[0] > -1e-15


def test_one_vector_added_to_all_classes_is_in_its_kernel(problem):
    x, w, b, _target = problem
    hessian = nn.softmax_hessian(x, nn.softmax(x @ w + b)[0])
    same = np.tile(np.random.default_rng(1).normal(size=4), 4)
    np.testing.assert_allclose(hessian @ same, 0, atol=1e-15)
    assert (np.linalg.eigvalsh(hessian) < 1e-14).sum() == 4  # D + 1, and no more on so few inputs
