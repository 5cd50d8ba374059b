"""Every training, interrupted after an epoch and resumed: the same numbers bit for bit."""

from collections.abc import Iterator

import numpy as np
import pytest
from safetensors.numpy import save
from scipy import sparse

from etabli.models.captioning import attention, tuning
from etabli.models.captioning import simple_rnn as captioner
from etabli.models.captioning import train as training
from etabli.models.captioning.simple_rnn import CaptionData
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.models.text import glove, lstm, simple_rnn
from etabli.models.vision import small_resnet
from etabli.training.checkpoint import Checkpoint, checkpoint_path

EPOCHS = 4
DRAWS = np.random.default_rng(0)
CODES = DRAWS.integers(0, 6, 400)
X, Y = DRAWS.normal(size=(60, 16)), np.arange(60) % 3
COUNTS = sparse.csr_matrix(DRAWS.integers(1, 9, (7, 7)).astype(float))
CAPTIONS = np.where(
    np.arange(7) < DRAWS.integers(3, 8, (24, 1)), DRAWS.integers(0, 9, (24, 7)), -1
).astype(np.int32)
IMAGES, TABLE = (
    DRAWS.normal(size=(8, 5)).astype(np.float32),
    DRAWS.normal(size=(9, 4)).astype(np.float32),
)
MAPS = DRAWS.normal(size=(8, 4, 6)).astype(np.float16)
PHOTOS = DRAWS.normal(size=(8, 16, 16, 3)).astype(np.float32)


class Cut(Exception):
    """The interruption."""


def estimator(kind, **settings):
    def train(checkpoint, watch):
        model = kind(epochs=EPOCHS, batch_size=8, random_state=3, **settings)
        model.fit(X, Y, callback=lambda row: watch(row["epoch"]), checkpoint=checkpoint)
        return [*model.parameters_, np.array([row["loss"] for row in model.history_])]

    return train


def followed(run: Iterator, watch) -> list:
    found = []
    for epoch, given in enumerate(run):
        found.append(given)
        watch(epoch)
    return found


def train_char_rnn(recipe, backend="_train_jax"):
    def train(checkpoint, watch):
        model = simple_rnn.build(5, 6, 8, seed=1)
        windows = np.lib.stride_tricks.sliding_window_view(CODES[:200], 6)
        followed(
            getattr(simple_rnn, backend)(
                model, windows[:, :5], windows[:, 5], EPOCHS, recipe, 0, checkpoint
            ),
            watch,
        )
        return model.get_weights()

    return train


def train_char_modern(checkpoint, watch):
    model = lstm.build(6, 8, 4, seed=1)
    recipe = lstm.TrainConfig(streams=4, steps=8, ema_decay=0.9, teacher_context=2)
    followed(lstm.train(model, CODES, EPOCHS, recipe, 0, checkpoint=checkpoint), watch)
    return model.get_weights()


