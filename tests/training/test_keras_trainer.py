"""Training: it learns, reports, stops, resumes bit for bit, and agrees with Keras' own loop."""

import os
import subprocess
import sys
from importlib.util import find_spec

import jax
import numpy as np
import pytest

from etabli.core.errors import BadArray, BadSetting
from etabli.models.vision import digit_classifiers
from etabli.training import keras_trainer
from etabli.training.data_loader import DataLoader
from etabli.training.jax_trainer import make_forward


def task(n=250, side=28):
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, n)
    images = draw.random((n, side, side, 1), dtype=np.float32) * 0.3
    for index, label in enumerate(labels):
        images[index, 4 + 7 * label : 10 + 7 * label] += 0.7
    return images, labels


def a_perceptron(**options):
    return digit_classifiers.compile_model(
        digit_classifiers.build_mlp(0, classes=3), **{"learning_rate": 0.5, **options}
    )


def a_convolutional(**options):
    net = digit_classifiers.build_cnn(0, filters=(4, 6), units=8, classes=3)
    return digit_classifiers.compile_model(
        net, **{"optimizer": "adam", "learning_rate": 0.01, **options}
    )


def a_net_with_state():
    """Batch normalization has means, dropout a random state: both belong to a checkpoint."""
    from keras import Input, Sequential, initializers, layers

    first, last = (initializers.GlorotUniform(seed=seed) for seed in (1, 2))
    inner = [layers.BatchNormalization(name="norm"), layers.Dropout(0.5, seed=3, name="dropout")]
    outer = [
        layers.Dense(3, kernel_initializer=last, name="fc2"),
        layers.Activation("softmax", name="softmax"),
    ]
    return Sequential(
        [Input((784,)), layers.Dense(8, kernel_initializer=first, name="fc1"), *inner, *outer]
    )


def weights(model):
    return np.concatenate([np.ravel(each) for each in model.get_weights()])


@pytest.mark.parametrize("build", [a_perceptron, a_convolutional])
def test_it_learns_and_reports_every_epoch(build):
    images, labels = task()
    if build is a_perceptron:
        images = images.reshape(len(images), -1)
    model, reported = build(), []
    rows = keras_trainer.fit(
        model,
        images,
        labels,
        epochs=8,
        batch_size=20,
        validation=(images, labels),
        on_epoch=reported.append,
    )
    assert [row["epoch"] for row in reported] == list(range(1, 9))
    assert rows == reported
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert keras_trainer.evaluate(model, images, labels) == pytest.approx(
        (rows[-1]["val_loss"], rows[-1]["val_accuracy"])
    )
    assert rows[-1]["val_accuracy"] > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("build", [a_perceptron, a_convolutional])
def test_our_loop_and_keras_own_come_to_the_same_weights(build):
    """Batches that do not divide the images, a schedule and averaged weights included."""
    images, labels = task(110)
    if build is a_perceptron:
        images = images.reshape(len(images), -1)
    options = {"decay_steps": 20, "warmup_steps": 3, "ema_decay": 0.9}
    ours, reference = build(**options), build(**options)
    rows = keras_trainer.fit(ours, images, labels, epochs=2, batch_size=25, seed=3)
    theirs = []
    loader = DataLoader(images, labels, 25, 3)
    keras_trainer._run_keras(reference, loader, range(2), lambda *row: theirs.append(row))
    np.testing.assert_allclose(weights(ours), weights(reference), atol=2e-5)
    for mine, (_epoch, loss, accuracy, _started) in zip(rows, theirs, strict=True):
        assert mine["loss"] == pytest.approx(loss, rel=1e-4)
        assert mine["accuracy"] == pytest.approx(accuracy)


@pytest.mark.needs_jax
@pytest.mark.parametrize("layers", ["5x4p 3x8 3x8p 3x16", "5x4s2 3x8p 3x6"])
def test_the_fast_forward_pass_is_the_models_own(layers):
    images, _labels = task(7)
    model = digit_classifiers.build_small_cnn(1, layers=layers)
    trainable = [each.value for each in model.trainable_variables]
    fixed = [each.value for each in model.non_trainable_variables]
    theirs = jax.jit(lambda *given: model.stateless_call(*given, training=True))(
        trainable, fixed, images
    )
    ours = jax.jit(make_forward(model))(trainable, fixed, images)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4, atol=1e-6)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["plain", "with a state of its own"])
