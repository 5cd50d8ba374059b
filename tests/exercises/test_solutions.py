"""The model solutions against oracles: the package, libraries, and finite differences."""

from itertools import pairwise

import numpy as np
import pytest

from etabli import exercises, nn
from etabli.metrics import average_precision as package_ap
from etabli.metrics import bleu as package_bleu
from etabli.nn.gradient_check import numerical_gradient


def load(name: str, variant: dict | None = None) -> tuple[dict, dict]:
    """Return the functions of a solution, and the arguments of a case."""
    exercise = exercises.get_exercise(name)
    complete = exercise.complete_variant(variant)
    namespace: dict = {}
    exec(exercise.solution(complete), namespace)
    return namespace, dict(exercise.make_case(np.random.default_rng(5), complete, 0))


def assert_gradients(loss, arrays, gradients):
    for array, gradient in zip(arrays, gradients, strict=True):
        np.testing.assert_allclose(numerical_gradient(loss, array), gradient, atol=1e-7)


def test_softmax_and_cross_entropy_are_those_of_the_package():
    functions, case = load("tp1.softmax")
    z, y = case["cross_entropy"]["z"], case["cross_entropy"]["Y"]
    np.testing.assert_allclose(functions["softmax"](z), nn.softmax(z)[0])
    assert functions["cross_entropy"](z, y) == pytest.approx(nn.softmax_cross_entropy(z, y)[0])
    assert functions["cross_entropy"](np.zeros((3, 5)), np.eye(5)[:3]) == pytest.approx(np.log(5))


@pytest.mark.parametrize(("loss", "factor"), [("mean", 1), ("sum", 7)])
def test_the_gradients_of_softmax_regression_are_finite_differences(loss, factor):
    functions, case = load("tp1.gradient", {"LOSS": loss})
    given = case["backward"]
    arrays = given["W"], given["b"]

    def value() -> float:
        z = given["batch"] @ given["W"] + given["b"]
        return factor * float(nn.softmax_cross_entropy(z, given["Y"])[0])

    assert_gradients(value, arrays, functions["backward"](**given))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_gradients_of_a_layer_are_finite_differences(activation):
    functions, case = load("tp1.layer", {"ACTIVATION": activation})
    x, w, b = (case["layer"][name] for name in ("x", "W", "b"))
    dh, h = case["layer_backward"]["dh"], functions["layer"](x, w, b)
    gradients = functions["layer_backward"](dh, h, x, w)

    def value() -> float:
        return float((dh * functions["layer"](x, w, b)).sum())

    assert_gradients(value, (x, w, b), gradients)


def test_the_gradients_of_the_perceptron_are_finite_differences():
    functions, case = load("tp1.mlp")
    given = case["backward_mlp"]
    names = ("Wh", "bh", "Wy", "by")

    def value() -> float:
        y_hat, _h = functions["forward_mlp"](given["batch"], *(given[name] for name in names))
        return -float((given["Y"] * np.log(y_hat)).sum()) / len(y_hat)

    assert_gradients(value, [given[name] for name in names], functions["backward_mlp"](**given))


def test_central_differences_are_those_of_the_package():
    functions, case = load("tp1.gradient-check")
    x = case["relative_error"]["a"]
    ours = functions["numerical_gradient"](lambda x: float(np.sin(x).sum()), x, 1e-4)
    np.testing.assert_allclose(ours, np.cos(x), atol=1e-8)
    a, b = case["relative_error"]["a"], case["relative_error"]["b"]
    assert functions["relative_error"](a, b) == pytest.approx(nn.relative_error(a, b))


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_a_convolution_is_that_of_scipy_and_its_gradients_are_finite_differences(padding):
    signal = pytest.importorskip("scipy.signal")
    functions, case = load("tp2.convolution", {"PADDING": padding})
    dy, x, kernel = (case["convolve_backward"][name] for name in ("dy", "x", "kernel"))
    ours = functions["convolve"](x, kernel)
    np.testing.assert_allclose(ours, signal.correlate2d(np.pad(x, padding), kernel, "valid"))

    def value() -> float:
        return float((dy * functions["convolve"](x, kernel)).sum())

    assert_gradients(value, (x, kernel), functions["convolve_backward"](dy, x, kernel))


