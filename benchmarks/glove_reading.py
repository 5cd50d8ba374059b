"""The vectors of 1,000 wanted words out of a GloVe file of 50,000 lines: ours, a loop of
``line.split()``, and gensim, which reads all lines.

The file is made of random numbers, 100 to a word, in the width of the official file.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np

from etabli.data.formats import word_vectors

LINES, D, WANTED = 50_000, 100, 1_000


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


def gensim_vectors(path: Path, wanted: list[str]) -> Callable[[], dict[str, np.ndarray]]:
    """Gensim's reader of a file without a header, and the wanted rows of what it read."""
    from gensim.models import KeyedVectors

    def read() -> dict[str, np.ndarray]:
        read = KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True)
        return {word: read[word] for word in wanted if word in read}

    return read


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glove.txt"
        wanted = make(path)
        names = "etabli", "a loop of line.split()", "gensim"
        calls = (
            (lambda: word_vectors.read(path, wanted)),
            *(make_reader(path, wanted) for make_reader in (split_loop, gensim_vectors)),
        )
        read, loop, gensim = (call() for call in calls)
        for theirs in (loop, gensim):
            if set(read.words) != set(theirs) or any(
                (read.lookup([word])[0] != theirs[word]).any() for word in wanted[:100]
            ):
                raise SystemExit("the readers do not agree")
        timings = harness.compare(dict(zip(names, calls, strict=True)), repeats=3)
    bars = {names[1]: ">= 3", names[2]: "> 1"}
    harness.conclude(
        "glove_reading",
        f"{WANTED:,} vectors out of a GloVe file of {LINES:,} lines",
        timings,
        {
            f"times faster than {name}": (harness.ratio(timings, name, names[0]), bar)
            for name, bar in bars.items()
        },
    )


if __name__ == "__main__":
    main()
