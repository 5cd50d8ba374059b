"""The convolutional net of practical 2, batch 100: our loop, Keras on JAX, Keras on TensorFlow.

A tenth of an epoch (6,000 images) a round; seconds are scaled to the 60,000 of a whole one.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import harness
import keras_baseline

N, WHOLE = 6_000, 60_000


def main() -> None:
    kind = "convolutional"
    candidates = {
        "Établi": keras_baseline.etabli(kind, N),
        "Keras on TensorFlow, fit": keras_baseline.tensorflow(kind, N),
        "Keras on JAX, fit": keras_baseline.keras_fit(kind, N),
    }
    timings = harness.compare(candidates, repeats=3)
    for timing in timings.values():
        timing.seconds = [seconds * WHOLE / N for seconds in timing.seconds]
    slower = harness.ratio(timings, "Établi", "Keras on TensorFlow, fit")
    faster = harness.ratio(timings, "Keras on JAX, fit", "Établi")
    harness.conclude(
        "cnn_epoch",
        "one epoch of the convolutional net, batch 100, 60,000 images",
        timings,
        {
            "times the time of Keras on TensorFlow": (slower, "<= 0.8"),
            "times faster than Keras on JAX": (faster, "> 1"),
        },
    )


if __name__ == "__main__":
    main()
