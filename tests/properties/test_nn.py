import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import numbers, quick, seeds

from etabli import nn
from etabli.models.estimators import diagnostics
from etabli.nn import mistakes


@st.composite
def layer(draw):
    n, d, h = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return draw(numbers(n, d)), draw(numbers(d, h)), draw(numbers(h))


@quick
@given(layer(), st.floats(-3, 3))
def test_a_linear_layer_is_linear_and_its_backprop_the_transpose(arrays, factor):
    x, w, b = arrays
    y, backprop = nn.linear(x, w, b)
    np.testing.assert_allclose(nn.linear(factor * x, w, 0 * b)[0], factor * (y - b), atol=1e-9)
    dx, dw, db = backprop(np.ones_like(y))
    np.testing.assert_allclose((dx * x).sum(), (dw * w).sum(), atol=1e-8)  # <1, x w> both ways
    np.testing.assert_array_equal(db, np.full(len(b), len(x)))


@quick
@given(numbers((1, 6), (1, 4), least=-700, most=700))
def test_sigmoid_and_relu_keep_their_range_and_their_symmetry(x):
    y, backprop = nn.sigmoid(x)
    assert ((y >= 0) & (y <= 1)).all()
    np.testing.assert_allclose(nn.sigmoid(-x)[0], 1 - y, atol=1e-12)
    np.testing.assert_allclose(backprop(np.ones_like(x)), y * (1 - y), atol=1e-12)
    up, back = nn.relu(x)
    np.testing.assert_allclose(up - nn.relu(-x)[0], x)
    np.testing.assert_array_equal(back(np.ones_like(x)), (x > 0).astype(float))


@quick
@given(numbers((1, 6), (2, 5), least=-600, most=600), st.floats(-100, 100))
def test_softmax_is_a_distribution_that_a_constant_does_not_change(x, constant):
    y, backprop = nn.softmax(x)
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(nn.softmax(x + constant)[0], y, atol=1e-9)
    np.testing.assert_allclose(backprop(np.ones_like(y)).sum(), 0, atol=1e-9)


@quick
@given(numbers((1, 6), 4), seeds)
def test_the_two_ways_to_a_cross_entropy_agree(logits, seed):
    labels = np.random.default_rng(seed).integers(0, 4, len(logits))
    target = nn.one_hot(labels, 4)
    assert (target.sum(axis=1) == 1).all() and (target.argmax(axis=1) == labels).all()
    probabilities = nn.softmax(logits)[0]
    at_once, backprop = nn.softmax_cross_entropy(logits, target)
    np.testing.assert_allclose(at_once, nn.cross_entropy(probabilities, target)[0], atol=1e-6)
    assert at_once >= 0
    np.testing.assert_allclose(backprop(1.0).sum(axis=1), 0, atol=1e-12)


@quick
@given(numbers((1, 5), (1, 4), least=-2, most=2), st.floats(-3, 3))
def test_differences_give_the_derivative_of_a_parabola(x, factor):
    x = x.copy()
    slope = nn.numerical_gradient(lambda: float(factor * (x**2).sum()), x, 1e-3)
    np.testing.assert_allclose(slope, 2 * factor * x, atol=1e-7)
    assert nn.relative_error(slope, slope) == 0 and nn.relative_error(x + 1, -(x + 1)) in (0.0, 1.0)


@quick
@given(layer(), seeds)
def test_every_layer_passes_the_gradient_check(arrays, seed):
    arrays = [
        np.round(array, 2) for array in arrays
    ]  # of a gradient of 1e-7, differences know one digit
    errors = nn.gradient_check(nn.linear, arrays, generator=np.random.default_rng(seed))
    assert max(errors) < 1e-6


