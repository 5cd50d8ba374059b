import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli import nn


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize("layer", [nn.sigmoid, nn.relu, nn.softmax])
def test_the_gradient_of_every_activation_agrees_with_differences(layer, generator):
    errors = nn.gradient_check(layer, [generator.normal(size=(5, 4))], generator=generator)
    assert max(errors) < 1e-7


def test_the_gradients_of_the_linear_layer_agree_with_differences(generator):
    x, w, b = generator.normal(size=(5, 4)), generator.normal(size=(4, 3)), generator.normal(size=3)
    errors = nn.gradient_check(nn.linear, [x, w, b], generator=generator)
    assert len(errors) == 3
    assert max(errors) < 1e-7


def test_layers_change_neither_their_inputs_nor_the_gradient(generator, frozen):
    x, w, b = frozen(
        generator.normal(size=(5, 4)), generator.normal(size=(4, 3)), generator.normal(size=3)
    )
    dy = frozen(generator.normal(size=(5, 3)))
    y, backprop = nn.linear(x, w, b)
    first = backprop(dy)
    assert all(np.array_equal(a, b) for a, b in zip(first, backprop(dy), strict=True))
    for layer in (nn.sigmoid, nn.relu, nn.softmax):
        y, backprop = layer(frozen(y))
        backprop(dy)


def test_sigmoid_is_point_symmetric_around_a_half():
    x = np.linspace(-50, 50, 101)
    y, _ = nn.sigmoid(x)
    assert y[50] == 0.5
    np.testing.assert_allclose(y + nn.sigmoid(-x)[0], 1, rtol=1e-15)


def test_sigmoid_saturates_without_overflow(recwarn):
    y, _ = nn.sigmoid(np.array([-1e4, 1e4], np.float32))
    assert y.tolist() == [0, 1]
    assert y.dtype == np.float32
    assert not recwarn.list


@given(st.floats(-1e6, 1e6), st.integers(0, 2**32 - 1))
def test_softmax_rows_sum_to_one_and_ignore_a_shift(shift, seed):
    x = np.random.default_rng(seed).normal(0, 10, (3, 5))
    y, _ = nn.softmax(x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(nn.softmax(x + shift)[0], y, atol=1e-8)


def test_softmax_does_not_overflow():
    y, _ = nn.softmax(np.array([[1e4, 0.0, -1e4]]))
    assert y.tolist() == [[1, 0, 0]]


def test_adding_one_vector_to_every_class_does_not_change_softmax_regression(generator):
    x, w, b = generator.normal(size=(5, 4)), generator.normal(size=(4, 3)), generator.normal(size=3)
    moved = w + generator.normal(size=(4, 1))
    np.testing.assert_allclose(
        nn.softmax(nn.linear(x, moved, b)[0])[0], nn.softmax(nn.linear(x, w, b)[0])[0], rtol=1e-12
    )


def test_relu_has_no_gradient_where_it_is_zero():
    _, backprop = nn.relu(np.array([[-1.0, 0.0, 2.0]]))
    assert backprop(np.ones((1, 3))).tolist() == [[0, 0, 1]]
