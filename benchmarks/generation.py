"""Generate 1,000 characters, and 64 poems of 1,000 characters at once.

The models are the SimpleRNN of the course, the LSTM and the n-gram model.
"""

import os
from collections.abc import Callable

import harness
import numpy as np

from etabli.models.text.generation import (
    LstmPredictor,
    NGramPredictor,
    Predictor,
    WindowPredictor,
    generate,
)
from etabli.models.text.ngram import kneser_ney
from etabli.models.text.sampling import Decoding

V, LENGTH, POEMS = 60, 1000, 64


def readers() -> dict[str, Predictor]:
    """Untrained nets: the time depends on their sizes."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    from etabli.models.text import lstm, simple_rnn

    codes = np.random.default_rng(0).integers(0, V, 100_000)
    return {
        "SimpleRNN(128), windows of 10": WindowPredictor(simple_rnn.build(10, V).get_weights(), 10),
        "LSTM(384)": LstmPredictor(lstm.build(V, 384).get_weights()),
        "modified Kneser-Ney 6": NGramPredictor(kneser_ney(codes, V, 6)),
    }


def writing(reader: Predictor, texts: int) -> Callable[[], object]:
    def run() -> None:
        for _codes in generate(
            reader, np.arange(10), LENGTH, Decoding(0.5), np.random.default_rng(0), texts
        ):
            pass

    return run


def main() -> None:
    made = readers()
    one = {name: writing(reader, 1) for name, reader in made.items()}
    many = {f"{name}, {POEMS} poems": writing(made[name], POEMS) for name in list(made)[:2]}
    timings = harness.compare({**one, **many}, repeats=3)
    course, poems = (
        timings["SimpleRNN(128), windows of 10"],
        timings[f"SimpleRNN(128), windows of 10, {POEMS} poems"],
    )
    harness.conclude(
        "generation",
        f"Writing {LENGTH:,} characters, once and {POEMS} times at once",
        timings,
        {
            "seconds for 1,000 characters by the course's net": (course.median, "< 1"),
            f"seconds for {POEMS} poems at once by the course's net": (poems.median, "< 3"),
        },
    )


if __name__ == "__main__":
    main()
