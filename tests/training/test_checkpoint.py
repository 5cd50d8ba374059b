"""Every training of the house, interrupted after an epoch and gone on with: the same numbers bit for bit."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import sparse

from etabli.models.captioning import attention
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
PICTURES = DRAWS.normal(size=(8, 16, 16, 3)).astype(np.float32)


class Cut(Exception):
    """The interruption."""


def by_hand(kind, **settings):
    def train(memory, watch):
        model = kind(epochs=EPOCHS, batch_size=8, random_state=3, **settings)
        model.fit(X, Y, callback=lambda row: watch(row["epoch"]), memory=memory)
        return [*model.parameters_, np.array([row["loss"] for row in model.history_])]

    return train


def followed(run: Iterator, watch) -> list:
    found = []
    for epoch, given in enumerate(run):
        found.append(given)
        watch(epoch)
    return found


def train_char_rnn(recipe, backend="_train_scanned"):
    def train(memory, watch):
        model = simple_rnn.build(5, 6, 8, seed=1)
        windows = np.lib.stride_tricks.sliding_window_view(CODES[:200], 6)
        followed(
            getattr(simple_rnn, backend)(
                model, windows[:, :5], windows[:, 5], EPOCHS, recipe, 0, memory
            ),
            watch,
        )
        return model.get_weights()

    return train


def train_char_modern(memory, watch):
    model = lstm.build(6, 8, 4, seed=1)
    recipe = lstm.Recipe(streams=4, steps=8, average=0.9, teacher_context=2)
    followed(lstm.train(model, CODES, EPOCHS, recipe, 0, memory=memory), watch)
    return model.get_weights()


def train_captioner(backend):
    def train(memory, watch):
        data = CaptionData(IMAGES, np.arange(24) // 3, CAPTIONS, TABLE)
        model = captioner.build(data.width, data.steps, 9, 6, seed=2)
        orders = [np.random.default_rng(epoch).permutation(24) for epoch in range(EPOCHS)]
        followed(getattr(captioner, backend)(model, data, orders, 5, 1e-2, memory), watch)
        return model.get_weights()

    return train


def train_attention(memory, watch):
    fresh = attention.initial(attention.Shape(9, 6, 8, 8, 4), np.random.default_rng(0))
    recipe = training.Recipe(epochs=EPOCHS, images=4, steps=6)
    groups = CAPTIONS.reshape(8, 3, 7)
    learnt = training.train(
        fresh, MAPS, groups, recipe, 0, lambda epoch, loss, _w: watch(epoch), memory
    )
    return [learnt[name] for name in sorted(learnt)]


def train_glove(memory, watch):
    for epoch, (_error, memory.arrays["vectors"]) in enumerate(  # noqa: B020 - it is the memory's own
        glove.train(COUNTS, EPOCHS, glove.Recipe(dimension=4, blocks=3), 0, memory)
    ):
        watch(epoch)
    return [memory.arrays["vectors"]]


def train_residual(memory, watch):
    import keras

    keras.utils.set_random_seed(0)
    whole = small_resnet.classifier(small_resnet.small_residual(keras, keras.Input((16, 16, 3))), 2)
    draws = np.random.default_rng(1)
    targets = np.arange(8) % 2
    small_resnet.teach(
        whole,
        PICTURES,
        targets,
        draws,
        epochs=EPOCHS,
        batch=4,
        watch=lambda e, n: watch(e),
        memory=memory,
    )
    return whole.get_weights()


TRAININGS = {
    "softmax regression": by_hand(SoftmaxRegression, momentum=0.5, l2=0.1),
    "perceptron": by_hand(
        MLP, hidden_units=5, averaging=0.6, shift=1, schedule="cosine", center=True
    ),
    "character net": train_char_rnn(
        simple_rnn.Recipe(batch=32, decay=True, dropout=0.2, average=0.9)
    ),
    "character net, other backends": train_char_rnn(simple_rnn.Recipe(batch=32), "_train_keras"),
    "LSTM": train_char_modern,
    "course's captioner": train_captioner("_train_compiled"),
    "course's captioner, other backends": train_captioner("_train_keras"),
    "attention": train_attention,
    "GloVe": train_glove,
    "small residual net": train_residual,
}


@pytest.mark.parametrize("name", TRAININGS)
def test_an_interrupted_training_goes_on_to_the_same_numbers(name, tmp_path):
    train, path = TRAININGS[name], tmp_path / "memory.safetensors"
    straight = train(Checkpoint(), lambda epoch: None)
    seen, again = [], []

    def stop(epoch):
        seen.append(epoch)
        if len(seen) == 3:
            raise Cut

    with pytest.raises(Cut):
        train(Checkpoint(path), stop)
    assert Checkpoint(path).done == 2
    resumed = train(Checkpoint(path), again.append)
    assert len(again) == EPOCHS - 2
    finished = train(Checkpoint(path), again.append)
    assert len(again) == EPOCHS - 2
    for one, two, three in zip(straight, resumed, finished, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_what_the_follower_keeps_is_found_again(tmp_path):
    memory = Checkpoint(tmp_path / "m")
    memory.rows.append({"loss": 0.1})
    memory.arrays["best"] = np.eye(2)[:, ::-1]
    memory.keep(1, [np.float32(3)])
    found = Checkpoint(tmp_path / "m")
    assert (found.done, found.rows) == (1, [{"loss": 0.1}])
    np.testing.assert_array_equal(found.arrays["best"], np.eye(2)[:, ::-1])
    assert found.resumed([np.float32(0)])[0] == 3


def test_a_file_that_was_cut_or_does_not_fit_is_not_gone_on_with(tmp_path):
    path = tmp_path / "m"
    memory = Checkpoint(path)
    memory.keep(2, [np.zeros(3)])
    other = Checkpoint(path)
    assert other.resumed([np.ones(4)])[0].tolist() == [1, 1, 1, 1] and other.done == 0
    whole = path.read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert Checkpoint(path).done == 0


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Checkpoint().keep(1, [np.zeros(2)])
    assert list(tmp_path.iterdir()) == []


def test_every_part_of_the_key_makes_another_file(tmp_path):
    keys = [("a", 1), ("a", 2), ("b", 1), ("a", 1, np.zeros(2)), ("a", 1, np.zeros(3))]
    assert len({checkpoint_path(tmp_path, *key) for key in keys}) == len(keys)
    assert checkpoint_path(tmp_path, "a", np.zeros(2)) == checkpoint_path(
        tmp_path, "a", np.zeros(2)
    )
