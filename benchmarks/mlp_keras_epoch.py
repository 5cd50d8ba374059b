"""The Keras MLP 784-100-10, batch 100, 60,000 images: our loop, Keras on JAX and on TensorFlow."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import harness
import keras_baseline

N = 60_000


def main() -> None:
    kind = "perceptron"
    candidates = {
        "Établi": keras_baseline.etabli(kind, N),
        "Keras on TensorFlow, fit": keras_baseline.tensorflow(kind, N),
        "Keras on JAX, fit": keras_baseline.keras_fit(kind, N),
    }
    timings = harness.compare(candidates, repeats=3)
    baselines = {
        f"times faster than {name}": (harness.ratio(timings, name, "Établi"), bar)
        for name, bar in (("Keras on TensorFlow, fit", ">= 3"), ("Keras on JAX, fit", "> 1"))
    }
    harness.conclude(
        "mlp_keras_epoch",
        "one epoch of the Keras perceptron, batch 100, 60,000 images",
        timings,
        baselines,
    )


if __name__ == "__main__":
    main()
