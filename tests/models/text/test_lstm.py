import numpy as np
import pytest

from etabli.core.errors import BadArray, BadSetting
from etabli.models.text import lstm
from etabli.models.text.lstm import TrainConfig
from etabli.models.text.ngram import cross_predict, kneser_ney
from etabli.models.text.synthetic_text import SyntheticText

V = 6
CODES = np.tile([0, 1, 2, 3, 4, 5, 2, 1], 60).astype(np.int32)
CODES.setflags(write=False)
QUICK = TrainConfig(streams=4, steps=8, learning_rate=0.01, weight_drop=0.2, ema_decay=0.9)


def test_the_loss_of_a_fresh_net_starts_near_ln_v():
    model = lstm.build(60, 16, 8)
    codes = np.random.default_rng(0).integers(0, 60, 400)
    log_p = lstm.log_probabilities(model.get_weights(), codes, 0, 400, streams=4, warm_up=10)
    assert -log_p[np.arange(400), codes].mean() == pytest.approx(np.log(60), rel=0.02)


def test_reading_in_streams_agrees_with_keras_reading_from_the_start():
    """Where the warm-up reaches back to the start of the text, to float accuracy."""
    model = lstm.build(V, 16, 8, seed=1)
    list(lstm.train(model, CODES, 2, QUICK, seed=0))
    expected = np.log(model.predict(CODES[None, :], verbose=0)[0])
    ours = lstm.log_probabilities(model.get_weights(), CODES, 1, 101, streams=4, warm_up=100)
    np.testing.assert_allclose(ours, expected[:100], atol=1e-4)


def test_a_stream_continues_in_the_next_batch():
    at = lstm._positions(100, TrainConfig(streams=3, steps=8), offset=2)
    assert at.shape == (4, 8, 3)
    np.testing.assert_array_equal(at[:, 1:], at[:, :-1] + 1)
    np.testing.assert_array_equal(at[1, 0], at[0, -1] + 1)
    assert at.max() + 1 < 100


def test_the_soft_targets_are_distributions_that_lean_to_what_came():
    expected = cross_predict(CODES, V, 2)
    soft = lstm._soften(CODES, V, 0.4, expected)
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    assert (soft[np.arange(len(CODES)), CODES] >= 0.6).all()
    np.testing.assert_array_equal(lstm._soften(CODES, V, 0, soft), np.eye(V)[CODES])


def test_the_targets_of_the_teacher_change_the_trained_net():
    """One epoch without a teacher gives another net than one with it."""
    nets = []
    for teacher in (0.0, 0.5):
        model = lstm.build(V, 8, 4)
        list(lstm.train(model, CODES, 1, TrainConfig(4, 8, teacher=teacher, teacher_context=2), 0))
        nets.append(model.get_weights()[0])
    assert not np.allclose(*nets)


def test_a_repeating_text_is_learned():
    model = lstm.build(V, 16, 8)
    history = list(lstm.train(model, CODES, 12, QUICK, seed=0))
    log_p = lstm.log_probabilities(model.get_weights(), CODES, 100, 480, streams=4, warm_up=50)
    assert (log_p.argmax(1) == CODES[100:480]).mean() > 0.98
    assert history[-1].loss < history[0].loss


def test_the_same_seed_gives_the_same_net():
    nets = []
    for seed in (0, 0, 1):
        model = lstm.build(V, 8, 4)
        list(lstm.train(model, CODES, 1, QUICK, seed))
        nets.append(model.get_weights()[2])
    np.testing.assert_array_equal(nets[0], nets[1])
    assert not np.array_equal(nets[0], nets[2])


def test_the_net_is_saved_and_loaded_as_a_keras_model(tmp_path):
    import keras

    model = lstm.build(V, 8, 4)
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_text_too_short_is_refused():
    with pytest.raises(BadArray, match="too short"):
        next(lstm.train(lstm.build(V, 8, 4), CODES[:30], 1, TrainConfig(), 0))


@pytest.mark.parametrize(
    "bad",
    [
        {"streams": 0},
        {"steps": 0},
        {"learning_rate": 0},
        {"weight_drop": 1},
        {"ema_decay": 1},
        {"clip": 0},
        {"teacher": 1},
    ],
)
def test_recipes_out_of_range_are_refused(bad):
    with pytest.raises(BadSetting, match="out of range"):
        TrainConfig(**bad)


