import numpy as np
import pytest

from etabli.core.errors import BadSetting
from etabli.models.text import simple_rnn
from etabli.models.text.simple_rnn import TrainConfig
from etabli.training.checkpoint import Checkpoint

V, T, H = 6, 5, 8
RNG = np.random.default_rng(0)
CODES = np.tile([0, 1, 2, 3, 4, 5, 2, 1], 60)
INPUTS = np.lib.stride_tricks.sliding_window_view(CODES, T)[:-1]
TARGETS = CODES[T:]


def trained(epochs, recipe, inputs=INPUTS, targets=TARGETS, seed=0):
    model = simple_rnn.build(T, V, H, seed)
    history = list(simple_rnn.train(model, inputs, targets, epochs, recipe, seed))
    return model, history


def test_the_net_of_the_course_has_31932_parameters():
    """Report, figure 16."""
    model = simple_rnn.build(10, 60)
    assert [layer.count_params() for layer in model.layers] == [24_192, 7_740, 0]
    assert model.count_params() == 31_932


def test_the_loss_of_a_fresh_net_starts_near_ln_v():
    model = simple_rnn.build(10, 60)
    codes = RNG.integers(0, 60, (200, 10))
    log_p = simple_rnn.log_probabilities(model.get_weights(), codes)
    assert -log_p[np.arange(200), codes[:, 0]].mean() == pytest.approx(np.log(60), rel=0.1)


def test_the_same_seed_builds_the_same_net():
    one, same, other = (simple_rnn.build(T, V, H, seed).get_weights()[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_numpy_on_codes_agrees_with_keras_on_one_hot():
    model = simple_rnn.build(T, V, H)
    expected = model.predict(np.eye(V, dtype=np.float32)[INPUTS[:20]], verbose=0)
    np.testing.assert_allclose(
        np.exp(simple_rnn.log_probabilities(model.get_weights(), INPUTS[:20])), expected, atol=1e-6
    )


@pytest.mark.needs_jax
def test_the_compiled_loop_trains_as_keras_does():
    """A last batch that is not full included."""
    assert len(TARGETS) % 32
    ours, history = trained(2, TrainConfig(batch_size=32))
    theirs = simple_rnn.build(T, V, H, 0)
    expected = list(
        simple_rnn._train_keras(
            theirs, INPUTS, TARGETS, 2, TrainConfig(batch_size=32), 0, Checkpoint()
        )
    )
    assert [e.loss for e in history] == pytest.approx([e.loss for e in expected], abs=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_one_epoch_of_keras_fit_gives_the_same_net():
    """Keras' ``fit`` on the one-hot arrays, unshuffled, and ours on the codes in the same order."""
    import keras

    one_hot = np.eye(V, dtype=np.float32)
    theirs = simple_rnn.build(T, V, H, 0)
    theirs.compile(keras.optimizers.RMSprop(1e-3), "categorical_crossentropy")
    order = next(simple_rnn._orders(len(TARGETS), 1, 0))
    theirs.fit(
        one_hot[INPUTS[order]], one_hot[TARGETS[order]], batch_size=32, shuffle=False, verbose=0
    )
    ours, _ = trained(1, TrainConfig(batch_size=32))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_a_repeating_text_is_memorized():
    model, history = trained(30, TrainConfig(batch_size=32, learning_rate=0.01))
    log_p = simple_rnn.log_probabilities(model.get_weights(), INPUTS)
    assert (log_p.argmax(1) == TARGETS).mean() > 0.99
    assert history[-1].loss < 0.2 < history[0].loss


@pytest.mark.needs_jax
def test_averaging_decay_and_dropout_learn_too():
    model, history = trained(
        20, TrainConfig(32, 0.01, schedule="cosine", dropout=0.1, ema_decay=0.9)
    )
    assert (
        simple_rnn.log_probabilities(model.get_weights(), INPUTS).argmax(1) == TARGETS
    ).mean() > 0.95
    assert [epoch.number for epoch in history] == list(range(1, 21))


def test_other_backends_refuse_what_they_cannot_train():
    with pytest.raises(BadSetting, match="JAX"):
        next(
            simple_rnn._train_keras(
                simple_rnn.build(T, V, H),
                INPUTS,
                TARGETS,
                1,
                TrainConfig(dropout=0.1),
                0,
                Checkpoint(),
            )
        )


@pytest.mark.parametrize(
    "bad", [{"batch_size": 0}, {"learning_rate": 0}, {"dropout": 1}, {"ema_decay": 1}]
)
def test_recipes_out_of_range_are_refused(bad):
    with pytest.raises(BadSetting, match="out of range"):
        TrainConfig(**bad)


def test_no_epochs_are_refused():
    with pytest.raises(BadSetting, match="epochs"):
        trained(0, TrainConfig())


def test_several_layers_are_trained_and_agree_with_keras():
    net = simple_rnn.build(T, V, H, layers=3)
    before = net.get_weights()
    config = TrainConfig(learning_rate=0.01, dropout=0.1)
    losses = [epoch.loss for epoch in simple_rnn.train(net, INPUTS, TARGETS, 4, config, 0)]
    assert losses[-1] < losses[0]
    changed = [not np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True)]
    assert all(changed)
    ours = simple_rnn.log_probabilities(net.get_weights(), INPUTS[:50])
    theirs = net.predict_on_batch(np.eye(V, dtype=np.float32)[INPUTS[:50]])
    np.testing.assert_allclose(ours, np.log(theirs), atol=1e-4)
