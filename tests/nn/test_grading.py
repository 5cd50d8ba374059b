"""Each common mistake in a function is found and named."""

import numpy as np
import pytest

from etabli.nn.grading import grade_mlp, grade_softmax_regression

RIGHT = {
    "forward": (
        "z = batch @ W + b; e = np.exp(z - z.max(1, keepdims=True)); "
        "return e / e.sum(1, keepdims=True)"
    ),
    "backward": "d = (Y_hat - Y) / len(batch); return batch.T @ d, d.sum(0)",
    "forward_mlp": (
        "H = 1 / (1 + np.exp(np.clip(-(batch @ Wh + bh), -700, 700))); return forward(H, Wy, by), H"
    ),
    "backward_mlp": (
        "d = (Y_hat - Y) / len(batch); e = d @ Wy.T * H * (1 - H); "
        "return batch.T @ e, e.sum(0), H.T @ d, d.sum(0)"
    ),
}
ARGUMENTS = {
    "forward": "batch, W, b",
    "backward": "batch, Y_hat, Y, W, b",
    "forward_mlp": "batch, Wh, bh, Wy, by",
    "backward_mlp": "batch, Y_hat, Y, H, Wh, bh, Wy, by",
}


def written(changes):
    """The four functions with some of their bodies exchanged."""
    scope = {"np": np}
    for name, body in {**RIGHT, **changes}.items():
        exec(f"def {name}({ARGUMENTS[name]}):\n    {body}", scope)
    return {name: scope[name] for name in RIGHT}


def findings_of(changes):
    functions = written(changes)
    return [
        *grade_softmax_regression(functions["forward"], functions["backward"]),
        *grade_mlp(functions["forward_mlp"], functions["backward_mlp"]),
    ]


def wrong(changes):
    return {
        (each.function, each.value): each.says for each in findings_of(changes) if not each.right
    }


def test_correct_functions_are_graded_as_correct():
    findings = findings_of({})
    assert [finding.value for finding in findings] == [
        "Y_hat", "grad_W", "grad_b", "Y_hat", "H", "grad_Wh", "grad_bh", "grad_Wy", "grad_by",
    ]  # fmt: skip
    assert all(finding.right and finding.error < 1e-9 for finding in findings)


def test_either_function_may_be_missing():
    functions = written({})
    assert [finding.value for finding in grade_softmax_regression(None, functions["backward"])] == [
        "grad_W",
        "grad_b",
    ]
    assert [finding.value for finding in grade_mlp(functions["forward_mlp"], None)] == [
        "Y_hat",
        "H",
    ]


@pytest.mark.parametrize(
    ("body", "value", "says"),
    [
        (
            "d = (Y - Y_hat) / len(batch); return batch.T @ d, -d.sum(0)",
            "grad_W",
            "has the wrong sign",
        ),
        (
            "d = Y_hat - Y; return batch.T @ d, d.sum(0) / len(batch)",
            "grad_W",
            "is missing the factor 1/N",
        ),
        (
            "d = Y - Y_hat; return batch.T @ d, -d.mean(0)",
            "grad_W",
            "has the wrong sign and is missing the factor 1/N",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d / len(batch), d.sum(0)",
            "grad_W",
            "is divided by N once too often",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return 2 * batch.T @ d, d.sum(0)",
            "grad_W",
            "is twice as large as it should be",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return d.T @ batch, d.sum(0)",
            "grad_W",
            "it is transposed",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d, d",
            "grad_b",
            "it is not summed over the examples",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d, d.sum(1)",
            "grad_b",
            "summed over the classes (axis=1)",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d, d.sum()",
            "grad_b",
            "summed over everything",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d, d.mean(0)",
            "grad_b",
            "is divided by N once too often",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ d, d.sum(0)[:, None]",
            "grad_b",
            "it is transposed",
        ),
        ("d = (Y_hat - Y) / len(batch); return batch.T @ d, 0 * b", "grad_b", "it is zero"),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ Y_hat / len(batch), d.sum(0)",
            "grad_W",
            "Y is missing",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ Y / len(batch), d.sum(0)",
            "grad_W",
            "Y_hat is missing",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return batch.T @ (d * Y_hat * (1 - Y_hat)), d.sum(0)",
            "grad_W",
            "the derivative of the softmax is applied once more",
        ),
        (
            "d = Y_hat - Y; return np.outer(batch[-1], d[-1]), d.mean(0)",
            "grad_W",
            "only the last example counts; is missing the factor 1/N",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return d.sum(0), batch.T @ d",
            "grad_W",
            "is grad_b: the values are returned in another",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return W[:2], d.sum(0)",
            "grad_W",
            "has the shape (2, 4), expected (5, 4)",
        ),
        (
            "d = (Y_hat - Y) / len(batch); return W, d.sum(0)",
            "grad_W",
            "does not match any common mistake: at [",
        ),
        ("d = (Y_hat - Y) / len(batch); return W / 0, d.sum(0)", "grad_W", "holds NaN or infinity"),
        (
            "d = (Y_hat - Y) / len(batch); return 'W', d.sum(0)",
            "grad_W",
            "is not an array of numbers",
        ),
    ],
)
def test_each_mistake_in_backward_is_named(body, value, says):
    found = wrong({"backward": body})
    assert says in found["backward", value]
    assert all(function == "backward" for function, _value in found)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return batch @ W + b", "the softmax is missing"),
        ("e = np.exp(batch @ W); return e / e.sum(1, keepdims=True)", "the bias is missing"),
        ("e = np.exp(batch @ W + b); return e / e.sum(0)", "over the examples (axis=0)"),
        ("return 1 / (1 + np.exp(-(batch @ W + b)))", "each score goes through a sigmoid"),
        ("return np.exp(batch @ W + b)", "the exponentials are not divided by their sum"),
        ("e = np.exp(batch @ W + b); return e / e.sum()", "by their sum over the whole batch"),
        ("e = np.exp(batch @ W + b); return (e / e.sum(1, keepdims=True)).T", "it is transposed"),
        (
            "e = np.exp(batch @ W + b); return np.log(e / e.sum(1, keepdims=True))",
            "the logarithm of the softmax",
        ),
        (
            "W += 1; e = np.exp(batch @ (W - 1) + b); return e / e.sum(1, keepdims=True)",
            "is changed in place",
        ),
    ],
)
def test_each_mistake_in_forward_is_named(body, says):
    functions = written({"forward": body})
    findings = grade_softmax_regression(functions["forward"], functions["backward"])
    assert [says in finding.says for finding in findings if not finding.right] == [True]


