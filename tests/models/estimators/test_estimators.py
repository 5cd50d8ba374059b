import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from etabli.core.errors import (
    BadArray,
    BadSetting,
    CorruptFile,
    DataMissing,
    EtabliError,
    NotFitted,
)
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression

# What scikit-learn 1.9 leaves out on a machine without pandas or the array API switched on.
SKIPPED = {"check_array_api_input", "check_classifier_data_not_an_array"}

both = pytest.mark.parametrize("kind", [SoftmaxRegression, MLP])


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


@both
@pytest.mark.filterwarnings("ignore")
def test_the_estimator_checks_of_scikit_learn_pass(kind):
    rows = check_estimator(kind(), on_fail=None, on_skip=None)
    assert {row["check_name"] for row in rows if row["status"] == "skipped"} <= SKIPPED
    assert [row["check_name"] for row in rows if row["status"] not in ("passed", "skipped")] == []
    assert not any(row["expected_to_fail"] for row in rows)


@both
def test_the_same_seed_gives_the_same_weights_bit_for_bit(kind, iris):
    first, second = (kind(epochs=3, random_state=4).fit(*iris) for _ in range(2))
    other = kind(epochs=3, random_state=5).fit(*iris)
    assert all(
        np.array_equal(a, b) for a, b in zip(first.parameters_, second.parameters_, strict=True)
    )
    assert not np.array_equal(first.parameters_[0], other.parameters_[0])


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_weights_have_the_dtype_of_the_settings(kind, dtype, iris):
    model = kind(dtype=dtype, epochs=1, random_state=0).fit(*iris)
    assert {array.dtype.name for array in model.parameters_} == {dtype}
    assert model.predict_proba(iris[0]).dtype == dtype


@pytest.mark.slow
def test_softmax_regression_converges_to_the_minimum_of_scikit_learn(iris):
    ours = SoftmaxRegression(
        epochs=3000, batch_size=150, learning_rate=1.0, l2=0.01, dtype="float64", random_state=0
    ).fit(*iris)
    theirs = LogisticRegression(C=1 / (0.01 * 150), tol=1e-10, max_iter=1000).fit(*iris)
    np.testing.assert_allclose(
        ours.predict_proba(iris[0]), theirs.predict_proba(iris[0]), atol=1e-5
    )


@both
def test_one_epoch_of_fit_equals_one_partial_fit(kind, iris):
    once = kind(epochs=1, random_state=0).fit(*iris)
    part = kind(random_state=0).partial_fit(*iris, classes=[0, 1, 2])
    np.testing.assert_array_equal(once.parameters_[0], part.parameters_[0])


@both
def test_partial_fit_continues_from_the_averaged_weights(kind, iris):
    model = kind(epochs=10, averaging=0.5, learning_rate=1.0, random_state=0).fit(*iris)
    before = model.predict_proba(iris[0])
    model.set_params(learning_rate=0.0).partial_fit(*iris)
    np.testing.assert_array_equal(model.predict_proba(iris[0]), before)


@both
def test_the_callback_is_called_after_every_epoch_and_can_predict(kind, iris):
    model, heard = kind(epochs=10, averaging=0.5, random_state=0), []
    model.fit(*iris, callback=lambda row: heard.append((row["epoch"], model.score(*iris))))
    assert [epoch for epoch, _ in heard] == list(range(1, 11))
    assert heard[-1][1] == model.score(*iris)
    assert [set(row) for row in model.history_] == [{"epoch", "loss", "accuracy"}] * 10
    assert model.history_[-1]["loss"] < model.history_[0]["loss"]


@both
@pytest.mark.parametrize(
    "labels", [np.array(["setosa", "versicolor", "virginica"]), np.array([-1, 0, 7])]
)
def test_a_saved_model_is_loaded_unchanged(kind, labels, iris, tmp_path):
    x, y = iris
    model = kind(epochs=2, center=True, random_state=3).fit(x, labels[y])
    model.save(tmp_path / "model.safetensors")
    back = kind.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.predict_proba(x), model.predict_proba(x))
    np.testing.assert_array_equal(back.predict(x), model.predict(x))
    assert back.get_params() == model.get_params()
    assert back.history_ == model.history_
    back.partial_fit(x, labels[y])


