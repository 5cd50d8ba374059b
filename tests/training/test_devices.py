"""The choices for a GPU, made for a pretended one, and the forms that it gets, run on the CPU."""

import numpy as np
import pytest

from etabli.core.errors import BadSetting, MissingExtra, UnknownName
from etabli.training import devices, jax_trainer
from etabli.training.devices import Device, choose_platform, describe_device, plan_work

CPU = Device(cores=2)
H100 = Device("gpu", "NVIDIA H100", 1, 78 * 2**30, 16, 9.0)
T4 = Device("gpu", "Tesla T4", 1, 15 * 2**30, 4, 7.5)


def test_a_cpu_trains_by_steps_in_forms_of_its_own_and_a_gpu_by_scans():
    on_cpu, on_gpu = plan_work(CPU), plan_work(H100)
    assert (on_cpu.scans_convolutions, on_gpu.scans_convolutions) == (False, True)
    assert (on_cpu.uses_cpu_kernels, on_gpu.uses_cpu_kernels) == (True, False)
    assert (on_cpu.parallel, on_gpu.parallel) == (1, 2)
    assert (on_cpu.converts_on_device, on_gpu.converts_on_device) == (False, True)


def test_bfloat16_is_for_chips_that_multiply_it():
    assert [plan_work(each).precision for each in (CPU, T4, H100)] == ["f32", "f32", "bf16"]


@pytest.mark.parametrize("gigabytes", [1, 2, 6, 15, 24, 80, 400])
def test_a_batch_is_a_power_of_two_that_takes_a_tenth_of_the_memory_at_most(gigabytes):
    size = plan_work(Device("gpu", memory=gigabytes * 2**30)).batch_size
    assert 8 <= size <= 256 and size & (size - 1) == 0
    assert size == 8 or size * devices._BYTES_PER_IMAGE <= 0.1 * gigabytes * 2**30


def test_processes_decode_only_where_there_are_cores_for_them():
    few = Device("gpu", memory=2**34, cores=2)
    assert [plan_work(each).decodes_in_processes for each in (CPU, few, H100)] == [
        False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "error", "words"),
    [("npu", UnknownName, "Did you mean .*cpu"), ("gpu", MissingExtra, r"etabli\[gpu\]")],
)
def test_a_platform_that_is_not_there_is_refused(platform, error, words, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(error, match=words):
        choose_platform(platform, has_module=lambda name: None)


def test_the_platform_is_given_to_jax(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    for platform, name in (("gpu", "cuda"), ("cpu", "cpu")):
        monkeypatch.setenv("JAX_PLATFORMS", "")
        choose_platform(platform, has_module=lambda module: module == "jax_cuda12_plugin")
        assert devices.os.environ["JAX_PLATFORMS"] == name


def test_another_backend_has_its_own_devices(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(BadSetting, match="unset KERAS_BACKEND"):
        choose_platform("cpu")


@pytest.mark.needs_jax
def test_a_net_with_convolutions_trains_to_the_same_weights_as_a_scan(monkeypatch):
    """On a GPU an epoch is one scan of Keras' own layers: the same net, up to rounding."""
    import keras

    from etabli.training.data_loader import DataLoader

    generator = np.random.default_rng(0)
    images = generator.normal(size=(24, 8, 8, 1)).astype(np.float32)
    labels = generator.integers(0, 3, 24)

    def train(device: Device) -> tuple[jax_trainer.JaxTrainer, list[np.ndarray]]:
        monkeypatch.setattr(devices, "find_device", lambda: device)
        keras.utils.set_random_seed(0)
        net = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(4, 3),
                keras.layers.Activation("relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Flatten(),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        net.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        net.optimizer.build(net.trainable_variables)
        trainer = jax_trainer.JaxTrainer(net, DataLoader(images, labels, 5, 0, None))
        for epoch in range(2):
            trainer.train_epoch(epoch)
        trainer.write_back()
        return trainer, net.get_weights()

    (by_steps, expected), (by_scan, found) = train(CPU), train(H100)
    assert (by_steps.is_scanned, by_scan.is_scanned) == (False, True)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_a_gpu_that_is_not_used_is_named_with_what_to_install():
    assert describe_device(H100) == "1 x NVIDIA H100, 78 GiB, bf16"
    assert describe_device(CPU, has_driver=False) == "the processor"
    assert "etabli[gpu]" in describe_device(CPU, has_driver=True)