def test_the_gradient_of_max_pooling_is_that_of_finite_differences():
    functions, case = load("tp2.max-pooling")
    dy, x, size = (case["max_pool_backward"][name] for name in ("dy", "x", "size"))

    def value() -> float:
        return float((dy * functions["max_pool"](x, size)).sum())

    np.testing.assert_allclose(
        numerical_gradient(value, x, 1e-5), functions["max_pool_backward"](dy, x, size), atol=1e-6
    )


def test_pca_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA

    functions, case = load("tp2.pca")
    x, d = case["pca"]["x"], case["pca"]["d"]
    points, share = functions["pca"](x, d)
    oracle = PCA(d).fit(x)
    np.testing.assert_allclose(np.abs(points), np.abs(oracle.transform(x)))
    assert share == pytest.approx(oracle.explained_variance_ratio_.sum())


def test_the_gradient_of_t_sne_is_that_of_finite_differences_and_sums_to_0():
    functions, case = load("tp2.tsne-gradient")
    p, points = case["tsne_gradient"]["p"], case["tsne_gradient"]["points"]
    gradient = functions["tsne_gradient"](p, points)

    def value() -> float:
        q = functions["student_similarities"](points)
        off = ~np.eye(len(p), dtype=bool)
        return float((p[off] * np.log(p[off] / q[off])).sum())

    assert_gradients(value, [points], [gradient])
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-12)


def test_the_neighborhood_hit_is_that_of_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    functions, case = load("tp2.neighborhood-hit")
    points, labels, k = case["neighborhood_hit"].values()
    nearest = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    shares, hit = functions["neighborhood_hit"](points, labels, k)
    np.testing.assert_allclose(shares, (labels[nearest] == labels[:, None]).mean(axis=1))
    assert hit == pytest.approx(shares.mean())


def test_average_precision_is_that_of_scikit_learn_and_of_the_package():
    from sklearn.metrics import average_precision_score

    functions, case = load("tp3.average-precision")
    scores, relevant = case["average_precision"].values()
    ours = functions["average_precision"](scores, relevant)
    assert ours == pytest.approx(average_precision_score(relevant, scores))
    labels = np.where(relevant > 0, 1, -1)[:, None]
    oracle = package_ap.mean_average_precision(labels, scores[:, None], rule="11pt")
    assert functions["average_precision_11"](scores, relevant) == pytest.approx(oracle.value)


def test_binary_cross_entropy_is_that_of_scikit_learn_and_its_gradient_of_differences():
    from sklearn.metrics import log_loss

    functions, case = load("tp3.binary-cross-entropy")
    z, y = case["binary_gradient"].values()
    oracle = log_loss(y.ravel(), 1 / (1 + np.exp(-z.ravel())))
    assert functions["binary_cross_entropy"](z, y) == pytest.approx(oracle)
    value = lambda: float(functions["binary_cross_entropy"](z, y))  # noqa: E731
    assert_gradients(value, [z], [functions["binary_gradient"](z, y)])


def test_the_gradients_of_a_residual_block_are_finite_differences():
    functions, case = load("tp3.residual-block")
    dy, x, w1, w2 = (case["residual_backward"][name] for name in ("dy", "x", "W1", "W2"))

    def value() -> float:
        return float((dy * functions["residual_block"](x, w1, w2)).sum())

    assert_gradients(value, (x, w1, w2), functions["residual_backward"](dy, x, w1, w2))
    np.testing.assert_array_equal(functions["residual_block"](x, w1, 0 * w2), x)


def test_back_propagation_through_time_is_that_of_finite_differences():
    functions, case = load("tp4.bptt")
    forward, _case = load("tp4.rnn")
    given = case["rnn_backward"]
    x, wx, wh, dh = (given[name] for name in ("x", "Wx", "Wh", "dh"))
    b = np.full(len(wh), 0.1)
    h = forward["rnn_forward"](x, wx, wh, b)

    def value() -> float:
        return float((dh * forward["rnn_forward"](x, wx, wh, b)).sum())

    assert_gradients(value, (wx, wh, b), functions["rnn_backward"](dh, x, h, wx, wh))