def test_a_naive_softmax_is_correct_and_gets_advice():
    functions = written(
        {"forward": "e = np.exp(batch @ W + b); return e / e.sum(1, keepdims=True)"}
    )
    findings = grade_softmax_regression(functions["forward"], None)
    assert [finding.right for finding in findings] == [True, True]
    assert "overflows for large scores" in findings[1].says


@pytest.mark.parametrize(
    ("body", "value", "says"),
    [
        ("H = batch @ Wh + bh; return forward(H, Wy, by), H", "H", "the sigmoid is missing"),
        ("H = np.tanh(batch @ Wh + bh); return forward(H, Wy, by), H", "H", "this is tanh"),
        ("H = np.maximum(batch @ Wh + bh, 0); return forward(H, Wy, by), H", "H", "this is relu"),
        (
            "H = 1 / (1 + np.exp(-batch @ Wh)); return forward(H, Wy, by), H",
            "H",
            "the bias bh is missing",
        ),
        (
            "H = 1 / (1 + np.exp(batch @ Wh + bh)); return forward(H, Wy, by), H",
            "H",
            "the wrong sign in its",
        ),
        (
            "H = 1 / (1 + np.exp(-batch @ Wh - bh)); return H @ Wy + by, H",
            "Y_hat",
            "the softmax is missing",
        ),
        (
            "H = 1 / (1 + np.exp(-batch @ Wh - bh)); return H, forward(H, Wy, by)",
            "Y_hat",
            "is H: the values are returned",
        ),
        (
            "H = 1 / (1 + np.exp(-batch @ Wh - bh)); return forward(H, Wy, by)",
            "return",
            "returns 1 value(s), expected 2",
        ),
    ],
)
def test_each_mistake_in_forward_mlp_is_named(body, value, says):
    assert says in wrong({"forward_mlp": body})["forward_mlp", value]


@pytest.mark.parametrize(
    ("slope", "says"),
    [
        ("1", "the derivative of the sigmoid, H(1 - H), is missing"),
        ("H", "is H(1 - H), not H"),
        ("(1 - H)", "is H(1 - H), not 1 - H"),
        ("H * (1 - H) * H * (1 - H)", "is applied twice"),
        (
            "(1 / (1 + np.exp(-H))) * (1 - 1 / (1 + np.exp(-H)))",
            "the sigmoid is applied to H before",
        ),
        ("(1 - H ** 2)", "the derivative of tanh"),
        ("(batch @ Wh + bh > 0)", "the derivative of relu"),
        ("H * (1 - H) * -1", "has the wrong sign"),
        ("H * (1 - H) * 7", "is missing the factor 1/N"),
    ],
)
def test_each_mistake_in_the_derivative_of_the_sigmoid_is_named(slope, says):
    body = (
        f"d = (Y_hat - Y) / len(batch); e = d @ Wy.T * {slope}; "
        "return batch.T @ e, e.sum(0), H.T @ d, d.sum(0)"
    )
    found = wrong({"backward_mlp": body})
    assert set(found) == {("backward_mlp", "grad_Wh"), ("backward_mlp", "grad_bh")}
    assert all(says in sentence for sentence in found.values())


def test_no_two_mistakes_give_the_same_values():
    from etabli.nn import grading, mistakes

    problem = grading._make_mlp_problem(0)
    for known in (
        mistakes.compute_hidden_mistakes(problem),
        mistakes.compute_hidden_weight_mistakes(problem),
        mistakes.compute_hidden_bias_mistakes(problem),
        mistakes.compute_weight_mistakes(problem.h, problem.delta, problem),
        mistakes.compute_bias_mistakes(problem.delta, problem),
        mistakes.compute_prediction_mistakes(problem.h, problem.w, problem.b),
    ):
        for words, array in known.items():
            others = {other: value for other, value in known.items() if other != words}
            nothing = np.full_like(array, np.pi)
            assert mistakes.recognize_mistake(array, nothing, others, (7, 4)) is None, words
