"""Checkpoints: the state of a training after its last whole epoch, in one safetensors file.

Resuming gives the same weights bit for bit: the state holds the optimizer's arrays and the random
streams too.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.hashing import compute_digest
from etabli.training import data_parallel

if TYPE_CHECKING:
    import keras

__all__ = [
    "CHECKPOINTS_DIR",
    "Checkpoint",
    "checkpoint_path",
    "model_digest",
    "model_state",
    "restore_model",
]

CHECKPOINTS_DIR = "checkpoints"  # in every output folder: trainings that have not finished


def checkpoint_path(folder: Path | str, *key: object) -> Path:
    """Return the checkpoint file of the training that ``key`` identifies."""
    return Path(folder) / f"{compute_digest(list(key))}.safetensors"


class Checkpoint:
    """The state of a training after ``epoch`` whole epochs, kept in a file.

    ``state`` holds the arrays of the training; ``rows`` (its history, plain values) and ``arrays``
    (the best weights, for example) belong to the caller and are saved and restored with it. A file
    that is missing, damaged or of another ``digest`` (None: of any) is ignored; without a path
    nothing is written.
    Of several processes the main one writes.
    """

    def __init__(self, path: Path | str | None = None, digest: str | None = "") -> None:
        self.path, self.digest = None if path is None else Path(path), digest
        self.epoch = 0
        self.rows: list[dict[str, float]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.state: list[np.ndarray] = []
        self._streams: list[Any] = []
        if self.path is not None:
            data_parallel.broadcast_file(self.path)
            self._read(self.path)

    def restore(self, fresh: Sequence[Any]) -> list[Any]:
        """Return the saved state, or ``fresh`` (and epoch 0) where none of its shapes and types is
        saved."""
        saved = [(array.shape, array.dtype) for array in self.state]
        if self.epoch and saved == [(np.shape(array), np.asarray(array).dtype) for array in fresh]:
            return list(self.state)
        self.epoch = 0
        self.rows.clear()
        self.arrays.clear()
        return list(fresh)

    def restore_streams(self, *streams: np.random.Generator) -> None:
        """Set the random streams to where they were when saved; call ``restore`` first."""
        for stream, state in zip(streams, self._streams if self.epoch else (), strict=False):
            stream.bit_generator.state = state

    def save(self, epoch: int, state: Sequence[Any], *streams: np.random.Generator) -> None:
        """Write everything after an epoch in one step: an interruption leaves the former file."""
        self.epoch, self._streams = epoch, [stream.bit_generator.state for stream in streams]
        if self.path is None or not data_parallel.is_main_process():
            return
        from safetensors.numpy import save

        tensors = {f"state/{place:03d}": array for place, array in enumerate(state)}
        tensors |= {f"arrays/{name}": array for name, array in self.arrays.items()}
        metadata = {
            "digest": self.digest or "",
            "epoch": str(epoch),
            "rows": json.dumps(self.rows),
            "streams": json.dumps(self._streams),
        }
        # safetensors writes the memory as it is stored: a transposed array must be laid out first.
        plain = {name: np.array(array, order="C") for name, array in tensors.items()}
        with atomic_write(self.path, "wb") as stream:
            stream.write(save(plain, metadata))

    def _read(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                if self.digest not in (None, metadata["digest"]):
                    return
                epoch, rows = int(metadata["epoch"]), parse_json(metadata["rows"])
                streams = parse_json(metadata["streams"])
                saved = {name: file.get_tensor(name) for name in sorted(file.keys())}
        except (FileNotFoundError, SafetensorError, KeyError, ValueError):
            return
        self.epoch, self.rows, self._streams = epoch, rows, streams
        for name, array in saved.items():
            kind, _slash, rest = name.partition("/")
            if kind == "state":
                self.state.append(array)
            else:
                self.arrays[rest] = array


def model_digest(model: "keras.Model", **settings: object) -> str:
    """Return a digest of what makes two trainings the same: architecture, optimizer, loss,
    settings."""
    from keras import losses, optimizers

    optimizer = optimizers.serialize(model.optimizer)
    optimizer["config"].pop("name")  # Keras numbers its optimizers
    layers = [layer.get_config() for layer in model.layers]
    parts = [layers, optimizer, losses.serialize(losses.get(model.loss)), settings]
    return compute_digest(json.dumps(parts, sort_keys=True, default=str))


def model_state(model: "keras.Model") -> list[np.ndarray]:
    """Return copies of everything that a training of a compiled Keras model changes."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(variable.value)) for variable in _variables(model)]


def restore_model(model: "keras.Model", checkpoint: Checkpoint) -> None:
    """Set a compiled model to the state of a checkpoint, where one is saved."""
    model.optimizer.build(model.trainable_variables)
    saved = checkpoint.restore(model_state(model))
    for variable, value in zip(_variables(model), saved, strict=True):
        variable.assign(value)


def _variables(model: "keras.Model") -> list:
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]
