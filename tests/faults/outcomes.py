"""Folders as plain values, without times and memory, so that two can be compared."""

import hashlib
import json
import zipfile
from pathlib import Path

from safetensors import safe_open

CLOCKS = {
    "started",
    "seconds",
    "cpu_seconds",
    "peak_memory_mb",
    "created",
    "machine",
    "made",
    "timings",
}


def of_folder(folder: Path) -> dict[str, object]:
    """Return every file below ``folder`` by path, with hidden ones: leftovers are a difference."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            found[str(path.relative_to(folder))] = of_file(path)
    return found


def of_file(path: Path) -> object:
    if path.suffix == ".json":
        return without_clocks(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".jsonl":
        return [
            without_clocks(json.loads(line))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
    if path.suffix == ".safetensors":
        with safe_open(path, framework="numpy") as file:
            return {name: digest(file.get_tensor(name).tobytes()) for name in file.keys()}  # noqa: SIM118
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return {name: digest(archive.read(name)) for name in archive.namelist()}
    if path.suffix == ".h5":
        return weights_of(path)
    return digest(path.read_bytes())


def weights_of(source: object) -> dict[str, str]:
    import h5py

    found: dict[str, str] = {}

    def visit(name: str, thing: object) -> None:
        if isinstance(thing, h5py.Dataset):
            found[name] = digest(thing[()].tobytes())

    with h5py.File(source, "r") as file:
        file.visititems(visit)
    return found


def without_clocks(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_clocks(each) for key, each in value.items() if key not in CLOCKS}
    return [without_clocks(each) for each in value] if isinstance(value, list) else value


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
