import numpy as np
import pytest

from etabli import nn
from etabli.models.estimators import diagnostics
from etabli.models.estimators.softmax_regression import SoftmaxRegression


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    x, target = generator.normal(size=(30, 5)), nn.one_hot(generator.integers(0, 3, 30), 3)
    net = [generator.normal(size=shape) for shape in ((5, 4), (4,), (4, 3), (3,))]
    other = [generator.normal(size=shape) for shape in ((5, 4), (4,), (4, 3), (3,))]
    return x, target, net, other


def test_permuting_the_hidden_units_does_not_change_the_loss(problem):
    x, target, net, _other = problem
    moved = diagnostics.permute_units(net, np.array([2, 0, 3, 1]))
    assert diagnostics.compute_loss(moved, x, target) == pytest.approx(
        diagnostics.compute_loss(net, x, target), rel=1e-12
    )


def test_adding_one_vector_to_all_classes_does_not_change_the_loss(problem):
    x, target, _net, _other = problem
    linear = [np.ones((5, 3)) * np.arange(3), np.zeros(3)]
    moved = diagnostics.shift_classes(linear, np.arange(5.0), 7.0)
    assert diagnostics.compute_loss(moved, x, target) == pytest.approx(
        diagnostics.compute_loss(linear, x, target), rel=1e-12
    )


def test_a_line_and_a_plane_pass_through_their_corners(problem):
    x, target, a, b = problem
    c = diagnostics.permute_units(a, np.array([1, 0, 2, 3]))
    ends = [diagnostics.compute_loss(point, x, target) for point in (a, b, c)]
    line = diagnostics.compute_loss_along_line(a, b, [0, 1], x, target)
    plane = diagnostics.compute_loss_on_plane((a, b, c), [0, 1], [0, 1], x, target)
    np.testing.assert_allclose(line, ends[:2], rtol=1e-12)
    np.testing.assert_allclose([plane[0, 0], plane[0, 1], plane[1, 0]], ends, rtol=1e-12)


def test_the_loss_of_softmax_regression_never_rises_above_a_chord():
    generator, steps = np.random.default_rng(0), np.linspace(0, 1, 11)
    x, target = generator.normal(size=(30, 5)), nn.one_hot(generator.integers(0, 3, 30), 3)
    for _line in range(20):
        ends = [[generator.normal(0, 3, (5, 3)), generator.normal(0, 3, 3)] for _end in range(2)]
        assert (
            diagnostics.compute_chord_excess(
                steps, diagnostics.compute_loss_along_line(*ends, steps, x, target)
            )
            < 1e-12
        )


def test_the_excess_over_a_chord_is_measured_between_its_ends_only():
    steps = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert diagnostics.compute_chord_excess(steps, np.array([99.0, 1.0, 2.5, 2.0, 99.0])) == 1.0
    assert diagnostics.compute_chord_excess(steps, steps**2) == 0


def test_the_spread_of_identical_units_is_zero():
    w = np.random.default_rng(0).normal(size=(50, 1))
    assert diagnostics.compute_unit_spread(np.tile(w, 7)) == 0
    assert diagnostics.compute_unit_spread(np.hstack([w, 3 * w])) == pytest.approx(0.5)
    assert diagnostics.compute_unit_spread(np.zeros((50, 7))) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_perturb_ulp_moves_every_weight_by_one_unit_in_the_last_place(dtype, frozen):
    w = frozen(np.random.default_rng(0).normal(size=(50, 4)).astype(dtype))
    moved = diagnostics.perturb_ulp(w, 0)
    assert moved.dtype == dtype
    assert np.all(moved != w)
    assert np.abs(moved / w - 1).max() <= np.finfo(dtype).eps


def test_gradient_noise_decreases_as_the_root_of_the_batch_size():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(400, 5)), generator.integers(0, 3, 400)
    model = SoftmaxRegression(epochs=1, dtype="float64", random_state=0).fit(x, y)
    errors = [
        diagnostics.compute_gradient_noise(model, x, y, size, generator, draws=400)
        for size in (1, 4, 100, 400)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)  # 1/√size
    assert errors[-1] < 1e-12
