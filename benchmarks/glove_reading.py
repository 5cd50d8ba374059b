"""The vectors of 8,000 wanted words out of a GloVe file of 400,000 lines: ours, and a loop of
``line.split()``.

The file is made of random numbers, 100 to a word, in the width of the official file.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np

from etabli.data.formats import word_vectors

LINES, D, WANTED = 400_000, 100, 8_000


def make(path: Path) -> list[str]:
    """Write the file; the wanted words."""
    generator = np.random.default_rng(0)
    rows = [" ".join(f"{value:.5f}" for value in generator.normal(size=D)) for _row in range(500)]
    with path.open("w", encoding="utf-8") as stream:
        for number in range(LINES):
            stream.write(f"word{number} {rows[number % 500]}\n")
    return [f"word{number}" for number in generator.choice(LINES, WANTED, replace=False)]


def split_loop(path: Path, wanted: list[str]) -> Callable[[], object]:
    """The loop of the practical: every line is split, its numbers kept where its word is wanted."""

    def read() -> dict[str, np.ndarray]:
        chosen, found = set(wanted), {}
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                parts = line.split()
                if parts[0] in chosen:
                    found[parts[0]] = np.asarray(parts[1:], dtype=np.float32)
        return found

    return read


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glove.txt"
        wanted = make(path)
        names = "etabli", "a loop of line.split()"
        ours, loop = (lambda: word_vectors.read(path, wanted)), split_loop(path, wanted)
        theirs, read = loop(), ours()
        if set(read.words) != set(theirs) or any(
            (read.lookup([word])[0] != theirs[word]).any() for word in wanted[:100]
        ):
            raise SystemExit("the two readers do not agree")
        timings = harness.compare(dict(zip(names, (ours, loop), strict=True)), repeats=7)
    harness.conclude(
        "glove_reading",
        f"{WANTED:,} vectors out of a GloVe file of {LINES:,} lines",
        timings,
        {
            "times faster than a loop of line.split()": (
                harness.ratio(timings, names[1], names[0]),
                ">= 3",
            )
        },
    )


if __name__ == "__main__":
    main()