@both
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_trained_independently(kind, copied, iris):
    model = kind(epochs=1, random_state=0).fit(*iris)
    before = model.parameters_[0].copy()
    other = copied(model)
    other.partial_fit(*iris)
    assert np.array_equal(model.parameters_[0], before)
    assert not np.array_equal(other.parameters_[0], before)


def test_hidden_activations_are_selected_by_name(iris):
    model = MLP(hidden_units=[7, 5], epochs=1, random_state=0).fit(*iris)
    assert model.layer_names == ["hidden_1", "hidden_2", "output"]
    assert model.activations(iris[0], "hidden_2").shape == (150, 5)
    np.testing.assert_array_equal(
        model.activations(iris[0], "output"), model.predict_proba(iris[0])
    )
    with pytest.raises(BadSetting, match="hidden_1 or hidden_2 or output"):
        model.activations(iris[0], "hidden_3")


def test_the_nets_of_the_report_have_its_numbers_of_parameters():
    x, y = np.zeros((10, 784), np.float32), np.arange(10)
    assert sum(array.size for array in SoftmaxRegression(epochs=1).fit(x, y).parameters_) == 7_850
    assert sum(array.size for array in MLP(epochs=1).fit(x, y).parameters_) == 79_510


def test_hidden_units_initialized_to_zero_stay_identical_in_exact_arithmetic(iris):
    model = MLP(
        hidden_units=4, initialization="zeros", epochs=200, dtype="float64", random_state=0
    ).fit(*iris)
    weights = model.parameters_[0]
    assert np.abs(weights).max() > 0.01
    assert np.abs(weights - weights[:, :1]).max() < 1e-12


@both
@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([[1.0, np.nan], [1, 2]], [0, 1], "X contains NaN or infinity"),
        ([["a", "b"], ["c", "d"]], [0, 1], "X contains text"),
        ([[1.0, 2], [3, 4]], [0, 1, 0], "2 examples and 3 labels"),
        ([1.0, 2], [0, 1], "X is not two-dimensional"),
        ([[1.0, 2], [3, 4]], [1, 1], "only one class"),
    ],
)
def test_invalid_input_raises_an_error_of_one_sentence(kind, x, y, says):
    with pytest.raises(ValueError, match=says) as caught:
        kind().fit(x, y)
    assert isinstance(caught.value, BadArray)
    assert "\n" not in str(caught.value)


@both
def test_unknown_labels_are_named(kind, iris):
    model = kind(epochs=1).fit(*iris)
    with pytest.raises(BadArray, match=r"never seen: 7.*among 0, 1, 2"):
        model.partial_fit(iris[0][:2], [1, 7])
    with pytest.raises(BadArray, match="never seen: 7"):
        model.loss(iris[0][:2], [1, 7])


@both
def test_predicting_before_fitting_raises(kind, iris):
    with pytest.raises(NotFitted, match="is not fitted"):
        kind().predict(iris[0])


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rate": -1},
        {"epochs": 0},
        {"epochs": 1.5},
        {"batch_size": "all"},
        {"momentum": 1.0},
        {"initialization": "ones"},
        {"schedule": "staircase"},
        {"dtype": "float16"},
        {"shift": -1},
        {"hidden_units": 0},
        {"activation": "softplus"},
    ],
)
def test_settings_out_of_range_raise_with_their_name(bad, iris):
    with pytest.raises(BadSetting, match=next(iter(bad))):
        MLP(**bad).fit(*iris)


def test_diverged_training_raises(iris):
    with (
        pytest.raises(EtabliError, match=r"diverged.*Lower learning_rate"),
        np.errstate(all="ignore"),
    ):
        MLP(activation="relu", learning_rate=1e6, l2=1.0, random_state=0).fit(*iris)


@both
def test_a_file_that_is_not_a_model_raises(kind, tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(DataMissing, match="no model file"):
        kind.load(path)
    path.write_bytes(b"not tensors")
    with pytest.raises(CorruptFile, match="cannot be read"):
        kind.load(path)
    other = MLP if kind is SoftmaxRegression else SoftmaxRegression
    other(epochs=1).fit([[0.0], [1.0]], [0, 1]).save(path)
    with pytest.raises(CorruptFile, match=f"expected {kind.__name__}"):
        kind.load(path)
