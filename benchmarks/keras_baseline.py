"""The Keras baselines: the same net trained by ``fit``, on TensorFlow in a separate process.

Keras has one backend per process; each line on standard input makes it train one epoch.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

BATCH = 100


def images(n: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's share of ink (19 %); the time depends on nothing else."""
    draw = np.random.default_rng(0)
    x = draw.random((n, *shape), dtype=np.float32) * (
        draw.random((n, *shape), dtype=np.float32) < 0.19
    )
    return x, draw.integers(0, 10, n).astype(np.int32)


def net(kind: str):
    """The compiled net of practical 2 under this process's backend."""
    from etabli.models.vision import digit_classifiers

    model = {
        "perceptron": digit_classifiers.build_mlp,
        "convolutional": digit_classifiers.build_cnn,
    }[kind]()
    return digit_classifiers.compile_model(model, learning_rate=0.1)


def tensorflow(kind: str, n: int) -> Callable[[], None]:
    """One epoch of Keras' ``fit`` on TensorFlow."""
    words = [sys.executable, str(Path(__file__)), kind, str(n)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def epoch() -> None:
        process.stdin.write("epoch\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "done":
            raise RuntimeError("the TensorFlow process ended: run 'make bench-env'")

    return epoch


def etabli(kind: str, n: int) -> Callable[[], None]:
    """One epoch of our loop, on JAX."""
    from etabli.training.data_loader import DataLoader
    from etabli.training.jax_trainer import JaxTrainer

    model = net(kind)
    model.optimizer.build(model.trainable_variables)
    loader = DataLoader(*images(n, model.input_shape[1:]), BATCH, 0, None)
    trainer = JaxTrainer(model, loader)
    return lambda: trainer.train_epoch(0)


def keras_fit(kind: str, n: int) -> Callable[[], None]:
    """One epoch of Keras' own ``fit`` under this process's backend."""
    model = net(kind)
    x, y = images(n, model.input_shape[1:])
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0)


if __name__ == "__main__":
    train = keras_fit(sys.argv[1], int(sys.argv[2]))
    for _line in sys.stdin:
        train()
        print("done", flush=True)
