"""The checkpoint of a fine-tuning: one file, written in one step after every epoch, gone on with by the same plan."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from etabli.files import atomic_write, parse_json
from etabli.models import spread

__all__ = ["found", "keep"]

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
        stream.write(save(tensors))


def found(path: Path, machine: Learning):
    """State, best weights and history of a checkpoint of the same plan and net; ``None`` where none fits."""
    import jax.numpy as jnp

    try:
        tensors = load_file(path)
        record = parse_json(tensors["record"].tobytes())
        if record["plan"] != _mark(machine):
            return None
        count = len(machine.names) + 2
        held = {kind: [jnp.asarray(tensors[f"{kind}/{place}"]) for place in range(count)] for kind in (*STATE, "best")}
    except (FileNotFoundError, SafetensorError, KeyError, ValueError):
        return None
    held = spread.everywhere({**held, "step": jnp.asarray(tensors["step"][0])})
    return held, held.pop("best"), record["history"]


def _mark(machine: Learning) -> str:
    """Of a plan, of what learns by it, and of the size of its inputs."""
    what = [asdict(machine.plan), machine.names, machine.tail.input_shape]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
