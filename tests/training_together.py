"""Train in a process: ``python -m training_together '{"net": "dense", ...}'``.

Prints the losses of its epochs as JSON. Several virtual devices and several processes need a
process that has not yet computed anything with JAX, which a test never is.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

EPOCHS = 3


def child(**how) -> subprocess.Popen:
    """Start one; ``how`` are the arguments of ``trained`` and of ``spreading``."""
    command = [sys.executable, "-W", "ignore", "-m", "training_together", json.dumps(how)]
    here = os.pathsep.join(
        [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": here}, **pipes)


def children(own: list[dict], **how) -> list[subprocess.Popen]:
    """Start several that connect on loopback, each with its options in ``own`` and with ``how``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    meeting = {"coordinator": address, "processes": len(own)}
    return [child(**how, **meeting, process=number, **each) for number, each in enumerate(own)]


def ended(process: subprocess.Popen, patience: int = 1500) -> tuple[int, object, str]:
    """Exit code, what was printed, standard error."""
    try:
        out, err = process.communicate(timeout=patience)
    finally:
        process.kill()
    return process.returncode, json.loads(out) if out.strip() else None, err


def trained(net: str, checkpoint: str | None = None, dies_after: int | None = None) -> list[float]:
    """Return the losses of a small net's epochs; ``dies_after`` an epoch the process is killed."""

    def killed(epoch: int) -> None:
        if epoch == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    return (_tuned if net == "tuned" else _fitted)(net, checkpoint, killed)


def _fitted(net, checkpoint, killed) -> list[float]:
    from etabli.models.vision import digit_classifiers
    from etabli.training import keras_trainer

    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 44).astype(np.int32)
    images = draw.random((44, 28, 28, 1), dtype=np.float32) * 0.3
    for index, label in enumerate(labels):
        images[index, 4 + 7 * label : 10 + 7 * label] += 0.7
    if net == "dense":
        model, images = digit_classifiers.build_mlp(0, classes=3), images.reshape(44, -1)
    else:
        model = digit_classifiers.build_cnn(0, filters=(2, 3), units=8, classes=3)
    model = digit_classifiers.compile_model(model, learning_rate=0.1, momentum=0.9)
    rows = keras_trainer.fit(
        model, images, labels, epochs=EPOCHS, batch_size=8, checkpoint=checkpoint,
        on_epoch=lambda row: killed(row["epoch"]),
    )  # fmt: skip
    return [row["loss"] for row in rows]


def _tuned(net, checkpoint, killed) -> list[float]:
    import keras
    from keras import layers

    from etabli.models.vision import finetune, linear_head

    draw = np.random.default_rng(1)
    pictures = draw.normal(size=(20, 8, 8, 3)).astype(np.float32)
    labels = np.where(pictures.mean((1, 2))[:, :2] > 0, 1, -1).astype(np.int8)
    keras.utils.set_random_seed(3)
    steps = [
        layers.Conv2D(6, 1, name="a"),
        layers.BatchNormalization(name="b"),
        layers.ReLU(name="c"),
    ]
    x = seen = keras.Input((8, 8, 3))
    for step in [*steps, layers.DepthwiseConv2D(3, name="d"), layers.Conv2D(5, 1, name="e")]:
        x = step(x)
    tail = finetune.build_tail(keras.Model(seen, x), None)
    head = linear_head.LinearClassifier(
        np.zeros((tail.output_shape[-1], 2), np.float32), np.zeros(2, np.float32)
    )
    plan = finetune.FinetuneConfig(epochs=EPOCHS, batch_size=8, learning_rate=1e-3)

    def judge(logits_of) -> float:
        return -linear_head.binary_cross_entropy(labels, logits_of(pictures))

    def watch(advance, **numbers) -> None:
        if advance == 0:
            killed(numbers["epoch"] - 1)

    path = Path(checkpoint) if checkpoint else None
    done = finetune.fine_tune(
        tail, head, lambda places, draws: pictures[places], labels, plan, judge, path, watch
    )
    return [*done.losses, *done.validations]


def compared(net: str, counts: list[int]) -> list[list[float]]:
    """Return the losses of the same training on one device and sharded over ``counts`` devices."""
    from etabli.training import data_parallel

    losses = [trained(net)]
    for count in counts:
        with data_parallel.use_devices(count):
            losses.append(trained(net))
    return losses


def main() -> None:
    from etabli.cli._distributed import train_distributed
    from etabli.training import processes

    how = json.loads(sys.argv[1])
    if "counts" in how:
        processes.set_cpu_devices(max(how["counts"]))
        print(json.dumps({net: compared(net, how["counts"]) for net in how["nets"]}))
        return
    names = ("devices", "coordinator", "processes", "process")
    apart = [how.pop(name, {"processes": 1}.get(name)) for name in names]
    with train_distributed(*apart):
        told = {net: trained(net, **how) for net in how.pop("nets")}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