def train_captioner(backend):
    def train(checkpoint, watch):
        data = CaptionData(IMAGES, np.arange(24) // 3, CAPTIONS, TABLE)
        model = captioner.build(data.width, data.steps, 9, 6, seed=2)
        orders = [np.random.default_rng(epoch).permutation(24) for epoch in range(EPOCHS)]
        followed(getattr(captioner, backend)(model, data, orders, 5, 1e-2, checkpoint), watch)
        return model.get_weights()

    return train


def train_attention(checkpoint, watch, tail=None):
    weights = attention.init_weights(attention.ModelConfig(9, 6, 8, 8, 4), np.random.default_rng(0))
    recipe = training.TrainConfig(epochs=EPOCHS, batch_size=4, steps=6)
    groups, read, options = CAPTIONS.reshape(8, 3, 7), MAPS, {}
    if tail:
        read = MAPS.reshape(8, 2, 2, 6)
        options["loss"] = tuning.make_joint_loss(tail, recipe)
        options["rates"] = tuning.share_rates(tail, weights, 0.5)
        weights |= tail.weights
    trained = training.train(
        weights,
        read,
        groups,
        recipe,
        0,
        lambda epoch, loss, _w: watch(epoch),
        checkpoint,
        **options,
    )
    return [trained[name] for name in sorted(trained)]


def train_attention_and_encoder(checkpoint, watch):
    import keras

    keras.utils.set_random_seed(0)
    images = keras.Input((2, 2, 6))
    frozen = keras.layers.Activation("linear", name="frozen")(images)
    net = keras.Model(images, keras.layers.Conv2D(6, 1, activation="relu", name="top")(frozen))
    return train_attention(checkpoint, watch, tuning.Tail(net, "frozen"))


def train_glove(checkpoint, watch):
    for epoch, (_error, checkpoint.arrays["vectors"]) in enumerate(  # noqa: B020 - the arrays belong to the caller
        glove.train(COUNTS, EPOCHS, glove.TrainConfig(dimension=4, blocks=3), 0, checkpoint)
    ):
        watch(epoch)
    return [checkpoint.arrays["vectors"]]


def train_residual(checkpoint, watch):
    import keras

    keras.utils.set_random_seed(0)
    whole = small_resnet.build_classifier(
        small_resnet.build_small_resnet(keras, keras.Input((16, 16, 3))), 2
    )
    draws = np.random.default_rng(1)
    targets = np.arange(8) % 2
    small_resnet.train(
        whole,
        PHOTOS,
        targets,
        draws,
        epochs=EPOCHS,
        batch_size=4,
        watch=lambda e, n: watch(e),
        checkpoint=checkpoint,
    )
    return whole.get_weights()


TRAININGS = {
    "softmax regression": estimator(SoftmaxRegression, momentum=0.5, l2=0.1),
    "MLP": estimator(MLP, hidden_units=5, averaging=0.6, shift=1, schedule="cosine", center=True),
    "text SimpleRNN": train_char_rnn(
        simple_rnn.TrainConfig(batch_size=32, schedule="cosine", dropout=0.2, ema_decay=0.9)
    ),
    "text SimpleRNN, other backends": train_char_rnn(
        simple_rnn.TrainConfig(batch_size=32), "_train_keras"
    ),
    "LSTM": train_char_modern,
    "SimpleRNN captioner": train_captioner("_train_jax"),
    "SimpleRNN captioner, other backends": train_captioner("_train_keras"),
    "attention": train_attention,
    "attention and its image encoder": train_attention_and_encoder,
    "GloVe": train_glove,
    "small ResNet": train_residual,
}


@pytest.mark.parametrize("name", TRAININGS)
def test_an_interrupted_training_resumes_to_the_same_numbers(name, tmp_path):
    train, path = TRAININGS[name], tmp_path / "checkpoint.safetensors"
    straight = train(Checkpoint(), lambda epoch: None)
    seen, again = [], []

    def stop(epoch):
        seen.append(epoch)
        if len(seen) == 3:
            raise Cut

    with pytest.raises(Cut):
        train(Checkpoint(path), stop)
    assert Checkpoint(path).epoch == 2
    resumed = train(Checkpoint(path), again.append)
    assert len(again) == EPOCHS - 2
    finished = train(Checkpoint(path), again.append)
    assert len(again) == EPOCHS - 2
    for one, two, three in zip(straight, resumed, finished, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_rows_and_arrays_of_the_caller_are_restored(tmp_path):
    checkpoint = Checkpoint(tmp_path / "m")
    checkpoint.rows.append({"loss": 0.1})
    checkpoint.arrays["best"] = np.eye(2)[:, ::-1]
    checkpoint.save(1, [np.float32(3)])
    found = Checkpoint(tmp_path / "m")
    assert (found.epoch, found.rows) == (1, [{"loss": 0.1}])
    np.testing.assert_array_equal(found.arrays["best"], np.eye(2)[:, ::-1])
    assert found.restore([np.float32(0)])[0] == 3


def test_a_file_that_was_cut_or_does_not_fit_is_ignored(tmp_path):
    path = tmp_path / "m"
    checkpoint = Checkpoint(path)
    checkpoint.save(2, [np.zeros(3)])
    other = Checkpoint(path)
    assert other.restore([np.ones(4)])[0].tolist() == [1, 1, 1, 1] and other.epoch == 0
    whole = path.read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert Checkpoint(path).epoch == 0


def test_a_file_of_another_training_or_version_is_ignored(tmp_path):
    path = tmp_path / "m"
    Checkpoint(path, "one").save(2, [np.zeros(3)])
    assert Checkpoint(path, "one").epoch == 2
    other = Checkpoint(path, "other")
    assert (other.epoch, other.state) == (0, [])
    path.write_bytes(save({"state/000": np.zeros(3)}, {"done": "2", "rows": "[]", "streams": "[]"}))
    assert Checkpoint(path).epoch == 0, "version 0.1 had no digest"
    (tmp_path / ".unfinished").mkdir()
    assert Checkpoint(tmp_path / "checkpoints" / "m").epoch == 0


def test_random_streams_continue_where_they_were_saved(tmp_path):
    stream, other = np.random.default_rng(1), np.random.default_rng(2)
    stream.random(5)
    Checkpoint(tmp_path / "m").save(1, [np.zeros(1)], stream, other)
    restored = Checkpoint(tmp_path / "m")
    fresh = np.random.default_rng(1), np.random.default_rng(2)
    restored.restore([np.zeros(1)])
    restored.restore_streams(*fresh)
    assert [each.random() for each in fresh] == [stream.random(), other.random()]


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Checkpoint().save(1, [np.zeros(2)])
    assert list(tmp_path.iterdir()) == []


def test_every_part_of_the_key_gives_another_file(tmp_path):
    keys = [("a", 1), ("a", 2), ("b", 1), ("a", 1, np.zeros(2)), ("a", 1, np.zeros(3))]
    assert len({checkpoint_path(tmp_path, *key) for key in keys}) == len(keys)
    assert checkpoint_path(tmp_path, "a", np.zeros(2)) == checkpoint_path(
        tmp_path, "a", np.zeros(2)
    )
