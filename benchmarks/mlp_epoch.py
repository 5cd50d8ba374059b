"""One epoch of the MLP 784-100-10 (batch 100, 60,000 images): ours, scikit-learn's, a JAX scan.

All three do the same job in float32: a new order in every epoch, the loss followed, plain gradient
descent at rate 1. ``python benchmarks/mlp_epoch.py --one-thread`` keeps all of them on one core;
without it each takes what it wants. On one shared pair of cores the second shows how the machine
was busy more than how fast the programs are.
"""

import os
import sys

ONE_THREAD = "--one-thread" in sys.argv
if ONE_THREAD:  # before NumPy and JAX are imported
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402

import harness  # noqa: E402
import numpy as np  # noqa: E402
from threadpoolctl import threadpool_info  # noqa: E402

from etabli.models.estimators.mlp import MLP  # noqa: E402

N, D, H, K, BATCH, EPOCHS = 60_000, 784, 100, 10, 100, 2


def images() -> tuple[np.ndarray, np.ndarray]:
    """MNIST's sizes and share of ink (19 %); the time depends on nothing else."""
    generator = np.random.default_rng(0)
    x = generator.random((N, D), dtype=np.float32) * (
        generator.random((N, D), dtype=np.float32) < 0.19
    )
    return x, generator.integers(0, K, N)


def ours(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    return lambda: MLP(epochs=EPOCHS, random_state=0).fit(x, y)


def scikit_learn(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    from sklearn.neural_network import MLPClassifier

    settings = {
        "solver": "sgd",
        "activation": "logistic",
        "momentum": 0,
        "alpha": 0,
        "learning_rate_init": 1.0,
    }

    def train() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged: that is not asked here
            MLPClassifier((H,), batch_size=BATCH, max_iter=EPOCHS, random_state=0, **settings).fit(
                x, y
            )

    return train


def jax_scan(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    import jax
    import jax.numpy as jnp

    def loss(parameters: list, batch: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        w_hidden, b_hidden, w, b = parameters
        logits = jax.nn.sigmoid(batch @ w_hidden + b_hidden) @ w + b
        losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return losses.mean(), (logits.argmax(axis=1) == labels).mean()

    @jax.jit
    def epoch(parameters: list, x: jax.Array, y: jax.Array, order: jax.Array):
        def step(parameters, chosen):
            (value, correct), gradients = jax.value_and_grad(loss, has_aux=True)(
                parameters, x[chosen], y[chosen]
            )
            return [w - g for w, g in zip(parameters, gradients, strict=True)], (value, correct)

        parameters, curves = jax.lax.scan(step, parameters, order.reshape(-1, BATCH))
        return parameters, [curve.mean() for curve in curves]

    x, y, generator = jnp.asarray(x), jnp.asarray(y), np.random.default_rng(0)
    start = [
        jnp.asarray(array)
        for array in MLP(epochs=1, random_state=0).fit(x[:BATCH], y[:BATCH]).parameters_
    ]

    def train() -> None:
        parameters = start
        for _ in range(EPOCHS):
            parameters, curves = epoch(parameters, x, y, generator.permutation(N))
        jax.block_until_ready((parameters, curves))

    return train


def main() -> None:
    x, y = images()
    timings = harness.compare(
        {"Établi": ours(x, y), "scikit-learn": scikit_learn(x, y), "JAX, one scan": jax_scan(x, y)},
        repeats=5,
    )
    for timing in timings.values():
        timing.seconds = [seconds / EPOCHS for seconds in timing.seconds]
    kernels = sorted({each["architecture"] for each in threadpool_info() if "architecture" in each})
    harness.conclude(
        "mlp_epoch_one_thread" if ONE_THREAD else "mlp_epoch",
        "one epoch of the perceptron 784-100-10, batch 100, 60,000 images"
        + (", one core for each" if ONE_THREAD else ", both cores for each"),
        timings,
        {
            "times faster than scikit-learn": (
                harness.ratio(timings, "scikit-learn", "Établi"),
                ">= 1.5",
            ),
            "times the time of JAX": (harness.ratio(timings, "Établi", "JAX, one scan"), "<= 1"),
        },
        f"Kernels of NumPy's OpenBLAS: {', '.join(kernels)} (decision 0025).",
    )


if __name__ == "__main__":
    main()
