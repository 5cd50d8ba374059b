"""From image files to a folder of features, one shard at a time, resumable after any end.

Features in the user's cache: extracted once, found again by everything that made them.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.core.paths import user_cache
from etabli.data.formats.images import name_of
from etabli.data.formats.s3 import RemoteImage
from etabli.features import engines, pipeline, shards, store
from etabli.features import ray_backend as crews
from etabli.features.pipeline import Batch, Picture, stream
from etabli.features.shards import Shard
from etabli.features.store import Features
from etabli.models.vision import backbones

__all__ = ["extract", "kept", "named"]

SHARD_ROWS = 256


def extract(
    images: Sequence[Path | str | RemoteImage],
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
    cluster: str | None = None,
    wait: bool = False,
) -> store.Features:
    """The features of every image in ``out``, in order, each row with its image's name.

    ``layer`` is "pool" (the last map averaged: 2048 numbers for ResNet-50, 1280 for MobileNetV2), "map" (the
    map itself), a stage or the name of a Keras layer. Without ``names`` an image has the name of its file.
    ``weights`` is a weights file of the backbone; ``model`` takes the place of the backbone's own net (a
    fine-tuned one). ``batch_size`` None leaves it to the engine. ``dtype`` "float16" halves the disk. Killed at any
    moment, the same call goes on and has lost one shard at most. Images that cannot be read are skipped and listed
    in ``unreadable``.

    ``cluster`` ("auto", or the address of a Ray cluster) computes the shards there, to the same bytes. Where another
    process writes in ``out``, ``wait`` waits for it; otherwise that is refused.
    """
    net = backbones.backbone(backbone)
    pictures = named(images, names)
    if dtype not in ("float32", "float16"):
        raise BadSetting(_("features are stored as float32 or float16"), got=dtype)
    out, size = Path(out), tuple(size or net.input_size)
    request = (
        request_of(backbone, weights, layer, view, size, dtype, engine, precision)
        if model is None
        else ""
    )
    with lock_folder(out, wait):
        if request and (finished := _finished(out, request, pictures, shard_rows)):
            return finished
        with crews.joined(cluster) if cluster else nullcontext() as crew:
            model = model or net.build(weights, size=size)
            part = engines.cut(model, backbones.feature_layer(net, layer), pooled=layer == "pool")
            weighed = backbones.digest(model)
            mark = "-".join([net.name, weighed, layer, *map(str, size)]) if weights else ""
            if crew and crew.gpus:
                engine = engine or "keras"
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
            wanted = shards.missing(out, pictures, shard_rows)
            read = pipeline.reader(view, size)
            notes = _difference_from_f32(run, read, pictures[:16]) if wanted else _notes_of(out)
            told = _counting(progress, len(pictures), sum(len(shard.pictures) for shard in wanted))
            if crew and wanted:
                crew.write_shards(
                    out, wanted, crews.Job.of(part, recipe, run.batch_size, mark), told
                )
            else:
                _write_shards(out, wanted, run, read, recipe, workers, told)
        return store.finish(
            out,
            recipe,
            -(-len(pictures) // shard_rows),
            notes | ({"request": request} if request else {}),
        )


def _counting(
    progress: Callable[[int, int], None] | None, total: int, left: int
) -> Callable[[int], None]:
    """A function that is told of pictures as they are done and tells ``progress`` how many of all are."""
    done = total - left

    def told(more: int) -> None:
        nonlocal done
        done += more
        if progress:
            progress(done, total)

    return told


def request_of(backbone: str, weights: Path | str | None, *options: object) -> str:
    """A mark of what was asked for, so that a finished extraction is known again without loading the net."""
    path = Path(weights) if weights else None
    stat = path.stat() if path and path.exists() else None
    held = [stat.st_size, stat.st_mtime_ns] if stat else None
    return hashlib.sha256(json.dumps([backbone, str(path), held, *options]).encode()).hexdigest()[
        :16
    ]


def _finished(
    out: Path, request: str, pictures: list[Picture], shard_rows: int
) -> store.Features | None:
    try:
        held = store.Features(out)
    except (DataMissing, CorruptFile):
        return None
    same = held.notes.get("request") == request and len(held) + len(held.unreadable) == len(
        pictures
    )
    same = same and held.recipe["shard_rows"] == shard_rows
    return held if same and not shards.missing(out, pictures, shard_rows) else None


def named(
    images: Sequence[Path | str | RemoteImage], names: Sequence[str] | None = None
) -> list[Picture]:
    """Pictures with their names: those given, or the paths below the folder that all have in common."""
    paths = [each if isinstance(each, RemoteImage) else Path(each).absolute() for each in images]
    if not paths:
        raise DataMissing(_("there is no image to extract features from"))
    if names is None and isinstance(paths[0], RemoteImage):
        names = [each.url.removeprefix("s3://") for each in paths]
    if names is None:
        parents = {path.parent for path in paths}
        common = paths[0].parent
        while not all(parent.is_relative_to(common) for parent in parents):
            common = common.parent
        names = [name_of(path, common) for path in paths]
    if len(names) != len(paths):
        raise BadSetting(_("every image needs a name"), expected=len(paths), got=len(names))
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise BadSetting(_("two images have the name {name}").format(name=twice))
    return [Picture(name, path) for name, path in zip(names, paths, strict=True)]


def _write_shards(out, wanted: list[Shard], run, read, recipe, workers, told) -> None:
    flow = stream(shards.batches(wanted, run.batch_size), run, read, workers=workers)
    try:
        for shard in wanted:
            gathered: list[Batch] = []
            for _batch in range(shard.batch_count(run.batch_size)):
                gathered.append(next(flow))
                told(len(gathered[-1].names) + len(gathered[-1].unreadable))
            shards.joined(gathered, recipe).write(out, shard)
    finally:
        flow.close()


def _difference_from_f32(run, read, pictures: list[Picture]) -> dict[str, object]:
    """What bf16 costs on the first pictures: the least cosine, the largest relative difference."""
    if run.precision == "f32":
        return {}
    parts = [
        pictures[start : start + run.batch_size]
        for start in range(0, len(pictures), run.batch_size)
    ]
    both = [
        [batch.features for batch in stream(parts, engine, read) if batch.names]
        for engine in (run.in_float32(), run)
    ]
    if not both[0]:
        return {}
    a, b = (np.concatenate(rows).astype(np.float64) for rows in both)
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1) / np.maximum(lengths[0] * lengths[1], 1e-30)
    relative = np.linalg.norm(a - b, axis=1) / np.maximum(lengths[0], 1e-30)
    return {
        "bf16_cosine_min": float(cosine.min()),
        "bf16_relative_difference_max": float(relative.max()),
    }


def _notes_of(out: Path) -> dict[str, object]:
    try:
        return store.Features(out).notes
    except (DataMissing, CorruptFile):
        return {}


def kept(
    collection: str,
    images: Sequence[Path | str],
    backbone: str,
    *,
    names: Sequence[str] | None = None,
    weights: Path | str | None = None,
    layer: str = "pool",
    view: str = "plain",
    **options: object,
) -> Features:
    """``extract`` into a folder of the cache whose name follows from the collection and the whole request.

    Where another process is making the same features, they are waited for.
    """
    given = sorted((key, value) for key, value in options.items() if key != "progress")
    mark = request_of(backbone, weights, layer, view, given, [str(path) for path in images])
    folder = user_cache() / "features" / f"{collection}-{backbone}-{layer}-{view}-{mark}"
    return extract(
        images,
        backbone,
        folder,
        names=names,
        weights=weights,
        layer=layer,
        view=view,
        wait=True,
        **options,
    )
