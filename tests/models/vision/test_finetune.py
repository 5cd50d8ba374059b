import numpy as np
import pytest

from etabli.core.errors import BadSetting, EtabliError
from etabli.models.vision import finetune, linear_head
from etabli.models.vision.finetune import FinetuneConfig
from etabli.training.kernels import convolution


def net(seed=3):
    """Images -> early (frozen) -> a small inverted residual with batch normalization -> top."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    images = keras.Input((12, 12, 3), name="images")
    x = layers.Conv2D(6, 3, strides=2, activation="relu", name="early")(images)
    y = layers.Conv2D(12, 1, use_bias=False, name="expand")(x)
    y = layers.BatchNormalization(name="expand_bn")(y)
    y = layers.ReLU(6.0, name="relu")(y)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y)
    y = layers.Conv2D(6, 1, name="project")(y)
    x = layers.Add(name="add")([x, y])
    return keras.Model(images, layers.Conv2D(8, 1, activation="relu", name="top")(x))


@pytest.fixture
def problem():
    """A net, the stored maps of its frozen part, and labels that a trained tail can learn."""
    import keras

    model = net()
    generator = np.random.default_rng(0)
    images = generator.normal(size=(60, 12, 12, 3)).astype(np.float32)
    labels = np.where(images.mean((1, 2))[:, :2] > 0, 1, -1).astype(np.int8)
    images += 0.5 * labels[:, None, None, :1]
    maps = keras.Model(model.inputs[0], model.get_layer("early").output).predict_on_batch(images)
    head = linear_head.LinearClassifier(np.zeros((8, 2), np.float32), np.zeros(2, np.float32))
    return model, maps, labels, head


PLAN = FinetuneConfig(epochs=4, batch_size=16, learning_rate=3e-3, ema_decay=0.9, mixup=0.0)


def train(problem, plan=PLAN, layer="early", roots=False, **options):
    model, maps, labels, head = problem
    tail = finetune.build_tail(model, layer, roots, with_locations=plan.attention > 0)
    return finetune.fine_tune(
        tail, head, lambda places, draws: maps[places], labels, plan, **options
    )


def weights(layer):
    return [np.asarray(value) for value in layer.get_weights()]


@pytest.mark.needs_jax
def test_the_first_loss_is_ln_2_and_it_falls(problem):
    steps = []
    tuned = train(problem, watch=lambda advance, **numbers: steps.append(numbers))
    assert steps[0]["loss"] == pytest.approx(np.log(2), abs=1e-5)
    assert tuned.losses[-1] < tuned.losses[0]


@pytest.mark.needs_jax
def test_frozen_layers_and_moving_statistics_stay_bit_exact_and_all_others_change(problem):
    model = problem[0]
    before = {layer.name: weights(layer) for layer in model.layers}
    train(problem)
    np.testing.assert_array_equal(before["early"][0], weights(model.get_layer("early"))[0])
    for old, new in zip(
        before["expand_bn"][2:], weights(model.get_layer("expand_bn"))[2:], strict=True
    ):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(before["depthwise"][0], weights(model.get_layer("depthwise"))[0])
    train(problem, FinetuneConfig(**{**vars(PLAN), "epochs": 1, "depthwise": True}))
    for name in ("expand", "depthwise", "project", "top"):
        assert not np.array_equal(before[name][0], weights(model.get_layer(name))[0]), name


@pytest.mark.needs_jax
def test_the_mean_of_trainings_is_between_them_and_keeps_untrained_weights(problem):
    tail = finetune.build_tail(problem[0], "early")
    origin, trainings = tail.get_weights(), []
    for seed in range(3):
        tail.set_weights(origin)
        tuned = train(problem, FinetuneConfig(**{**vars(PLAN), "seed": seed}))
        trainings.append((tail.get_weights(), tuned.head))
    mean = finetune.average_weights(tail, trainings)
    for values in zip(
        tail.get_weights(), origin, *(each for each, _head in trainings), strict=True
    ):
        found, start, *trained = values
        np.testing.assert_allclose(found, np.mean(trained, axis=0), rtol=1e-5, atol=1e-6)
        if all(np.array_equal(each, start) for each in trained):
            np.testing.assert_array_equal(found, start)
    np.testing.assert_allclose(
        mean.kernel, np.mean([each.kernel for _weights, each in trainings], axis=0), atol=1e-6
    )


@pytest.mark.needs_jax
def test_the_tail_on_stored_maps_is_the_whole_net_on_images(problem):
    import keras

    model = net()
    images = np.random.default_rng(1).normal(size=(5, 12, 12, 3)).astype(np.float32)
    maps = keras.Model(model.inputs[0], model.get_layer("early").output)(images)
    whole = np.asarray(finetune.build_tail(model, None)(images))
    np.testing.assert_allclose(finetune.build_tail(model, "early")(maps), whole, atol=1e-6)


@pytest.mark.needs_jax
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_fast_layers_compute_what_keras_layers_do(stride, padding):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    x = keras.Input((9, 8, 4))
    y = layers.DepthwiseConv2D(
        (3, 5), strides=stride, padding=padding, activation="relu", name="depthwise"
    )(x)
    y = layers.Conv2D(7, 1, strides=stride, name="pointwise")(y)
    model = keras.Model(x, y)
    model.get_layer("depthwise").bias.assign(np.arange(4.0))
    data = np.random.default_rng(0).normal(size=(3, 9, 8, 4)).astype(np.float32)
    np.testing.assert_allclose(convolution.accelerate(model)(data), model(data), atol=1e-5)


@pytest.mark.needs_jax
def test_an_interrupted_training_resumes_to_the_same_numbers(problem, tmp_path):
    straight = train(problem)

    def stop(advance, **numbers):
        if numbers["epoch"] == 3:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint.safetensors"
    again = (net(), *problem[1:])
    with pytest.raises(KeyboardInterrupt):
        train(again, checkpoint=path, watch=stop)
    seen = []
    resumed = train(
        (net(), *problem[1:]),
        checkpoint=path,
        watch=lambda advance, **n: seen.append((advance, n["epoch"])),
    )
    assert [each for each in seen if each[1] < 3] == [
        (seen[0][0], 1),
        (0, 1),
        (seen[0][0], 2),
        (0, 2),
    ]  # result, not done
    assert (1, 3) in seen
    np.testing.assert_array_equal(resumed.head.kernel, straight.head.kernel)
    assert resumed.losses == straight.losses


@pytest.mark.needs_jax
def test_a_checkpoint_of_another_config_or_stage_or_a_damaged_one_is_not_resumed(problem, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    train(problem, checkpoint=path)
    epochs = []
    train(
        problem,
        FinetuneConfig(**{**vars(PLAN), "learning_rate": 1e-3}),
        checkpoint=path,
        watch=lambda a, **n: epochs.append(n["epoch"]),
    )
    assert min(epochs) == 1
    epochs.clear()
    train(problem, layer="add", checkpoint=path, watch=lambda a, **n: epochs.append(n["epoch"]))
    assert min(epochs) == 1
    path.write_bytes(path.read_bytes()[:50])
    train(problem, FinetuneConfig(**{**vars(PLAN), "epochs": 1}), checkpoint=path)


@pytest.mark.needs_jax
def test_training_stops_without_a_better_validation_and_keeps_the_best(problem):
    values = iter([0.3, 0.9, 0.5, 0.4, 0.95])
    tuned = train(
        problem,
        FinetuneConfig(**{**vars(PLAN), "epochs": 20, "patience": 2}),
        judge=lambda logits_of: next(values),
    )
    assert tuned.validations == [0.3, 0.9, 0.5, 0.4] and tuned.best_epoch == 2


@pytest.mark.needs_jax
def test_the_initial_weights_are_interpolated_linearly(problem):
    def ends(kept):
        model = net()
        tuned = train((model, *problem[1:]), FinetuneConfig(**{**vars(PLAN), "init_weight": kept}))
        return weights(model.get_layer("expand"))[0], tuned.head.kernel

    first, (free, head), (drawn, near) = (
        weights(net().get_layer("expand"))[0],
        ends(0.0),
        ends(0.25),
    )
    np.testing.assert_allclose(drawn, 0.25 * first + 0.75 * free, atol=1e-6)
    np.testing.assert_allclose(near, 0.75 * head, atol=1e-6)


@pytest.mark.needs_jax
def test_lower_layers_change_less(problem):
    def moved(lower_rate):
        model = net()
        before = weights(model.get_layer("expand"))[0]
        head = linear_head.LinearClassifier(np.ones((8, 2), np.float32), np.zeros(2, np.float32))
        plan = FinetuneConfig(**{**vars(PLAN), "lower_rate": lower_rate, "weight_decay": 0.0})
        train((model, *problem[1:3], head), plan)
        return np.abs(weights(model.get_layer("expand"))[0] - before).mean()

    assert moved(0.05) < 0.5 * moved(1.0)


@pytest.mark.needs_jax
@pytest.mark.parametrize("roots", [False, True])
def test_half_precision_and_mixup_train_as_well(problem, roots):
    tuned = train(
        problem, FinetuneConfig(**{**vars(PLAN), "precision": "bf16", "mixup": 0.3}), roots=roots
    )
    assert tuned.losses[-1] < np.log(2)


@pytest.mark.needs_jax
@pytest.mark.parametrize("attention", [0.0, 0.4])
def test_a_saved_model_gives_the_logits_of_its_tail(problem, attention):
    import keras
    from scipy.special import expit

    model, tuned = (
        problem[0],
        train(problem, FinetuneConfig(**{**vars(PLAN), "attention": attention}), roots=True),
    )
    images = np.random.default_rng(1).normal(size=(5, 12, 12, 3)).astype(np.float32)
    maps = keras.Model(model.inputs[0], model.get_layer("early").output)(images)
    expected = expit(finetune.make_logits_function(tuned, 4)(np.asarray(maps)))
    whole = linear_head.attach_head(model, tuned.head, use_sqrt=True, attention=tuned.attention)
    np.testing.assert_allclose(whole(images), expected, atol=1e-5)


@pytest.mark.needs_jax
def test_attention_has_no_effect_where_a_map_has_one_location():
    import keras

    draws = np.random.default_rng(2)
    kernel, bias = draws.normal(size=(8, 2)), draws.normal(size=2)
    head = linear_head.LinearClassifier(kernel.astype(np.float32), bias.astype(np.float32))
    flat = keras.Input((1, 1, 8))
    tail = finetune.build_tail(
        keras.Model(flat, keras.layers.ReLU()(flat)), None, with_locations=True
    )
    points = draws.uniform(size=(5, 1, 1, 8)).astype(np.float32)
    looked, plain = (
        finetune.make_logits_function(finetune.FinetunedModel(head, tail, [], [], 0, a))(points)
        for a in (0.7, 0.0)
    )
    np.testing.assert_allclose(looked, plain, atol=1e-5)
    np.testing.assert_allclose(plain, head.logits(points[:, 0, 0]), atol=1e-5)


@pytest.mark.needs_jax
def test_a_diverging_training_raises_one_sentence(problem):
    with pytest.raises(EtabliError, match="diverged"):
        train(problem, FinetuneConfig(**{**vars(PLAN), "learning_rate": 1e30}))


def test_another_backend_raises_an_error_before_training(problem, monkeypatch):
    monkeypatch.setattr(finetune, "is_jax_backend", lambda: False)
    with pytest.raises(BadSetting, match="JAX"):
        train(problem)


@pytest.mark.needs_jax
def test_location_weights_are_the_loss_of_the_logit_without_that_location(problem):
    """log sum exp without a place is lower by -log(1 - its share)."""
    from scipy.special import logsumexp

    model, maps, _labels, _head = problem
    kernel = np.random.default_rng(4).normal(size=(8, 2)).astype(np.float32)
    tail = finetune.build_tail(model, "early", with_locations=True)
    tuned = finetune.FinetunedModel(
        linear_head.LinearClassifier(kernel, np.ones(2, np.float32)), tail, [], [], 0, 0.5
    )
    shares = finetune.compute_location_weights(tuned, maps[:3])
    np.testing.assert_allclose(shares.sum((1, 2)), 1, atol=1e-5)
    logits = (np.asarray(tail(maps[:3])[1]) @ kernel + 1).reshape(3, -1, 2)
    lost = logsumexp(logits, axis=1) - logsumexp(logits[:, 1:], axis=1)
    np.testing.assert_allclose(lost, -np.log1p(-shares.reshape(3, -1, 2)[:, 0]), atol=1e-4)