@quick
@given(numbers((2, 5), (1, 3), least=-2, most=2), numbers(5, 3, least=-2, most=2))
def test_the_hessian_is_symmetric_without_negative_eigenvalues_and_flat_along_a_shift(x, logits):
    h = nn.softmax_hessian(x, nn.softmax(logits[: len(x)])[0])
    np.testing.assert_allclose(h, h.T, atol=1e-12)
    values = np.linalg.eigvalsh(h)
    assert values.min() > -1e-9 * max(1, values.max())
    shift = np.tile(np.arange(1.0, x.shape[1] + 2), 3)
    np.testing.assert_allclose(h @ shift, 0, atol=1e-9)


@quick
@given(
    numbers(4, 3, least=-2, most=2), numbers(3, 3, least=-2, most=2), numbers(3, least=-2, most=2)
)
def test_known_mistakes_are_finite_and_correct_values_are_not_mistakes(x, w, b):
    y_hat, y = nn.softmax(nn.linear(x, w, b)[0])[0], nn.one_hot(np.arange(4) % 3, 3)
    batch = mistakes.Problem(x=x, y=y, w=w, b=b, y_hat=y_hat)
    right = {
        "prediction": y_hat,
        "weights": x.T @ batch.delta / 4,
        "bias": batch.delta.sum(axis=0) / 4,
    }
    known = {
        "prediction": mistakes.compute_prediction_mistakes(x, w, b),
        "weights": mistakes.compute_weight_mistakes(x, batch.delta, batch),
        "bias": mistakes.compute_bias_mistakes(batch.delta, batch),
    }
    for what, ways in known.items():
        assert ways and all(np.isfinite(value).all() for value in ways.values())
        assert not mistakes.recognize_mistake(right[what], right[what], {}, (4, 3))
        for value in ways.values():
            assert isinstance(mistakes.recognize_mistake(value, right[what], ways, (4, 3)), str)


@st.composite
def points(draw):
    d, h, k, n = 3, draw(st.integers(1, 4)), 3, draw(st.integers(1, 5))
    shapes = [(d, h), (h,), (h, k), (k,)]
    return [[draw(numbers(*shape, least=-2, most=2)) for shape in shapes] for _two in "ab"], draw(
        numbers(n, d)
    )


@quick
@given(points(), seeds)
def test_the_loss_does_not_depend_on_the_order_of_the_hidden_units(both, seed):
    (one, other), x = both
    draw = np.random.default_rng(seed)
    target = nn.one_hot(draw.integers(0, 3, len(x)), 3)
    loss = diagnostics.compute_loss(one, x, target)
    permuted = diagnostics.permute_units(one, draw.permutation(one[0].shape[1]))
    np.testing.assert_allclose(diagnostics.compute_loss(permuted, x, target), loss, rtol=1e-9)
    ends = diagnostics.compute_loss_along_line(one, other, [0.0, 1.0], x, target)
    np.testing.assert_allclose(ends, [loss, diagnostics.compute_loss(other, x, target)])
    corner = diagnostics.compute_loss_on_plane(
        (one, other, permuted), [0.0, 1.0], [0.0, 1.0], x, target
    )
    np.testing.assert_allclose(corner[0], ends)
    np.testing.assert_allclose(corner[1, 0], loss, rtol=1e-9)


@quick
@given(
    numbers(4, 3, least=-2, most=2),
    numbers(3, 3),
    numbers(3),
    numbers(3, least=-2, most=2),
    st.floats(-3, 3),
)
def test_a_vector_added_to_all_classes_changes_no_loss_and_the_loss_is_convex(
    x, w, b, vector, bias
):
    target = nn.one_hot(np.arange(4) % 3, 3)
    moved = diagnostics.shift_classes([w, b], vector, bias)
    np.testing.assert_allclose(
        diagnostics.compute_loss(moved, x, target),
        diagnostics.compute_loss([w, b], x, target),
        atol=1e-8,
    )
    steps = np.linspace(0, 1, 7)
    losses = diagnostics.compute_loss_along_line([w, b], [w[::-1], -b], steps, x, target)
    assert diagnostics.compute_chord_excess(steps, losses) < 1e-8
