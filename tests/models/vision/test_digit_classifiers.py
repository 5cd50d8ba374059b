"""The nets of practical 2: the published sizes, layers by name, seeds, files."""

import keras
import numpy as np
import pytest

from etabli.core.errors import BadSetting, UnknownName
from etabli.models.vision import digit_classifiers


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((6, 28, 28, 1), dtype=np.float32)


@pytest.mark.parametrize(
    "build,parameters",
    [
        (digit_classifiers.build_softmax_regression, 7_850),
        (digit_classifiers.build_mlp, 79_510),
        (digit_classifiers.build_cnn, 65_558),
        (digit_classifiers.build_modern_cnn, 136_106),
    ],
)
def test_the_nets_have_the_published_number_of_parameters(build, parameters):
    assert build().count_params() == parameters


def test_the_layer_table_is_that_of_report_figure_4():
    assert digit_classifiers.list_layers(digit_classifiers.build_mlp()) == [
        ("fc1", "Dense", "(N, 100)", 78_500),
        ("sigmoid", "Activation", "(N, 100)", 0),
        ("fc2", "Dense", "(N, 10)", 1_010),
        ("softmax", "Activation", "(N, 10)", 0),
    ]


def test_without_its_last_layers_the_mlp_computes_the_hidden_sigmoids():
    model = digit_classifiers.build_mlp()
    cut = keras.Model(model.inputs, model.layers[-3].output)
    pixels = np.random.default_rng(0).random((5, 784), dtype=np.float32)
    hidden = digit_classifiers.compute_activations(model, pixels, ["sigmoid"])["sigmoid"]
    np.testing.assert_allclose(hidden, cut.predict(pixels, verbose=0), rtol=1e-6)
    assert hidden.shape == (5, 100)
    assert ((hidden > 0) & (hidden < 1)).all()


def test_activations_are_flattened_for_any_batch_size(images):
    model = digit_classifiers.build_cnn()
    whole = digit_classifiers.compute_activations(model, images, ["pool1", "softmax"])
    parts = digit_classifiers.compute_activations(model, images, ["pool1", "softmax"], batch_size=4)
    assert whole["pool1"].shape == (6, 12 * 12 * 16)
    for name in whole:
        np.testing.assert_allclose(whole[name], parts[name], rtol=1e-5, atol=1e-6)
    with pytest.raises(UnknownName, match="Did you mean"):
        digit_classifiers.compute_activations(model, images, ["pool"])


def test_the_loss_of_an_untrained_net_is_about_ln_k(images):
    probabilities = digit_classifiers.build_cnn().predict(images, verbose=0)
    assert -np.log(probabilities).mean() == pytest.approx(np.log(10), abs=0.35)


def test_equal_seeds_draw_equal_weights_and_other_seeds_other_ones():
    first, again, other = (digit_classifiers.build_cnn(seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_a_saved_net_loads_without_project_code(tmp_path, images):
    for build in (digit_classifiers.build_cnn, digit_classifiers.build_modern_cnn):
        model = digit_classifiers.compile_model(
            build(), optimizer="adam", learning_rate=1e-3, decay_steps=10, warmup_steps=2
        )
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_array_equal(
            loaded.predict(images, verbose=0), model.predict(images, verbose=0)
        )


def test_an_unknown_optimizer_raises_an_error():
    with pytest.raises(UnknownName, match="Did you mean adam"):
        digit_classifiers.compile_model(
            digit_classifiers.build_mlp(), optimizer="adan", learning_rate=0.1
        )


def test_a_net_is_described_by_its_convolutions(images):
    net = digit_classifiers.build_small_cnn(layers="5x4s2 3x8p 3x6")
    assert net.get_layer("conv1").output.shape == (None, 12, 12, 4)
    assert net.get_layer("pool2").output.shape == (None, 5, 5, 8)
    assert net.get_layer("flatten").output.shape == (None, 3 * 3 * 6)
    assert net.predict(images, verbose=0).shape == (6, 10)


@pytest.mark.parametrize("layers", ["", "5x", "3x8q", "5x16 5x16p 7x8 3x8", "0x3", "3x0"])
def test_layers_that_make_no_net_are_refused(layers):
    with pytest.raises(BadSetting):
        digit_classifiers.build_small_cnn(layers=layers, shape=(12, 12, 1))
