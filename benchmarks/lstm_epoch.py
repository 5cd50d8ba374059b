"""One epoch of a character LSTM: ours, and a plain loop in PyTorch of the same net and batches.

A third of Les Fleurs du mal: 39,000 characters of 60, embedding 64, LSTM(384), 32 streams of 32
characters, state carried over, cross-entropy, gradient clipped at 1, Adam. Ours is timed without
any dropout, as PyTorch's ``nn.LSTM`` has none of the recurrent weights, and as practical 4 trains
it. Both start from the same weights, and their first losses must agree.
"""

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"

import harness
import numpy as np
import torch

from etabli.models.text import lstm
from etabli.models.text.lstm import TrainConfig

N, V, UNITS, EMBEDDING = 39_000, 60, 384, 64
REGULARIZED = TrainConfig(teacher=0.0)
PLAIN = TrainConfig(teacher=0.0, weight_drop=0.0, input_drop=0.0, output_drop=0.0)


class Net(torch.nn.Module):
    """The same net as ``lstm.build``, with given weights in the order of Keras."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        super().__init__()
        self.rows = torch.nn.Embedding(V, EMBEDDING)
        self.recurrent = torch.nn.LSTM(EMBEDDING, UNITS)
        self.dense = torch.nn.Linear(UNITS, V)
        rows, kernel, recurrent, bias, dense, dense_bias = map(torch.tensor, weights)
        given = {
            "rows.weight": rows,
            "recurrent.weight_ih_l0": kernel.T,
            "recurrent.weight_hh_l0": recurrent.T,
            "recurrent.bias_ih_l0": bias,
            "recurrent.bias_hh_l0": torch.zeros_like(bias),
            "dense.weight": dense.T,
            "dense.bias": dense_bias,
        }
        self.load_state_dict({name: array.contiguous() for name, array in given.items()})

    def forward(self, codes: torch.Tensor, state: tuple | None) -> tuple:
        states, state = self.recurrent(self.rows(codes), state)
        return self.dense(states), state


def ours(codes: np.ndarray, config: TrainConfig, losses: list[float]) -> Callable[[], object]:
    """One epoch at a time out of one long training, as in an experiment."""
    run = lstm.train(lstm.build(V, UNITS, EMBEDDING), codes, 10_000, config, 0)
    return lambda: losses.append(next(run).loss)


def pytorch(codes: np.ndarray, losses: list[float]) -> Callable[[], object]:
    """One epoch of the plain loop, on the same windows of the same streams."""
    net = Net(lstm.build(V, UNITS, EMBEDDING).get_weights())
    optimizer = torch.optim.Adam(net.parameters(), PLAIN.learning_rate)
    length = (N - 1 - PLAIN.steps) // PLAIN.streams // PLAIN.steps * PLAIN.steps

    def epoch() -> None:
        streams = np.arange(PLAIN.streams) * length
        text = torch.from_numpy(codes[streams + np.arange(length + 1)[:, None]]).long()
        state, total = None, 0.0
        for start in range(0, length, PLAIN.steps):
            logits, state = net(text[start : start + PLAIN.steps], state)
            state = tuple(each.detach() for each in state)
            targets = text[start + 1 : start + PLAIN.steps + 1]
            loss = torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), PLAIN.clip)
            optimizer.step()
            total += loss.item() * PLAIN.steps / length
        losses.append(total)

    return epoch


def text() -> np.ndarray:
    """Characters that can be learned: each often depends on the one before."""
    draw = np.random.default_rng(0)
    follows, steps = draw.permutation(V), draw.random(N) < 0.7
    codes = draw.integers(0, V, N)
    for at in range(1, N):
        if steps[at]:
            codes[at] = follows[codes[at - 1]]
    return codes


def main() -> None:
    codes = text()
    losses: dict[str, list[float]] = {"ours": [], "regularized": [], "torch": []}
    timings = harness.compare(
        {
            "Établi, no dropout": ours(codes, PLAIN, losses["ours"]),
            "Établi, as practical 4 trains it": ours(codes, REGULARIZED, losses["regularized"]),
            "PyTorch, a plain loop": pytorch(codes, losses["torch"]),
        },
        repeats=3,
    )
    first = losses["ours"][0], losses["torch"][0]
    if abs(first[0] - first[1]) > 0.1:
        raise SystemExit(f"the two nets do not learn alike: losses of the first epoch {first}")
    harness.conclude(
        "lstm_epoch",
        f"One epoch of LSTM({UNITS}) on {N:,} characters, {PLAIN.streams} x {PLAIN.steps} a step",
        timings,
        {
            f"times faster than a plain loop in PyTorch, {kind}": (
                harness.ratio(timings, "PyTorch, a plain loop", f"Établi, {kind}"),
                ">= 1",
            )
            for kind in ("no dropout", "as practical 4 trains it")
        },
        f"Mean losses of the first epoch: ours {first[0]:.3f}, PyTorch {first[1]:.3f}.",
    )


if __name__ == "__main__":
    main()
