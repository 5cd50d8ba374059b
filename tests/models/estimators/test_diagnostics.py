import numpy as np
import pytest

from etabli import nn
from etabli.models.estimators import diagnostics


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    x, target = generator.normal(size=(30, 5)), nn.one_hot(generator.integers(0, 3, 30), 3)
    net = [generator.normal(size=shape) for shape in ((5, 4), (4,), (4, 3), (3,))]
    other = [generator.normal(size=shape) for shape in ((5, 4), (4,), (4, 3), (3,))]
    return x, target, net, other


def test_hidden_units_in_another_order_make_the_same_net(problem):
    x, target, net, _other = problem
    moved = diagnostics.permuted_units(net, np.array([2, 0, 3, 1]))
    assert diagnostics.loss_at(moved, x, target) == pytest.approx(
        diagnostics.loss_at(net, x, target), rel=1e-12
    )


def test_one_vector_for_all_classes_changes_no_loss(problem):
    x, target, _net, _other = problem
    linear = [np.ones((5, 3)) * np.arange(3), np.zeros(3)]
    moved = diagnostics.shifted_classes(linear, np.arange(5.0), 7.0)
    assert diagnostics.loss_at(moved, x, target) == pytest.approx(
        diagnostics.loss_at(linear, x, target), rel=1e-12
    )


def test_a_line_and_a_plane_pass_through_their_corners(problem):
    x, target, a, b = problem
    c = diagnostics.permuted_units(a, np.array([1, 0, 2, 3]))
    ends = [diagnostics.loss_at(point, x, target) for point in (a, b, c)]
    line = diagnostics.loss_along_line(a, b, [0, 1], x, target)
    plane = diagnostics.loss_on_plane((a, b, c), [0, 1], [0, 1], x, target)
    np.testing.assert_allclose(line, ends[:2], rtol=1e-12)
    np.testing.assert_allclose([plane[0, 0], plane[0, 1], plane[1, 0]], ends, rtol=1e-12)


def test_the_loss_of_softmax_regression_never_rises_above_a_chord():
    generator, steps = np.random.default_rng(0), np.linspace(0, 1, 11)
    x, target = generator.normal(size=(30, 5)), nn.one_hot(generator.integers(0, 3, 30), 3)
    for _line in range(20):
        ends = [[generator.normal(0, 3, (5, 3)), generator.normal(0, 3, 3)] for _end in range(2)]
        assert (
            diagnostics.chord_excess(steps, diagnostics.loss_along_line(*ends, steps, x, target))
            < 1e-12
        )


def test_the_rise_above_a_chord_is_measured_between_its_ends_only():
    steps = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert diagnostics.chord_excess(steps, np.array([99.0, 1.0, 2.5, 2.0, 99.0])) == 1.0
    assert diagnostics.chord_excess(steps, steps**2) == 0
