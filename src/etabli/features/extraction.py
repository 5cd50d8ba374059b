"""From image files to a folder of features, one shard at a time, resumable after any end."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from etabli.errors import BadSetting, CorruptFile, DataMissing, FolderBusy
from etabli.features import engines, store, views
from etabli.features.stream import Batch, Picture, Unreadable, stream
from etabli.i18n import _
from etabli.models import backbones

__all__ = ["extract", "named"]

SHARD_ROWS = 256


def extract(
    images: Sequence[Path | str],
    backbone: str,
    out: Path | str,
    *,
    names: Sequence[str] | None = None,
    weights: Path | str | None = None,
    model=None,
    layer: str = "pool",
    view: str = "plain",
    size: tuple[int, int] | None = None,
    dtype: str = "float32",
    batch_size: int | None = None,
    shard_rows: int = SHARD_ROWS,
    engine: str | None = None,
    precision: str | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> store.Features:
    """The features of every image in ``out``, in order, each row with its image's name.

    ``layer`` is "pool" (the last map averaged: 2048 numbers for ResNet-50, 1280 for MobileNetV2), "map" (the
    map itself), a stage or the name of a Keras layer. Without ``names`` an image has the name of its file.
    ``weights`` is a weights file of the backbone; ``model`` takes the place of the backbone's own net (a
    fine-tuned one). ``batch_size`` None leaves it to the engine. ``dtype`` "float16" halves the disk. Killed at any
    moment, the same call goes on and has lost one shard at most. Images that cannot be read are skipped and listed
    in ``unreadable``.
    """
    net = backbones.backbone(backbone)
    pictures = named(images, names)
    if dtype not in ("float32", "float16"):
        raise BadSetting(_("features are stored as float32 or float16"), got=dtype)
    out, size = Path(out), tuple(size or net.input_size)
    request = request_of(backbone, weights, layer, view, size, dtype, engine, precision) if model is None else ""
    with _alone(out):
        if request and (finished := _finished(out, request, pictures, shard_rows)):
            return finished
        model = model or net.build(weights, size=size)
        part = engines.cut(model, backbones.feature_layer(net, layer), pooled=layer == "pool")
        weighed = backbones.digest(model)
        mark = "-".join([net.name, weighed, layer, *map(str, size)]) if weights else ""
        run = engines.open_engine(part, batch_size, engine, precision, mark)
        recipe = {
            "backbone": net.name,
            "weights": weighed,
            "layer": layer,
            "view": view,
            "size": list(size),
            "shape": list(part.output_shape[1:]),
            "dtype": dtype,
            "engine": run.name,
            "precision": run.precision,
            "shard_rows": shard_rows,
        }
        store.open_recipe(out, recipe)
        shards = _missing_shards(out, pictures, shard_rows)
        read = views.reader(view, size)
        notes = _difference_from_f32(run, read, pictures[:16]) if shards else _notes_of(out)
        _write_shards(out, shards, run, read, recipe, workers, progress, len(pictures))
        return store.finish(
            out, recipe, -(-len(pictures) // shard_rows), notes | ({"request": request} if request else {})
        )


def request_of(backbone: str, weights: Path | str | None, *options: object) -> str:
    """A mark of what was asked for, so that a finished extraction is known again without loading the net."""
    path = Path(weights) if weights else None
    stat = path.stat() if path and path.exists() else None
    held = [stat.st_size, stat.st_mtime_ns] if stat else None
    return hashlib.sha256(json.dumps([backbone, str(path), held, *options]).encode()).hexdigest()[:16]


def _finished(out: Path, request: str, pictures: list[Picture], shard_rows: int) -> store.Features | None:
    try:
        held = store.Features(out)
    except (DataMissing, CorruptFile):
        return None
    same = held.notes.get("request") == request and len(held) + len(held.unreadable) == len(pictures)
    same = same and held.recipe["shard_rows"] == shard_rows
    return held if same and not _missing_shards(out, pictures, shard_rows) else None


def named(images: Sequence[Path | str], names: Sequence[str] | None = None) -> list[Picture]:
    """Pictures with their names: those given, or the paths below the folder that all have in common."""
    paths = [Path(each) for each in images]
    if not paths:
        raise DataMissing(_("there is no image to extract features from"))
    if names is None:
        parents = {path.parent for path in paths}
        common = paths[0].parent
        while not all(parent.is_relative_to(common) for parent in parents):
            common = common.parent
        names = [path.relative_to(common).as_posix() for path in paths]
    if len(names) != len(paths):
        raise BadSetting(_("every image needs a name"), expected=len(paths), got=len(names))
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise BadSetting(_("two images have the name {name}").format(name=twice))
    return [Picture(name, path) for name, path in zip(names, paths, strict=True)]


class _alone:
    """The folder's lock: two extractions into one folder would tread on each other."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._lock = folder, FileLock(folder / ".lock")

    def __enter__(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise FolderBusy(
                _("another process is writing features in {folder}").format(folder=self._folder),
                fix=_("Wait for it, or choose another folder."),
            ) from error

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()


def _fingerprint(pictures: Sequence[Picture]) -> str:
    """Changes when a picture of the shard is another, has another size, or was written again."""
    lines = []
    for picture in pictures:
        path = Path(picture.source)
        stat = path.stat() if path.exists() else None
        lines.append(f"{picture.name}\0{stat.st_size if stat else -1}\0{stat.st_mtime_ns if stat else 0}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _missing_shards(out: Path, pictures: list[Picture], rows: int) -> list[tuple[int, list[Picture], str]]:
    """Number, pictures and fingerprint of every shard that is not there, or is of other images."""
    missing = []
    for number, start in enumerate(range(0, len(pictures), rows)):
        part = pictures[start : start + rows]
        fingerprint = _fingerprint(part)
        try:
            held = store.read_shard(store.shard_path(out, number))[2]
        except (DataMissing, CorruptFile):
            held = None
        if held != fingerprint:
            missing.append((number, part, fingerprint))
    return missing


def _batches(shards, batch_size: int) -> Iterator[list[Picture]]:
    for _number, pictures, _mark in shards:
        for start in range(0, len(pictures), batch_size):
            yield pictures[start : start + batch_size]


def _write_shards(out, shards, run, read, recipe, workers, progress, total) -> None:
    done = total - sum(len(pictures) for _number, pictures, _mark in shards)
    flow = stream(_batches(shards, run.batch_size), run, read, workers=workers)
    try:
        for number, pictures, fingerprint in shards:
            gathered: list[Batch] = []
            for _batch in range(-(-len(pictures) // run.batch_size)):
                gathered.append(next(flow))
                done += len(gathered[-1].names) + len(gathered[-1].unreadable)
                if progress:
                    progress(done, total)
            names, unreadable = _joined(gathered)
            rows = [batch.features for batch in gathered if batch.names]
            features = np.concatenate(rows) if rows else np.zeros((0, *recipe["shape"]))
            path = store.shard_path(out, number)
            store.write_shard(path, names, features.astype(recipe["dtype"]), unreadable, fingerprint)
    finally:
        flow.close()


def _joined(batches: list[Batch]) -> tuple[list[str], list[Unreadable]]:
    return [name for batch in batches for name in batch.names], [each for batch in batches for each in batch.unreadable]


def _difference_from_f32(run, read, pictures: list[Picture]) -> dict[str, object]:
    """What bf16 costs on the first pictures: the least cosine, the largest relative difference."""
    if run.precision == "f32":
        return {}
    parts = [pictures[start : start + run.batch_size] for start in range(0, len(pictures), run.batch_size)]
    both = [
        [batch.features for batch in stream(parts, engine, read) if batch.names] for engine in (run.in_float32(), run)
    ]
    if not both[0]:
        return {}
    a, b = (np.concatenate(rows).astype(np.float64) for rows in both)
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1) / np.maximum(lengths[0] * lengths[1], 1e-30)
    relative = np.linalg.norm(a - b, axis=1) / np.maximum(lengths[0], 1e-30)
    return {"bf16_cosine_min": float(cosine.min()), "bf16_relative_difference_max": float(relative.max())}


def _notes_of(out: Path) -> dict[str, object]:
    try:
        return store.Features(out).notes
    except (DataMissing, CorruptFile):
        return {}