def test_interrupted_after_an_epoch_and_resumed_it_comes_to_the_same_bits(kind, tmp_path):
    images, labels = task(60)
    images = images.reshape(len(images), -1)

    def build():
        if kind == "with a state of its own":
            return digit_classifiers.compile_model(
                a_net_with_state(),
                optimizer="adam",
                learning_rate=0.01,
                decay_steps=9,
                ema_decay=0.9,
            )
        return a_perceptron(momentum=0.9)

    def trained(**options):
        model = build()
        turned = lambda given, draw: given + draw.normal(0, 0.01, given.shape).astype(np.float32)  # noqa: E731
        rows = keras_trainer.fit(
            model, images, labels, epochs=3, batch_size=20, augment=turned, **options
        )
        return model, rows

    def interrupt(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    def must_not_train(row):
        raise AssertionError(row)

    undisturbed, rows = trained()
    path = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=path, on_epoch=interrupt)  # epoch 1 is kept, epoch 2 is lost
    before, reported = [], []
    resumed, resumed_rows = trained(
        checkpoint=path, on_epoch=reported.append, on_resume=before.extend
    )
    assert [row["epoch"] for row in before] == [1] and [row["epoch"] for row in reported] == [2, 3]
    assert np.array_equal(weights(resumed), weights(undisturbed))
    assert [(row["loss"], row["accuracy"]) for row in resumed_rows] == [
        (row["loss"], row["accuracy"]) for row in rows
    ]
    again, _rows = trained(checkpoint=path, on_epoch=must_not_train)  # finished: nothing left to do
    assert np.array_equal(weights(again), weights(undisturbed))


def test_a_checkpoint_of_another_training_or_a_broken_one_is_not_read(tmp_path):
    images, labels = task(40)
    images = images.reshape(40, -1)
    path = tmp_path / "training.safetensors"
    keras_trainer.fit(a_perceptron(), images, labels, epochs=1, batch_size=20, checkpoint=path)
    fresh = keras_trainer.fit(
        a_perceptron(), images, labels, epochs=2, batch_size=20, checkpoint=path
    )
    assert len(fresh) == 2
    path.write_bytes(b"\x08\0\0\0\0\0\0\0broken")
    assert (
        len(
            keras_trainer.fit(
                a_perceptron(), images, labels, epochs=1, batch_size=20, checkpoint=path
            )
        )
        == 1
    )


def test_it_stops_when_the_callback_says_so_and_early_stopping_has_patience():
    images, labels = task(40)
    images = images.reshape(40, -1)
    assert (
        len(
            keras_trainer.fit(
                a_perceptron(), images, labels, epochs=9, batch_size=20, on_epoch=lambda row: True
            )
        )
        == 1
    )
    stop = keras_trainer.early_stopping(2)
    assert [stop({"val_loss": loss}) for loss in (3, 2, 2.5, 2.1)] == [False, False, False, True]


def test_nothing_to_learn_from_is_refused():
    images, labels = task(4)
    with pytest.raises(BadArray, match="differ in number"):
        keras_trainer.fit(a_convolutional(), images, labels[:3], epochs=1, batch_size=2)
    with pytest.raises(BadSetting, match="at least one epoch"):
        keras_trainer.fit(a_convolutional(), images, labels, epochs=0, batch_size=2)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_same_code_trains_on_pytorch():
    code = (
        "import numpy as np\nfrom etabli.models.vision import digit_classifiers\n"
        "from etabli.training import keras_trainer\n"
        "images = np.random.default_rng(0).random((40, 784), dtype=np.float32)\n"
        "model = digit_classifiers.compile_model(digit_classifiers.build_mlp(), "
        "learning_rate=0.5)\n"
        "print(len(keras_trainer.fit(model, images, np.arange(40) % 10, epochs=2, batch_size=20)))"
    )
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2"
