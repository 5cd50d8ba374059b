"""An epoch of the SimpleRNN captioner at batch 10: ours, Keras on JAX and TensorFlow; its memory.

Each runs in a process of its own (a process has one backend), all on the same 6,000 captions of
Flickr8k's lengths. The memory is asked of another process of ours that goes through 30,000
captions, as the practical does, and compared with the dense arrays of inputs and wanted outputs
that the practical makes.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import harness
import numpy as np

CAPTIONS, STEPS, WORDS, WIDTH, BATCH = 6_000, 35, 1000, 100, 10
WHOLE = 30_000
DENSE_MB = WHOLE * STEPS * (2 * WIDTH + 2 + WORDS) * 4 / 1e6


def data(number: int):
    from etabli.models.captioning.simple_rnn import CaptionData

    generator = np.random.default_rng(0)
    lengths = np.clip(generator.normal(11, 3.7, number).round(), 1, STEPS - 1).astype(int)
    captions = np.full((number, STEPS + 1), -1, np.int32)
    for row, length in zip(captions, lengths, strict=True):
        row[: length + 2] = [0, *generator.integers(2, WORDS, length), 1]
    table = generator.normal(size=(WORDS, WIDTH + 2)).astype(np.float32)
    images = generator.normal(size=(number // 5, WIDTH)).astype(np.float32)
    return CaptionData(images, np.arange(number) // 5, captions, table)


def work(kind: str) -> None:
    """Train an epoch for every line read from standard input; answer with the peak memory."""
    from etabli.core.environment import peak_memory_mb
    from etabli.models.captioning import simple_rnn

    examples = data(WHOLE if kind == "memory" else CAPTIONS)
    model = simple_rnn.build()
    if kind == "keras":
        x, y = examples.inputs(np.arange(len(examples))), np.maximum(examples.targets, 0)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        epoch = lambda: model.fit(x, y, batch_size=BATCH, verbose=0)  # noqa: E731
    else:
        epoch = lambda: list(simple_rnn.train(model, examples, 1, seed=0, batch_size=BATCH))  # noqa: E731
    print("ready", flush=True)
    for _line in sys.stdin:
        epoch()
        print(
            peak_memory_mb(), flush=True
        )  # not ru_maxrss, which a child inherits from the process that started it


def worker(kind: str, backend: str) -> tuple[Callable[[], str], subprocess.Popen]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, kind]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline().strip() == "ready"

    def epoch() -> str:
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    return epoch, process


def main() -> None:
    kinds = {
        "ours": ("ours", "jax"),
        "Keras on JAX, fit": ("keras", "jax"),
        "Keras on TensorFlow, fit": ("keras", "tensorflow"),
    }
    workers = {name: worker(*kind) for name, kind in kinds.items()}
    timings = harness.compare(
        {name: epoch for name, (epoch, _process) in workers.items()}, repeats=3
    )
    for _epoch, process in workers.values():
        process.stdin.close()
        process.wait()
    epoch, process = worker("memory", "jax")
    peak = float(epoch()) * 2**20 / 1e6
    process.stdin.close()
    process.wait()
    harness.conclude(
        "caption_epoch",
        f"the course's captioner, {CAPTIONS} captions, batch {BATCH}",
        timings,
        {
            "times faster than Keras on TensorFlow": (
                harness.ratio(timings, "Keras on TensorFlow, fit", "ours"),
                ">= 3",
            ),
            "times faster than Keras on JAX": (
                harness.ratio(timings, "Keras on JAX, fit", "ours"),
                "> 1",
            ),
            "of the dense arrays' memory at the peak of 30,000 captions": (
                peak / DENSE_MB,
                "< 0.25",
            ),
        },
        notes=f"peak of the whole process {peak:.0f} MB; "
        f"dense inputs and outputs {DENSE_MB:.0f} MB",
    )


if __name__ == "__main__":
    work(sys.argv[1]) if len(sys.argv) > 1 else main()
