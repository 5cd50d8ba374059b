"""The course's captioner: the compiled training is Keras' own, and what must hold of it."""

import numpy as np
import pytest

from etabli.core.errors import BadArray, BadSetting
from etabli.models.captioning import simple_rnn
from etabli.models.captioning.simple_rnn import CaptionData

STEPS, WORDS, IMAGES = 7, 11, 6


def some_data(captions=24, seed=0):
    generator = np.random.default_rng(seed)
    rows = np.full((captions, STEPS + 1), -1, np.int32)
    for row in rows:
        length = generator.integers(1, STEPS - 1)
        row[: length + 2] = [0, *generator.integers(2, WORDS, length), 1]
    table = generator.normal(size=(WORDS, 5)).astype(np.float32)
    images = generator.normal(size=(IMAGES, 4)).astype(np.float32)
    return CaptionData(images, np.arange(captions) % IMAGES, rows, table)


def small_model(seed=0):
    return simple_rnn.build(9, STEPS, WORDS, units=8, seed=seed)


@pytest.fixture
def data(frozen):
    made = some_data()
    frozen(made.images, made.captions, made.table, made.image_of)
    return made


def test_the_course_s_net_has_its_shape_and_its_parameters():
    model = simple_rnn.build()
    assert [type(layer).__name__ for layer in model.layers] == [
        "Masking",
        "SimpleRNN",
        "Dense",
        "Activation",
    ]
    assert model.input_shape == (None, 35, 202)
    assert model.output_shape == (None, 35, 1000)
    assert model.count_params() == (202 + 100 + 1) * 100 + (100 + 1) * 1000


def test_an_input_step_is_image_then_word_and_the_steps_after_a_caption_are_zero(data):
    rows = np.array([3, 5])
    dense = data.inputs(rows)
    assert dense.shape == (2, STEPS, 9)
    assert dense.dtype == np.float32
    np.testing.assert_array_equal(dense[0, 0], [*data.images[data.image_of[3]], *data.table[0]])
    read = (data.targets[rows] >= 0).sum(axis=1)
    np.testing.assert_array_equal((dense != 0).any(axis=2).sum(axis=1), read)


def test_the_compiled_training_is_that_of_keras(data, monkeypatch, batch=10):
    compiled, slow = small_model(), small_model()
    ours = list(simple_rnn.train(compiled, data, 2, seed=1, batch_size=batch, learning_rate=0.01))
    monkeypatch.setattr(simple_rnn, "is_jax_backend", lambda: False)
    theirs = list(simple_rnn.train(slow, data, 2, seed=1, batch_size=batch, learning_rate=0.01))
    for a, b in zip(compiled.get_weights(), slow.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    np.testing.assert_allclose([e.loss for e in ours], [e.loss for e in theirs], rtol=1e-5)
    np.testing.assert_allclose([e.accuracy for e in ours], [e.accuracy for e in theirs], rtol=1e-5)


def test_loss_and_accuracy_are_those_of_keras_over_the_words(data):
    model = small_model()
    list(simple_rnn.train(model, data, 2, seed=0))
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    wanted = np.maximum(data.targets, 0)
    loss, accuracy = model.evaluate(
        data.inputs(np.arange(len(data))), wanted, batch_size=24, verbose=0
    )
    measured = simple_rnn.evaluate(model.get_weights(), data, batch_size=7)
    assert measured.loss == pytest.approx(loss, rel=1e-5)
    assert measured.accuracy == pytest.approx(accuracy, rel=1e-6)
    share = (data.targets >= 0).mean()
    assert measured.loss_all_steps == pytest.approx(loss * share, rel=1e-5)
    assert measured.accuracy_all_steps == pytest.approx(accuracy * share, rel=1e-5)


def test_one_step_after_another_gives_what_the_whole_sequence_gives(data):
    model = small_model()
    probabilities = model.predict_on_batch(data.inputs(np.arange(IMAGES)))
    parts = {"weights": model.get_weights(), "table": data.table}
    state = np.zeros((IMAGES, 1, 8), np.float32)
    for t in range(2):
        log_p, state = simple_rnn.step(
            parts, data.images, state, data.captions[:IMAGES, t][:, None]
        )
        np.testing.assert_allclose(np.exp(log_p)[:, 0], probabilities[:, t], atol=1e-5)


def test_the_loss_of_a_fresh_net_is_near_ln_v(data):
    quiet = CaptionData(data.images * 0.01, data.image_of, data.captions, data.table * 0.01)
    assert simple_rnn.evaluate(small_model().get_weights(), quiet).loss == pytest.approx(
        np.log(WORDS), abs=0.05
    )


def test_padding_has_no_gradient(data):
    """The same captions in longer rows teach the same."""
    longer = CaptionData(
        data.images,
        data.image_of,
        np.pad(data.captions, ((0, 0), (0, 4)), constant_values=-1),
        data.table,
    )
    models = [small_model(), simple_rnn.build(9, STEPS + 4, WORDS, units=8)]
    for model, rows in zip(models, (data, longer), strict=True):
        list(simple_rnn.train(model, rows, 2, seed=0))
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_six_images_are_memorized():
    data = some_data(captions=IMAGES)
    model = simple_rnn.build(9, STEPS, WORDS, units=40)
    last = list(simple_rnn.train(model, data, 150, seed=0, batch_size=3, learning_rate=0.01))[-1]
    assert last.accuracy == 1.0
    assert last.loss < 0.05


def test_the_same_seed_gives_the_same_weights(data):
    models = [small_model(seed=3) for _ in range(2)]
    for model in models:
        list(simple_rnn.train(model, data, 1, seed=5))
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_saved_and_loaded_says_the_same(data, tmp_path):
    import keras

    model = small_model()
    model.save(tmp_path / "captioner.keras")
    model.save_weights(tmp_path / "captioner.weights.h5")
    other = small_model(seed=9)
    other.load_weights(tmp_path / "captioner.weights.h5")
    whole = keras.models.load_model(tmp_path / "captioner.keras")
    wanted = model.predict_on_batch(data.inputs(np.arange(3)))
    for loaded in (other, whole):
        np.testing.assert_allclose(
            loaded.predict_on_batch(data.inputs(np.arange(3))), wanted, atol=1e-6
        )


def test_captions_with_words_that_have_no_row_are_refused(data):
    with pytest.raises(BadArray, match="words up to 10 of 5"):
        CaptionData(data.images, data.image_of, data.captions, data.table[:5])


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_a_training_that_cannot_be_is_refused(data, wrong):
    with pytest.raises(BadSetting):
        list(simple_rnn.train(small_model(), data, **{"epochs": 1, "seed": 0, **wrong}))
