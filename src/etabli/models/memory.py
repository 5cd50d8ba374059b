"""The memory of a training that may be killed at any moment: one file, written in one step after every epoch."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from etabli.files import atomic_write, parse_json
from etabli.hashing import digest

__all__ = ["UNFINISHED", "Memory", "path_of"]

UNFINISHED = ".unfinished"  # the folder of trainings under way, beside what they will become


def path_of(folder: Path | str, *key: object) -> Path:
    """The file in ``folder`` of the training that ``key`` describes: all that makes two trainings different."""
    return Path(folder) / f"{digest(list(key))}.safetensors"


class Memory:
    """What a training, and whoever follows it, must know to go on after its last whole epoch.

    ``done`` epochs are behind it, and ``state`` are the arrays that it goes on with. ``rows`` (plain values) and
    ``arrays`` belong to whoever follows the training: what they hold when an epoch is kept is found again. Whoever
    gives the ``path`` lets it depend on all that makes two trainings different; without a path nothing is kept, and
    nothing is found.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.done = 0
        self.rows: list[dict[str, float]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.state: list[np.ndarray] = []
        self._streams: list[dict] = []
        if self.path is not None:
            self._read()

    def resumed(self, fresh: Sequence[object]) -> list:
        """The arrays that the training goes on with: those of the file, or ``fresh`` where there are none that fit."""
        kept = [(array.shape, array.dtype) for array in self.state]
        if self.done and kept == [(np.shape(array), np.asarray(array).dtype) for array in fresh]:
            return self.state
        self.done = 0
        self.rows.clear()
        self.arrays.clear()
        return list(fresh)

    def keep(self, done: int, state: Sequence[object], *streams: np.random.Generator) -> None:
        """Write what there is after ``done`` epochs, and where the streams of random numbers are by then.

        An interruption leaves the former file.
        """
        self.done, self._streams = done, [stream.bit_generator.state for stream in streams]
        if self.path is None:
            return
        from safetensors.numpy import save

        tensors = {f"state/{place:03d}": _plain(array) for place, array in enumerate(state)}
        tensors |= {f"arrays/{name}": _plain(array) for name, array in self.arrays.items()}
        with atomic_write(self.path, "wb") as stream:
            words = {"done": str(done), "rows": json.dumps(self.rows), "streams": json.dumps(self._streams)}
            stream.write(save(tensors, words))

    def restore(self, *streams: np.random.Generator) -> None:
        """Bring the streams to where they were when ``keep`` got them; ``resumed`` comes first."""
        for stream, state in zip(streams, self._streams if self.done else (), strict=False):
            stream.bit_generator.state = state

    def _read(self) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="numpy") as file:
                metadata = file.metadata() or {}
                done, rows = int(metadata["done"]), parse_json(metadata["rows"])
                self._streams = parse_json(metadata.get("streams", "[]"))
                held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (FileNotFoundError, SafetensorError, KeyError, ValueError):
            return
        self.done, self.rows = done, rows
        self.state = [held[name] for name in sorted(held) if name.startswith("state/")]
        self.arrays = {name.removeprefix("arrays/"): held[name] for name in held if name.startswith("arrays/")}


def _plain(array: object) -> np.ndarray:
    return np.array(array, order="C")
