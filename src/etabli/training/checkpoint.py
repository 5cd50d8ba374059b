"""The memory of a training that may be killed at any moment: one file, written in one step after every epoch.

The state of a training in one safetensors file: weights, optimizer, random states, the epochs done.

The checkpoint of a fine-tuning: one file, written in one step after every epoch, gone on with by the same plan.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as pack

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.hashing import compute_digest
from etabli.training import data_parallel

if TYPE_CHECKING:
    import keras

__all__ = [
    "CHECKPOINTS_DIR",
    "Checkpoint",
    "arrays",
    "checkpoint_path",
    "found",
    "keep",
    "load",
    "recipe",
    "resume",
    "save",
    "variables",
]

CHECKPOINTS_DIR = "checkpoints"  # in every output folder: trainings that have not finished


def checkpoint_path(folder: Path | str, *key: object) -> Path:
    """The file in ``folder`` of the training that ``key`` describes: all that makes two trainings different."""
    return Path(folder) / f"{compute_digest(list(key))}.safetensors"


class Checkpoint:
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
            words = {
                "done": str(done),
                "rows": json.dumps(self.rows),
                "streams": json.dumps(self._streams),
            }
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
        self.arrays = {
            name.removeprefix("arrays/"): held[name] for name in held if name.startswith("arrays/")
        }


def _plain(array: object) -> np.ndarray:
    return np.array(array, order="C")


def recipe(model: "keras.Model", **settings: object) -> str:
    """A hash of what makes two trainings the same one: architecture, optimizer, loss, settings."""
    from keras import losses, optimizers

    optimizer = optimizers.serialize(model.optimizer)
    optimizer["config"].pop("name")  # Keras counts its optimizers
    parts = {
        "model": [layer.get_config() for layer in model.layers],
        "optimizer": optimizer,
        "loss": losses.serialize(losses.get(model.loss)),
        **settings,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def variables(model: "keras.Model") -> list:
    """Everything that a training changes."""
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def arrays(model: "keras.Model") -> list[np.ndarray]:
    """Everything that a training changes, as it is now."""
    from keras import ops

    return [
        np.array(ops.convert_to_numpy(variable.value), order="C") for variable in variables(model)
    ]


def resume(model: "keras.Model", memory: Checkpoint) -> None:
    """Bring a compiled model to the state of a memory, where it holds one."""
    model.optimizer.build(model.trainable_variables)
    for variable, value in zip(variables(model), memory.resumed(arrays(model)), strict=True):
        variable.assign(value)


def save(model: "keras.Model", path: Path | str, recipe: str, rows: list[dict[str, float]]) -> None:
    """Write the state in one step; an interruption leaves the former file."""
    from safetensors.numpy import save as packed

    tensors = {f"{index:03d}": array for index, array in enumerate(arrays(model))}
    with atomic_write(path, "wb") as stream:
        stream.write(packed(tensors, metadata={"recipe": recipe, "rows": json.dumps(rows)}))


def load(model: "keras.Model", path: Path | str, recipe: str) -> list[dict[str, float]]:
    """Bring the model to the state of the file and return its rows; ``[]`` where it is absent, broken or another's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("recipe") != recipe:
                return []
            for index, variable in enumerate(variables(model)):
                variable.assign(file.get_tensor(f"{index:03d}"))
            return parse_json(metadata["rows"])
    except (FileNotFoundError, SafetensorError):
        return []


STATE = ("weights", "average", "first", "second")


class Learning(Protocol):
    """What learns: the ``names`` of the tail's variables by a ``plan``; after them come the head's two."""

    plan: object
    names: list[str]
    tail: object


def keep(path: Path, machine: Learning, state: dict, best: list, history: dict) -> None:
    """Write the state of the training, its best weights and its history."""
    tensors = {"step": np.asarray(state["step"], np.float32).reshape(1)}
    for kind in STATE:
        tensors |= {f"{kind}/{place}": np.asarray(value) for place, value in enumerate(state[kind])}
    tensors |= {f"best/{place}": np.asarray(value) for place, value in enumerate(best)}
    text = json.dumps({"plan": _mark(machine), "history": history})
    tensors["record"] = np.frombuffer(text.encode(), dtype=np.uint8)
    with atomic_write(path, "wb") as stream:
        stream.write(pack(tensors))


def found(path: Path, machine: Learning):
    """State, best weights and history of a checkpoint of the same plan and net; ``None`` where none fits."""
    import jax.numpy as jnp

    try:
        tensors = load_file(path)
        record = parse_json(tensors["record"].tobytes())
        if record["plan"] != _mark(machine):
            return None
        count = len(machine.names) + 2
        held = {
            kind: [jnp.asarray(tensors[f"{kind}/{place}"]) for place in range(count)]
            for kind in (*STATE, "best")
        }
    except (FileNotFoundError, SafetensorError, KeyError, ValueError):
        return None
    held = data_parallel.replicate({**held, "step": jnp.asarray(tensors["step"][0])})
    return held, held.pop("best"), record["history"]


def _mark(machine: Learning) -> str:
    """Of a plan, of what learns by it, and of the size of its inputs."""
    what = [asdict(machine.plan), machine.names, machine.tail.input_shape]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
