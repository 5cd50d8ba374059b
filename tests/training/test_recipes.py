"""What every training recipe promises: orders, seeds, masked labels, decay and clipping."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from etabli.core.seeding import make_generator
from etabli.models.captioning import attention
from etabli.models.captioning import simple_rnn as captioner
from etabli.models.captioning import train as captioning
from etabli.models.captioning.simple_rnn import CaptionData
from etabli.models.estimators.fast_training import Parameters, Trainer
from etabli.models.estimators.mlp import MLP
from etabli.models.text import glove, lstm, simple_rnn
from etabli.models.vision import augmentation, finetune, linear_head, small_resnet
from etabli.models.vision.finetune import FinetuneConfig
from etabli.models.vision.linear_head import LinearClassifier
from etabli.projection import tsne
from etabli.training import keras_trainer
from etabli.training.data_loader import DataLoader

EPOCHS = 3
DRAWS = np.random.default_rng(0)
X, Y = DRAWS.normal(size=(24, 16)).astype(np.float32), np.arange(24) % 3
LABELS = np.where(np.arange(24)[:, None] % np.array([2, 3]), 1, -1).astype(np.int8)
PHOTOS = DRAWS.normal(size=(8, 16, 16, 3)).astype(np.float32)
CODES = DRAWS.integers(0, 6, 400)


def dense(inputs: int = 16, classes: int = 3):
    import keras

    net = keras.Sequential(
        [keras.Input((inputs,)), keras.layers.Dense(classes, "softmax", kernel_initializer="zeros")]
    )
    net.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return net


def residual_net(targets: int, multilabel: bool = True):
    import keras

    keras.utils.set_random_seed(0)
    images = keras.Input((16, 16, 3))
    net = small_resnet.build_small_resnet(keras, images)
    return small_resnet.build_classifier(net, targets, multilabel=multilabel)


def tail_of_vectors():
    """A tail that pools maps (2, 2, 4): a dense layer with biases, and a batch normalization."""
    import keras

    keras.utils.set_random_seed(0)
    maps = keras.Input((2, 2, 4))
    x = keras.layers.Conv2D(4, 1, bias_initializer="ones", name="mix")(maps)
    x = keras.layers.BatchNormalization(name="normal")(x)
    return finetune.build_tail(keras.Model(maps, x), None)


def fine_tune(labels, *, seed=0, inputs_of=None, **options):
    config = FinetuneConfig(
        **{"epochs": EPOCHS, "batch_size": 8, "mixup": 0.0, "seed": seed, **options}
    )
    maps, tail = np.repeat(X[:, :4], 4, axis=0).reshape(24, 2, 2, 4), tail_of_vectors()
    before = [np.array(each) for each in tail.get_weights()]
    head = LinearClassifier(np.ones((4, 2), np.float32), np.ones(2, np.float32))
    inputs_of = inputs_of or (lambda rows, _draws: maps[rows])
    found = finetune.fine_tune(tail, head, inputs_of, labels, config)
    return before, tail.get_weights(), found.head


# the order of the examples ---------------------------------------------------------------------


def orders_of_numpy(seed, patch):
    found, run = [], Trainer.run_epoch

    def spy(self, x, labels, order, *more):
        found.append(order.copy())
        return run(self, x, labels, order, *more)

    patch.setattr(Trainer, "run_epoch", spy)
    MLP(epochs=EPOCHS, batch_size=8, hidden_units=3, random_state=seed).fit(X, Y)
    return found


def orders_of_keras(seed, patch):
    found, shuffle = [], DataLoader.shuffle

    def spy(self, epoch):
        found.append(shuffle(self, epoch))
        return found[-1]

    patch.setattr(DataLoader, "shuffle", spy)
    keras_trainer.fit(dense(), X, Y, epochs=EPOCHS, batch_size=8, seed=seed)
    return found


def orders_of_residual_net(seed, patch):
    found = []
    net, numbers = residual_net(1, multilabel=False), np.arange(8)
    done = SimpleNamespace(history={})
    patch.setattr(net, "fit", lambda _x, targets, **_more: found.append(targets) or done)
    draws = np.random.default_rng(seed)
    small_resnet.train(net, PHOTOS, numbers, draws, epochs=EPOCHS, batch_size=4)
    return found


def orders_of_finetuning(seed, _patch):
    found = []

    def inputs_of(rows, _draws):
        found.append(rows)
        return np.zeros((len(rows), 2, 2, 4), np.float32)

    fine_tune(LABELS, seed=seed, inputs_of=inputs_of)
    return [np.concatenate(found[3 * epoch : 3 * epoch + 3]) for epoch in range(EPOCHS)]


def orders_of_reported_head(seed, _patch):
    """The drawn permutations, by a generator that keeps them."""
    found, draws = [], np.random.default_rng(seed)

    def permutation(count):
        found.append(draws.permutation(count))
        return found[-1]

    recording = SimpleNamespace(uniform=draws.uniform, permutation=permutation)
    linear_head.fit_adam(X, LABELS, recording, epochs=EPOCHS, batch_size=8)
    return found


def orders_of_text_rnn(seed, _patch):
    return list(simple_rnn._orders(24, EPOCHS, seed))


def orders_of_lstm(seed, patch):
    found, positions = [], lstm._positions
    patch.setattr(lstm, "_positions", lambda *given: found.append(positions(*given)) or found[-1])
    config = lstm.TrainConfig(streams=2, steps=64, teacher=0.0)
    list(lstm.train(lstm.build(6, 4, 4, seed=1), CODES, EPOCHS, config, seed))
    return [each.ravel() for each in found]


def orders_of_glove(seed, patch):
    found, update = [], glove._update
    patch.setattr(
        glove,
        "_update",
        lambda counts, block, *more: found.append(block.copy()) or update(counts, block, *more),
    )
    counts = sparse.csr_matrix(np.ones((7, 7)))
    list(glove.train(counts, EPOCHS, glove.TrainConfig(dimension=4, blocks=1), seed))
    return found


def orders_of_caption_rnn(seed, patch):
    found = []
    patch.setattr(
        captioner, "_train_jax", lambda _m, _d, orders, *_more: found.extend(orders) or ()
    )
    captions = np.zeros((24, 4), np.int32)
    data = CaptionData(X[:8, :5], np.arange(24) // 3, captions, np.ones((9, 4), np.float32))
    net = captioner.build(data.width, data.steps, 9, 4, seed=2)
    list(captioner.train(net, data, EPOCHS, seed))
    return found


def orders_of_attention(seed, patch):
    found, split = [], captioning.shuffle_batches
    patch.setattr(
        captioning, "shuffle_batches", lambda *given: found.append(split(*given)) or found[-1]
    )
    train_attention(seed)
    return [np.concatenate(batches) for batches in found]


def train_attention(seed, maps=None, **settings):
    fresh = attention.init_weights(attention.ModelConfig(9, 6, 4, 4, 4), np.random.default_rng(0))
    captions = np.random.default_rng(1).integers(0, 9, (8, 2, 5)).astype(np.int32)
    recipe = captioning.TrainConfig(epochs=EPOCHS, batch_size=2, steps=4, **settings)
    maps = np.ones((8, 4, 6), np.float16) if maps is None else maps
    return captioning.train(fresh, maps, captions, recipe, seed)


ORDERS = {
    "nets in NumPy": orders_of_numpy,
    "nets in Keras": orders_of_keras,
    "small residual net": orders_of_residual_net,
    "fine-tuning": orders_of_finetuning,
    "linear layer of the report": orders_of_reported_head,
    "text, SimpleRNN": orders_of_text_rnn,
    "text, LSTM": orders_of_lstm,
    "GloVe": orders_of_glove,
    "captions, SimpleRNN": orders_of_caption_rnn,
    "captions, attention": orders_of_attention,
}


@pytest.mark.needs_jax
@pytest.mark.parametrize("name", ORDERS)
def test_the_order_differs_from_epoch_to_epoch_and_follows_the_seed(name, monkeypatch):
    found = []
    for seed in (5, 5, 6):
        with monkeypatch.context() as patch:
            found.append([np.array(each).tolist() for each in ORDERS[name](seed, patch)])
    one, again, other = found
    assert len(one) == EPOCHS == len({str(order) for order in one}), "one order for several epochs"
    assert one == again, "the seed does not fix the order"
    assert one != other, "the order does not depend on the seed"
    if name != "text, LSTM":  # it reads chunks of the text, from another offset in every epoch
        assert len({str(sorted(set(order))) for order in one}) == 1, "examples are left out"


# augmentation ----------------------------------------------------------------------------------


def views_in_keras(seed, patch):
    found = []

    def augment(images, generator):
        found.append(augmentation.random_shift(images.reshape(24, 4, 4, 1), generator).ravel())
        return images

    keras_trainer.fit(dense(), X, Y, epochs=2, batch_size=8, seed=seed, augment=augment)
    return found


def views_of_numpy(seed, patch):
    found, gather = [], Trainer._gather

    def spy(self, x, target, chosen, mean):
        rows = gather(self, x, target, chosen, mean)
        found.append(rows.h[0].ravel().copy())
        return rows

    patch.setattr(Trainer, "_gather", spy)
    # The whole set in each batch, in its own order: only the shift can differ.
    MLP(epochs=4, batch_size=24, hidden_units=3, shift=1, shuffle=False, random_state=seed).fit(
        X, Y
    )
    return found


def views_of_residual_net(seed, patch):
    """Whether each image was mirrored, by images whose first column is their number."""
    found, images = [], np.zeros((8, 16, 16, 3), np.float32)
    images[:, :, 0] = 1
    net, done = residual_net(1, multilabel=False), SimpleNamespace(history={})
    patch.setattr(net, "fit", lambda views, _t, **_more: found.append(views[:, 0, 0, 0]) or done)
    draws = np.random.default_rng(seed)
    small_resnet.train(net, images, np.arange(8), draws, epochs=2, batch_size=4)
    return found


def views_of_finetuning(seed, _patch):
    found = []

    def inputs_of(rows, draws):
        found.append(draws.integers(1000, size=4))
        return np.zeros((len(rows), 2, 2, 4), np.float32)

    fine_tune(LABELS, seed=seed, inputs_of=inputs_of)
    return found[::3]


def views_of_captions(seed, patch):
    views = [np.full((8, 1, 1), number, np.float32) for number in range(20)]
    found, read = [], captioning.read_views
    patch.setattr(
        captioning,
        "read_views",
        lambda _v, rows, draw: (
            found.append(read(views, rows, draw)) or np.ones((len(rows), 4, 6), np.float32)
        ),
    )
    train_attention(seed)
    return [each.ravel() for each in found]


VIEWS = {
    "nets in Keras": views_in_keras,
    "nets in NumPy": views_of_numpy,
    "small residual net": views_of_residual_net,
    "fine-tuning": views_of_finetuning,
    "captions, attention": views_of_captions,
}


@pytest.mark.needs_jax
@pytest.mark.parametrize("name", VIEWS)
def test_augmentation_differs_from_epoch_to_epoch_and_follows_the_seed(name, monkeypatch):
    found = []
    for seed in (5, 5, 6):
        with monkeypatch.context() as patch:
            found.append([np.array(each).tolist() for each in VIEWS[name](seed, patch)])
    one, again, other = found
    assert len({str(each) for each in one}) > 1, "the same augmentation in every epoch"
    assert one == again, "the seed does not fix the augmentation"
    assert one != other, "the augmentation does not depend on the seed"


# dropout ---------------------------------------------------------------------------------------


def text_rnn_with_dropout(seed):
    net = simple_rnn.build(5, 6, 4, seed=1)
    windows = np.lib.stride_tricks.sliding_window_view(CODES[:200], 6)
    config = simple_rnn.TrainConfig(batch_size=195, dropout=0.5)  # one batch: no order
    list(simple_rnn.train(net, windows[:, :5], windows[:, 5], 1, config, seed))
    return net.get_weights()


def attention_with_dropout(seed):
    return list(train_attention(seed, dropout=0.5).values())


@pytest.mark.needs_jax
@pytest.mark.parametrize("train", [text_rnn_with_dropout, attention_with_dropout])
def test_dropout_follows_the_seed(train, monkeypatch):
    for module in (simple_rnn, captioning):  # the order of the examples is always that of seed 0
        monkeypatch.setattr(module, "make_generator", lambda _seed, *use: make_generator(0, *use))
    one, again, other = (np.concatenate([w.ravel() for w in train(seed)]) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


# masked labels ---------------------------------------------------------------------------------

DIFFICULT = np.stack([LABELS[:, 0], np.zeros(24, np.int8)], axis=1)  # all of the second class


@pytest.mark.needs_jax
def test_a_class_whose_labels_are_all_difficult_keeps_its_weights_in_fine_tuning():
    _before, _after, head = fine_tune(DIFFICULT, weight_decay=0.0)
    np.testing.assert_array_equal(head.kernel[:, 1], np.ones(4, np.float32))
    assert head.bias[1] == 1
    assert (head.kernel[:, 0] != 1).all()
    assert head.bias[0] != 1


def test_a_class_whose_labels_are_all_difficult_keeps_its_weights_in_the_linear_layers():
    once, later = (
        linear_head.fit_adam(X, DIFFICULT, np.random.default_rng(3), epochs=epochs)
        for epochs in (1, 4)
    )
    np.testing.assert_array_equal(once.kernel[:, 1], later.kernel[:, 1])
    assert once.bias[1] == later.bias[1] == 0
    assert (once.kernel[:, 0] != later.kernel[:, 0]).all()
    fitted = linear_head.fit(X, DIFFICULT, 0.1)
    np.testing.assert_array_equal(fitted.kernel[:, 1], np.zeros(16, np.float32))
    assert fitted.bias[1] == 0


@pytest.mark.needs_jax
def test_difficult_labels_have_no_gradient_in_the_small_residual_net():
    net = residual_net(2)
    small_resnet.train(net, PHOTOS, DIFFICULT[:8], np.random.default_rng(0), epochs=1, batch_size=4)
    kernel, bias = net.get_layer("head").get_weights()
    np.testing.assert_array_equal(kernel[:, 1], np.zeros(len(kernel), np.float32))
    assert bias[1] == 0
    assert (kernel[:, 0] != 0).any()


@pytest.mark.needs_jax
def test_the_padding_of_captions_has_neither_loss_nor_gradient():
    import jax

    fresh = attention.init_weights(attention.ModelConfig(9, 6, 4, 4, 4), np.random.default_rng(0))
    captions = np.array([[[0, 3, 4, 1]], [[0, 5, 1, -1]]], np.int32)
    padded = np.pad(captions, ((0, 0), (0, 0), (0, 3)), constant_values=-1)
    maps = np.ones((2, 4, 6), np.float32)
    loss = captioning.make_batch_loss(captioning.TrainConfig(smoothing=0.1, dropout=0.0))
    found = [
        jax.value_and_grad(loss)(fresh, maps, each, jax.random.key(0))
        for each in (captions, padded)
    ]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    for name in fresh:
        np.testing.assert_allclose(found[0][1][name], found[1][1][name], atol=1e-6)


# weight decay ----------------------------------------------------------------------------------


@pytest.mark.needs_jax
def test_weight_decay_shrinks_matrices_and_no_biases_in_fine_tuning():
    unknown = np.zeros((24, 2), np.int8)  # no gradient at all: only the decay moves weights
    before, after, head = fine_tune(unknown, weight_decay=0.1, ema_decay=0.0)
    for old, new in zip(before, after, strict=True):
        if old.ndim > 1:
            assert (np.abs(new) < np.abs(old)).all()
        else:
            np.testing.assert_array_equal(new, old)
    assert (head.kernel < 1).all()
    np.testing.assert_array_equal(head.bias, np.ones(2, np.float32))


def test_the_penalty_of_the_nets_in_numpy_leaves_biases_alone():
    parameters = Parameters([4, 3, 2], "float64")
    parameters.flat[:] = 1.0
    trainer = Trainer(
        parameters,
        activation="sigmoid",
        batch_size=1,
        momentum=0.0,
        l2=0.5,
        shift=0,
        generator=np.random.default_rng(0),
    )
    trainer._update(0.1)  # its gradients are zero: only the penalty moves weights
    for weights, biases in zip(parameters.weights, parameters.biases, strict=True):
        np.testing.assert_allclose(weights, 0.95)
        np.testing.assert_array_equal(biases, 1.0)


def test_the_penalty_of_the_linear_classifier_leaves_biases_alone():
    labels = np.where(np.arange(24)[:, None] < 18, 1, -1).astype(np.int8)
    fitted = linear_head.fit(X, labels, 1e6)  # only the bias is left to say that 3 of 4 have it
    bias = fitted.bias + X.mean(0) @ fitted.kernel
    np.testing.assert_allclose(bias, np.log(3), atol=0.05)


# averaging -------------------------------------------------------------------------------------


def test_the_nets_in_numpy_average_the_last_share_of_their_epochs():
    seen = []
    plain = MLP(epochs=4, batch_size=24, hidden_units=3, dtype="float64", random_state=0)
    plain.fit(X, Y, callback=lambda _row: seen.append([each.copy() for each in plain.parameters_]))
    averaged = MLP(**{**plain.get_params(), "averaging": 0.5}).fit(X, Y)
    for found, third, fourth in zip(averaged.parameters_, *seen[2:], strict=True):
        np.testing.assert_allclose(found, (third + fourth) / 2, rtol=1e-12)


# clipping --------------------------------------------------------------------------------------


@pytest.mark.needs_jax
def test_a_huge_gradient_is_clipped_in_the_lstm():
    import jax.numpy as jnp

    config = lstm.TrainConfig(clip=1.0)
    weights = [jnp.zeros((3, 4)), jnp.zeros(4)]
    zeros = [jnp.zeros_like(each) for each in weights]
    huge = [jnp.full((3, 4), 1e6), jnp.full(4, -1e6)]
    _weights, first, *_rest = lstm._update(
        (weights, zeros, zeros, weights, jnp.zeros(())), huge, 1e-3, config
    )
    norm = np.sqrt(sum(float((each**2).sum()) for each in first))
    assert norm == pytest.approx(0.1 * config.clip, rel=1e-4)  # (1 - beta_1) times the clipped one


@pytest.mark.needs_jax
def test_a_huge_gradient_is_clipped_in_the_captioners():
    import jax
    import jax.numpy as jnp

    config = captioning.TrainConfig(clip=5.0)
    update = captioning.compile_update(
        lambda weights, _key: 1e6 * weights["w"].sum(), config, total=10
    )
    fresh = {"w": jnp.zeros((3, 4))}
    zeros = {"w": jnp.zeros((3, 4))}
    _weights, (first, _second), _value = update(
        fresh, (zeros, {"w": jnp.zeros((3, 4))}), 0, jax.random.key(0)
    )
    assert np.linalg.norm(first["w"]) == pytest.approx(0.1 * config.clip, rel=1e-4)


# t-SNE -----------------------------------------------------------------------------------------


def test_the_start_of_tsne_follows_the_seed():
    one, again, other = (tsne._initialize(X, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()


def test_the_plane_of_tsne_follows_the_seed():
    one, again, other = (
        tsne.tsne(X, seed=seed, iterations=10, early_iterations=10) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


# learning rates --------------------------------------------------------------------------------


@pytest.mark.needs_jax
def test_the_learning_rate_of_the_lstm_falls_to_two_percent(monkeypatch):
    rates = []

    def record(_config):
        def run(learner, inputs, targets, ngram_log_p, key, chosen):
            rates.extend(np.asarray(chosen).tolist())
            return learner, np.float32(1)

        return run

    monkeypatch.setattr(lstm, "compile_epoch", record)
    config = lstm.TrainConfig(streams=2, steps=64, teacher=0.0, learning_rate=0.5)
    list(lstm.train(lstm.build(6, 4, 4, seed=1), CODES, 6, config, seed=0))
    assert rates[0] == pytest.approx(0.5, rel=0.1)
    assert rates == sorted(rates, reverse=True)
    assert 0.01 <= rates[-1] < 0.1 * 0.5


@pytest.mark.needs_jax
def test_the_lstm_gets_its_averaged_weights(monkeypatch):
    def mark(_config):
        def run(learner, *_more):
            weights, first, second, average, count = learner
            return (weights, first, second, [each + 7 for each in average], count), np.float32(1)

        return run

    monkeypatch.setattr(lstm, "compile_epoch", mark)
    model = lstm.build(6, 4, 4, seed=1)
    before = model.get_weights()
    list(lstm.train(model, CODES, 1, lstm.TrainConfig(streams=2, steps=64, teacher=0.0), seed=0))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(other, one + 7, rtol=1e-6)


@pytest.mark.needs_jax
def test_the_learning_rate_of_the_captioners_warms_up_and_falls_to_zero():
    """A constant gradient makes every step of Adam as long as the learning rate."""
    import jax
    import jax.numpy as jnp

    config = captioning.TrainConfig(learning_rate=0.5, warm_up=0.1)
    update = captioning.compile_update(lambda weights, _key: weights[0].sum(), config, total=100)
    weights, moments = [jnp.zeros(1)], ([jnp.zeros(1)], [jnp.zeros(1)])
    places = [0.0]
    for number in range(100):
        weights, moments, _loss = update(weights, moments, jnp.float32(number), jax.random.key(0))
        places.append(float(weights[0][0]))
    rates = -np.diff(places)
    np.testing.assert_allclose(rates[:9], 0.05 * np.arange(1, 10), rtol=1e-3)
    assert rates.argmax() in (9, 10) and (np.diff(rates[11:]) < 0).all()
    assert rates[-1] < 0.001
