"""The state of a training in one safetensors file: weights, optimizer, random states, the epochs done."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.files import atomic_write, parse_json
from etabli.models.memory import Memory

if TYPE_CHECKING:
    import keras


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

    return [np.array(ops.convert_to_numpy(variable.value), order="C") for variable in variables(model)]


def resume(model: "keras.Model", memory: Memory) -> None:
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
