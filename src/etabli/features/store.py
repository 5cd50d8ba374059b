"""Features on disk: a recipe, shards of rows in safetensors, and an index that is written last.

    recipe.json                 how the rows were computed; a resumed extraction must agree with it
    shard-00000.safetensors     ``features`` (rows, ...), and in its metadata the names of the rows
    looks-00000.safetensors     what the images of a shard look like, to find copies (``looks``)
    source.json                 where the images are, for their labels and thumbnails
    index.json                  the shards in order, the rows of each, the unreadable images

A shard gets its name only once it is complete, so every shard that is there can be trusted.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.features.pipeline import Unreadable
from etabli.models.vision.streamed_rows import RowsFile, StreamedRows

Recipe = dict[str, Any]
SOURCE = "source.json"


class Features:
    """The rows of a finished extraction, read on demand.

    ``names[i]`` is the image of row i, ``recipe`` how the rows were computed, ``unreadable`` the
    images that were skipped.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        index = _read_json(self.folder / "index.json")
        self.recipe: Recipe = index["recipe"]
        self.notes: dict[str, object] = index.get("notes", {})
        self.unreadable = [Unreadable(**each) for each in index["unreadable"]]
        self.names: list[str] = []
        self._shards: list[tuple[Path, int]] = []
        self._open: dict[int, Any] = {}
        for shard in index["shards"]:
            path = self.folder / shard["file"]
            self.names += read_shard(path)[0]
            self._shards.append((path, shard["rows"]))
        if len(self.names) != index["rows"]:
            raise CorruptFile(
                _("the shards in {folder} are not those of its index").format(folder=self.folder),
                expected=index["rows"],
                got=len(self.names),
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def source(self) -> Path | None:
        """The folder or table of the images, where the extraction recorded it."""
        try:
            return Path(_read_json(self.folder / SOURCE)["images"])
        except (DataMissing, CorruptFile):
            return None

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape (N, ...) of all rows."""
        return (len(self), *self.recipe["shape"])

    def __iter__(self) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield names and rows, shard by shard."""
        for path, rows in self._shards:
            if rows:
                with safe_open(path, framework="numpy") as shard:
                    yield parse_json(shard.metadata()["names"]), shard.get_tensor("features")

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Return some rows by their indices, in that order, without reading whole shards."""
        ends = np.cumsum([rows for _path, rows in self._shards])
        out = np.empty((len(indices), *self.recipe["shape"]), self.recipe["dtype"])
        for row, index in enumerate(indices):
            shard = int(np.searchsorted(ends, index, side="right"))
            if shard not in self._open:
                self._open[shard] = safe_open(self._shards[shard][0], framework="numpy").get_slice(
                    "features"
                )
            start = int(index - (ends[shard] - self._shards[shard][1]))
            out[row] = self._open[shard][start : start + 1][0]
        return out

    def stream(self, names: Sequence[str]) -> StreamedRows:
        """Return the rows of ``names``, in order, which stay in the shards; see ``array``."""
        places = {name: place for place, name in enumerate(names)}
        positions = np.array([places.get(name, -1) for name in self.names], int)
        self._require_all(names, positions[positions >= 0])
        files = [RowsFile(path, find_tensor(path, "features"), rows) for path, rows in self._shards]
        width = int(np.prod(self.recipe["shape"]))
        return StreamedRows(files, width, self.recipe["dtype"], positions)

    def array(self, names: Sequence[str] | None = None, dtype: str | None = None) -> np.ndarray:
        """Return all rows, or those of ``names`` in order; ``DataMissing`` for an unknown name."""
        wanted = self.names if names is None else list(names)
        places = {name: place for place, name in enumerate(wanted)}
        rows = np.empty((len(wanted), *self.recipe["shape"]), dtype or self.recipe["dtype"])
        found: list[int] = []
        for shard_names, features in self:
            here = [(row, places[name]) for row, name in enumerate(shard_names) if name in places]
            if here:
                sources, targets = map(list, zip(*here, strict=True))
                rows[targets] = features[sources]
                found += targets
        self._require_all(wanted, found)
        return rows

    def _require_all(self, names: Sequence[str], found: Sequence[int] | np.ndarray) -> None:
        """Raise ``DataMissing`` unless every name is among those found, by position."""
        missing = np.ones(len(names), dtype=bool)
        missing[found] = False
        if missing.any():
            raise DataMissing(
                _("{folder} has no features of {name}").format(
                    folder=self.folder, name=names[int(np.argmax(missing))]
                )
            )


def write_source(folder: Path | str, images: Path | str) -> None:
    """Record in a folder of features where its images are."""
    with atomic_write(Path(folder) / SOURCE) as stream:
        json.dump({"images": str(Path(images).absolute())}, stream)


def shard_path(folder: Path, number: int) -> Path:
    """Return the file of a shard."""
    return folder / f"shard-{number:05d}.safetensors"


def write_shard(
    path: Path,
    names: list[str],
    features: np.ndarray,
    unreadable: list[Unreadable],
    fingerprint: str,
) -> None:
    """Write one shard in one step. ``fingerprint`` identifies the image files."""
    metadata = {
        "names": json.dumps(names),
        "unreadable": json.dumps([vars(each) for each in unreadable]),
        "fingerprint": fingerprint,
    }
    with atomic_write(path, "wb") as stream:
        stream.write(sort_metadata(save({"features": np.ascontiguousarray(features)}, metadata)))


def find_tensor(path: Path, name: str) -> int:
    """Return the byte at which the numbers of a tensor of a safetensors file begin."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = parse_json(stream.read(length))
    return 8 + length + int(header[name]["data_offsets"][0])


def sort_metadata(content: bytes) -> bytes:
    """Sort the metadata of a safetensors file, so that equal shards are equal bytes.

    The library writes them in the order of a hash table, which differs from process to process.
    """
    length = int.from_bytes(content[:8], "little")
    header = parse_json(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def read_shard(path: Path) -> tuple[list[str], list[Unreadable], str]:
    """Return names, unreadable images and fingerprint of a shard, without its rows."""
    try:
        with safe_open(path, framework="numpy") as shard:
            metadata = shard.metadata() or {}
            rows = shard.get_slice("features").get_shape()[0]
        names = parse_json(metadata["names"])
        unreadable = [Unreadable(**each) for each in parse_json(metadata["unreadable"])]
    except FileNotFoundError as error:
        raise DataMissing(_("the shard {path} is missing").format(path=path)) from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CorruptFile(
            _("{path} is not a complete shard of features").format(path=path)
        ) from error
    if len(names) != rows:
        raise CorruptFile(
            _("{path} does not name every row").format(path=path), expected=rows, got=len(names)
        )
    return names, unreadable, metadata["fingerprint"]


def open_recipe(folder: Path, recipe: Recipe) -> None:
    """Write the recipe of a new extraction, or check that a resumed one agrees with it."""
    path = folder / "recipe.json"
    if not path.exists():
        with atomic_write(path) as stream:
            json.dump(recipe, stream, indent=1)
        return
    held = _read_json(path)
    differing = [key for key in recipe if held.get(key) != recipe[key]]
    if differing:
        key = differing[0]
        raise BadSetting(
            _("{folder} holds features extracted with another {key}").format(
                folder=folder, key=key
            ),
            expected=held.get(key),
            got=recipe[key],
            fix=_("Choose another folder, or remove this one."),
        )


def finish(folder: Path, recipe: Recipe, shards: int, notes: dict[str, object]) -> Features:
    """Write the index, remove the shards of a former, longer list, and open the features."""
    rows: list[dict[str, Any]] = []
    unreadable = []
    for number in range(shards):
        path = shard_path(folder, number)
        names, skipped, _fingerprint = read_shard(path)
        rows.append({"file": path.name, "rows": len(names)})
        unreadable += [vars(each) for each in skipped]
    index = {
        "recipe": recipe,
        "rows": sum(shard["rows"] for shard in rows),
        "shards": rows,
        "unreadable": unreadable,
        "notes": notes,
    }
    with atomic_write(folder / "index.json") as stream:
        json.dump(index, stream, indent=1)
    files = {shard["file"] for shard in rows}
    for path in folder.glob("shard-*.safetensors"):
        if path.name not in files:
            path.unlink()
    return Features(folder)


def _read_json(path: Path) -> dict:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataMissing(
            _("there are no finished features in {folder}").format(folder=path.parent),
            fix=_("Run 'etabli features' with this folder; it resumes where it stopped."),
        ) from error
    except ValueError as error:
        raise CorruptFile(_("{path} is not a record of features").format(path=path)) from error
    if not isinstance(content, dict):
        raise CorruptFile(_("{path} is not a record of features").format(path=path))
    return content
