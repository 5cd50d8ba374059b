"""One epoch of the course's SimpleRNN(128): ours on codes, Keras' ``fit`` on one-hot arrays.

The sizes of Les Fleurs du mal: 116,932 windows of 10 characters out of 60, batch 128, RMSprop, a
new order each epoch. Each Keras runs in a separate process (the backend is chosen once a process)
and trains on request.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import harness
import numpy as np

N, T, V, H, BATCH = 116_932, 10, 60, 128, 128


def windows() -> tuple[np.ndarray, np.ndarray]:
    """Random characters: the time depends on nothing but their number."""
    codes = np.random.default_rng(0).integers(0, V, N + T).astype(np.int32)
    return np.lib.stride_tricks.sliding_window_view(codes, T)[:-1], codes[T:]


def ours() -> Callable[[], object]:
    """An epoch at a time out of one long training, as in an experiment."""
    from etabli.models.text import simple_rnn

    run = simple_rnn.train(
        simple_rnn.build(T, V, H), *windows(), 10_000, simple_rnn.TrainConfig(batch_size=BATCH), 0
    )
    return lambda: next(run)


def keras_fit(backend: str) -> Callable[[], object]:
    """The course's ``fit`` in another process."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    worker = subprocess.Popen(
        [sys.executable, __file__, "--worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )

    def epoch() -> None:
        worker.stdin.write("epoch\n")
        worker.stdin.flush()
        if worker.stdout.readline().strip() != "done":
            raise SystemExit(f"Keras on {backend} did not finish its epoch")

    return epoch


def work() -> None:
    """The other process: one epoch of ``fit`` for each line on standard input."""
    import keras

    inputs, targets = windows()
    one_hot = np.eye(V, dtype=np.float32)
    x, y = one_hot[inputs], one_hot[targets]
    model = keras.Sequential(
        [
            keras.Input((T, V)),
            keras.layers.SimpleRNN(H),
            keras.layers.Dense(V),
            keras.layers.Activation("softmax"),
        ]
    )
    model.compile(keras.optimizers.RMSprop(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    for _line in sys.stdin:
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        print("done", flush=True)


def main() -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    names = "etabli, on codes", "Keras on TensorFlow, fit", "Keras on JAX, fit"
    candidates = dict(zip(names, (ours(), keras_fit("tensorflow"), keras_fit("jax")), strict=True))
    timings = harness.compare(candidates, repeats=3)
    harness.conclude(
        "rnn_epoch",
        "One epoch of SimpleRNN(128) on Les Fleurs du mal's windows",
        timings,
        {
            "times faster than Keras on TensorFlow": (
                harness.ratio(timings, names[1], names[0]),
                ">= 1.5",
            ),
            "times faster than Keras on JAX": (harness.ratio(timings, names[2], names[0]), ""),
        },
    )


if __name__ == "__main__":
    work() if "--worker" in sys.argv else main()