# the residual net, and text that a model wrote ---------------------------------------------------


def test_a_fresh_residual_net_is_nearly_its_n_gram():
    """Its gate begins at 1 and its own logits near nothing."""
    weights = lstm.build(V, 16, 8, residual=True).get_weights()
    counted = kneser_ney(CODES, V, 3).log_probabilities(CODES, 50, 150)
    log_p = lstm.log_probabilities(
        weights, CODES, 50, 150, streams=4, warm_up=20, ngram_log_p=counted
    )
    np.testing.assert_allclose(np.exp(log_p), np.exp(counted), atol=0.05)


def test_the_residual_net_read_in_streams_agrees_with_keras():
    model = lstm.build(V, 16, 8, seed=1, residual=True)
    list(lstm.train(model, CODES, 2, QUICK, seed=0))
    counted = kneser_ney(CODES, V, 3).log_probabilities(CODES, 1, 101)
    expected = np.log(model.predict([CODES[None, :100], counted[None]], verbose=0)[0])
    ours = lstm.log_probabilities(model.get_weights(), CODES, 1, 101, 3, 100, counted)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_the_residual_net_learns_what_counting_cannot_know():
    """Each character repeats the one seven positions earlier: out of reach for a bigram."""
    book = np.random.default_rng(0).integers(0, V, 7).tolist()
    codes = np.tile(book, 80).astype(np.int32)
    recipe = TrainConfig(
        streams=4,
        steps=8,
        learning_rate=0.02,
        weight_drop=0.1,
        ema_decay=0.9,
        teacher=0,
        teacher_context=1,
    )
    model = lstm.build(V, 16, 8, residual=True)
    list(lstm.train(model, codes, 12, recipe, seed=0))
    counted = kneser_ney(codes, V, 1).log_probabilities(codes, 200, 500)
    log_p = lstm.log_probabilities(
        model.get_weights(), codes, 200, 500, ngram_log_p=counted, warm_up=50
    )
    rows = np.arange(300), codes[200:500]
    assert -log_p[rows].mean() < 0.3 < -counted[rows].mean()


def test_the_order_of_the_residual_net_s_weights_is_what_the_compiled_pass_expects():
    model = lstm.build(V, 8, 4, residual=True)
    names = [weight.path.split("/")[0] for weight in model.weights]
    assert names == ["embedding", *["recurrent"] * 3, *["gate"] * 2, *["dense"] * 2]


def test_synthetic_text_is_learned_along_with_the_book():
    """The book never says what follows 5; the synthetic text does."""
    book = np.tile([0, 1], 200).astype(np.int32)
    texts = np.tile([5, 4], (8, 40)).astype(np.int32)
    synthetic = SyntheticText(texts, np.eye(V, dtype=np.float16)[9 - texts])
    recipe = TrainConfig(
        streams=4,
        steps=8,
        learning_rate=0.02,
        weight_drop=0,
        output_drop=0,
        ema_decay=0.9,
        teacher=0,
    )
    model = lstm.build(V, 8, 4)
    list(lstm.train(model, book, 8, recipe, 0, synthetic))
    log_p = lstm.log_probabilities(model.get_weights(), np.array([5, 4, 5, 4, 5, 4]), 2, 6, 1, 1)
    assert (log_p.argmax(axis=1) == [5, 4, 5, 4]).all()


@pytest.mark.parametrize("residual", [False, True])
def test_several_layers_are_trained_and_agree_with_keras(residual):
    net = lstm.build(V, 8, 4, residual=residual, layers=2)
    before = net.get_weights()
    losses = [epoch.loss for epoch in lstm.train(net, CODES, 3, QUICK, seed=0)]
    assert residual or losses[-1] < losses[0]  # the n-gram knows this text already
    changed = [not np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True)]
    assert all(changed)
    log_p = np.log(np.full((100, V), 1 / V, np.float32)) if residual else None
    ours = lstm.log_probabilities(net.get_weights(), CODES, 1, 101, 1, 20, log_p)
    inputs = [CODES[None, :100]] + ([log_p[None]] if residual else [])
    theirs = net.predict_on_batch(inputs if residual else inputs[0])[0]
    np.testing.assert_allclose(ours, np.log(theirs), atol=1e-4)