def test_the_cell_of_an_lstm_keeps_its_state_with_an_open_forget_gate():
    functions, case = load("tp4.lstm")
    given = case["lstm_cell"]
    units = len(given["h"])
    closed = np.repeat([-60.0, 60.0, 0.0, 0.0], units)
    zero = {**given, "W": 0 * given["W"], "U": 0 * given["U"], "b": closed}
    h, c = functions["lstm_cell"](**zero)
    np.testing.assert_allclose(c, given["c"])
    np.testing.assert_allclose(h, np.tanh(given["c"]) / 2)


def test_sampling_keeps_sums_and_limits():
    functions, case = load("tp4.sampling")
    z, p = case["temperature"]["z"], case["top_k"]["p"]
    np.testing.assert_allclose(functions["temperature"](z, 1.0), nn.softmax(z[None])[0][0])
    np.testing.assert_allclose(functions["top_k"](p, len(p)), p)
    np.testing.assert_allclose(functions["nucleus"](p, 1.0), p)
    assert (functions["nucleus"](p, 0.01) > 0).sum() == 1
    kept = functions["nucleus"](p, 0.8) > 0
    assert p[kept].sum() >= 0.8 > p[kept].sum() - p[kept].min()


def test_a_uniform_bigram_model_has_the_perplexity_of_its_vocabulary():
    functions, case = load("tp4.ngram")
    tokens = case["bigram"]["tokens"]
    uniform = np.full((5, 5), 0.2)
    assert functions["perplexity"](uniform, tokens) == pytest.approx(5)
    p = functions["bigram"](tokens, 5, 0.5)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    follows = ((tokens[:-1] == 0) & (tokens[1:] == 1)).sum()
    assert p[0, 1] == pytest.approx((follows + 0.5) / ((tokens[:-1] == 0).sum() + 2.5))


def test_the_gradients_of_glove_are_finite_differences():
    functions, case = load("tp4.glove")
    given = case["glove_gradient"]
    arrays = [given[name] for name in ("W", "C", "b", "c")]

    def value() -> float:
        return float(functions["glove_loss"](*arrays, given["X"]))

    for array, gradient in zip(arrays, functions["glove_gradient"](**given), strict=True):
        np.testing.assert_allclose(numerical_gradient(value, array), gradient, rtol=1e-6)


def test_bleu_is_that_of_the_package():
    functions, case = load("tp5.bleu")
    candidate, references = case["bleu"].values()
    words = [[f"w{word}" for word in each] for each in (candidate, *references)]
    oracle = package_bleu.corpus_bleu([words[0]], [words[1:]])[3]
    assert functions["bleu"](candidate, references) == pytest.approx(oracle)
    assert functions["bleu"](candidate, [candidate]) == pytest.approx(1)


def test_a_wide_beam_finds_the_most_probable_caption():
    functions, case = load("tp5.beam-search")
    log_p = case["beam_search"]["log_p"]
    words, scores = functions["beam_search"](log_p, 0, 1, 10_000, 3)
    best = -np.inf
    for first in range(len(log_p)):
        for second in range(len(log_p)) if first != 1 else [None]:
            for third in range(len(log_p)) if second not in (1, None) else [None]:
                path = [each for each in (0, first, second, third) if each is not None]
                best = max(best, sum(log_p[a, b] for a, b in pairwise(path)))
    assert scores[0] == pytest.approx(best)
    assert words[0] == 0


def test_the_gradients_of_attention_are_finite_differences():
    functions, case = load("tp5.attention")
    query, keys, values = case["attention"].values()
    dcontext = case["attention_backward"]["dcontext"]
    weights = functions["attention"](query, keys, values)[1]
    gradients = functions["attention_backward"](dcontext, weights, query, keys, values)

    def value() -> float:
        return float((dcontext * functions["attention"](query, keys, values)[0]).sum())

    assert_gradients(value, (query, values), gradients)
