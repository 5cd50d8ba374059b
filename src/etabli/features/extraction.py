"""Feature extraction: from image files to a folder of features, shard by shard, resumable."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core import ray_cluster
from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.core.paths import user_cache
from etabli.data.formats.images import get_display_name
from etabli.data.formats.s3 import RemoteImage
from etabli.features import engines, pipeline, quantization, ray_backend, shards, store
from etabli.features.engines import Engine
from etabli.features.looks import LookReader, Recorder, stored_path
from etabli.features.pipeline import NamedImage, PixelReader, stream_features
from etabli.features.shards import Shard
from etabli.features.store import Features, Recipe
from etabli.models.vision import backbones
from etabli.models.vision.backbones import Backbone
from etabli.models.vision.openvino_backbone import OpenVinoBackbone

if TYPE_CHECKING:
    import keras


SHARD_ROWS = 256


def extract(
    images: Sequence[Path | str | RemoteImage],
    backbone: str,
    out: Path | str,
    *,
    names: Sequence[str] | None = None,
    weights: Path | str | None = None,
    model: "keras.Model | None" = None,
    layer: str = "pool",
    view: str = "plain",
    size: tuple[int, int] | None = None,
    dtype: str = "float32",
    batch_size: int | None = None,
    shard_rows: int = SHARD_ROWS,
    engine: str | None = None,
    precision: str | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda count: None,
    cluster: str | None = None,
    wait: bool = False,
    print_line: Callable[[str], None] = lambda text: None,
) -> Features:
    """Extract the features of every image into ``out``, in order, each row with its image's name.

    An interrupted extraction resumes and loses one shard at most. Images that cannot be read are
    skipped and listed in ``unreadable``.

    Args:
        images: The image files.
        backbone: A name in ``backbones.BACKBONES``, or an ONNX or OpenVINO file.
        out: The folder to write to.
        names: Names of the images; by default their paths below their common folder.
        weights: A weights file of the backbone; None for random weights.
        model: Replaces the backbone's net (a fine-tuned one).
        layer: "pool" (the last map averaged: 2048 numbers for ResNet-50, 1280 for MobileNetV2),
            "map" (the map itself), a stage, or the name of a Keras layer.
        view: "plain", "flip" or "crop-N" (``pipeline.make_reader``).
        size: Height and width of the input; None is the backbone's.
        dtype: "float32" or "float16".
        batch_size: Images per batch; None is the engine's.
        shard_rows: Images per shard.
        engine: "openvino" or "keras"; None takes the faster.
        precision: "bf16", "f32" or "int8"; None is bf16 where the engine's device is made for it.
        workers: Decoding threads; None is one per core.
        progress: Called with the number of images done since its last call.
        cluster: The address of a Ray cluster, or "auto"; shards have the same bytes there.
        wait: Whether to wait for another process that writes to ``out``.
        print_line: Receives a sentence on each worker of the cluster that fails, is slow or is not
            used.

    Raises:
        FolderBusy: Another process writes to ``out``.
        BadSetting: ``out`` holds features that were computed in another way.
    """
    net = backbones.get_backbone(backbone)
    sources = name_images(images, names)
    if dtype not in ("float32", "float16"):
        raise BadSetting(_("features are stored as float32 or float16"), got=dtype)
    out = Path(out)
    request, given_file = "", isinstance(net, OpenVinoBackbone)
    if isinstance(net, OpenVinoBackbone):
        weights, size = weights or net.path, net.choose_size(size)
        if cluster:
            raise BadSetting(_("a cluster runs only Keras nets"), got=net.name)
    if cluster and precision == "int8":
        raise BadSetting(
            _("a cluster does not compute in int8"),
            fix=_("Choose --precision bf16 or f32, or leave out --cluster."),
        )
    size = size or net.input_size
    if model is None:
        options = (layer, view, size, dtype, engine, precision)
        request = _digest_request(_identify(net), weights, *options)
    with lock_folder(out, wait):
        if request and (finished := _open_finished(out, request, sources, shard_rows)):
            progress(len(sources))
            return finished
        with ray_cluster.connect(cluster) if cluster else nullcontext() as remote:
            model = model or net.build(weights, size=size)
            layer_name = backbones.feature_layer_name(net, layer)
            part = engines.truncate_model(model, layer_name, pooled=layer == "pool")
            digest = backbones.compute_weights_digest(model)
            cache_key = "-".join([net.name, digest, layer, *map(str, size)]) if weights else ""
            if remote and remote.gpus:
                engine = engine or "keras"
            read = pipeline.make_reader(view, size)
            first = None
            if precision == "int8":
                first = pipeline.read_first(sources, read, quantization.N_CALIBRATION_IMAGES)
            run = engines.open_engine(
                part, batch_size, engine, precision, cache_key, calibration=first
            )
            recipe: Recipe = {
                "backbone": net.name,
                "weights": digest,
                "layer": layer,
                "view": view,
                "size": list(size),
                "shape": list(part.output_shape[1:]),
                "dtype": dtype,
                "engine": run.name,
                "precision": run.precision,
                "shard_rows": shard_rows,
            }
            if isinstance(net, OpenVinoBackbone):
                recipe["format"] = net.format.to_json()
            if isinstance(run, engines.OpenVinoEngine) and run.ranges:
                recipe["calibration"] = quantization.digest_ranges(run.ranges)
            store.open_recipe(out, recipe)
            wanted = shards.find_missing_shards(out, sources, shard_rows)
            notes = _compare_precisions(run, read, sources) if wanted else _read_notes(out)
            if done := len(sources) - sum(len(shard.images) for shard in wanted):
                progress(done)
            if remote and wanted:
                job = ray_backend.ShardJob.of(part, recipe, run.batch_size, cache_key)
                ray_backend.write_shards(remote, out, wanted, job, progress, print_line)
            else:
                _write_shards(out, wanted, run, read, recipe, workers, progress)
        if given_file:
            notes = notes | {"backbone_file": str(Path(weights or "").absolute())}
        count = -(-len(sources) // shard_rows)
        return store.finish(out, recipe, count, notes | ({"request": request} if request else {}))


def _identify(net: Backbone) -> str:
    """Return a text that identifies a backbone, and how it takes its images."""
    if isinstance(net, OpenVinoBackbone):
        return f"{net.name} {json.dumps(net.format.to_json())}"
    return net.name


def _digest_request(backbone: str, weights: Path | str | None, *options: object) -> str:
    """Return a hash of the arguments, which identifies an extraction without loading the net."""
    path = Path(weights) if weights else None
    stat = path.stat() if path and path.exists() else None
    file = [stat.st_size, stat.st_mtime_ns] if stat else None
    text = json.dumps([backbone, str(path), file, *options])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _open_finished(
    out: Path, request: str, images: list[NamedImage], shard_rows: int
) -> Features | None:
    try:
        stored = Features(out)
    except (DataMissing, CorruptFile):
        return None
    is_same = (
        stored.notes.get("request") == request
        and len(stored) + len(stored.unreadable) == len(images)
        and stored.recipe["shard_rows"] == shard_rows
        and not shards.find_missing_shards(out, images, shard_rows)
    )
    return stored if is_same else None


def name_images(
    images: Sequence[Path | str | RemoteImage], names: Sequence[str] | None = None
) -> list[NamedImage]:
    """Pair images with their names: those given, or the paths below their common folder."""
    sources = [each if isinstance(each, RemoteImage) else Path(each).absolute() for each in images]
    if not sources:
        raise DataMissing(_("there is no image to extract features from"))
    paths = [each for each in sources if isinstance(each, Path)]
    if names is None and paths:
        parents = {path.parent for path in paths}
        common = paths[0].parent
        while not all(parent.is_relative_to(common) for parent in parents):
            common = common.parent
        names = [get_display_name(path, common) for path in paths]
    elif names is None:
        names = [
            each.url.removeprefix("s3://") for each in sources if isinstance(each, RemoteImage)
        ]
    if len(names) != len(sources):
        raise BadSetting(_("every image needs a name"), expected=len(sources), got=len(names))
    if len(set(names)) != len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise BadSetting(_("two images have the name {name}").format(name=twice))
    return [NamedImage(name, source) for name, source in zip(names, sources, strict=True)]


def _write_shards(
    out: Path,
    wanted: list[Shard],
    run: Engine,
    read: PixelReader,
    recipe: Recipe,
    workers: int | None,
    progress: Callable[[int], None],
) -> None:
    batches = shards.iterate_batches(wanted, run.batch_size)
    is_whole = recipe["layer"] == "pool" and recipe["view"] == "plain"
    recorder = Recorder() if is_whole else None
    results = (
        stream_features(batches, run, LookReader(read), workers=workers, keep=recorder.keep)
        if recorder
        else stream_features(batches, run, read, workers=workers)
    )
    try:
        for shard in wanted:
            parts = []
            for _batch in shards.iterate_batches([shard], run.batch_size):
                parts.append(next(results))
                progress(len(parts[-1].names) + len(parts[-1].unreadable))
            rows = shards.join_batches(parts, recipe)
            if recorder:  # before the shard, which says that both are complete
                recorder.write(stored_path(out, shard.number), rows.names)
            rows.write(out, shard)
    finally:
        results.close()


def _compare_precisions(
    run: Engine, read: PixelReader, images: list[NamedImage]
) -> dict[str, object]:
    """Return the lowest cosine and the largest relative difference from float32 features.

    They are those of sixteen images: the first, or those after the first ones, which chose the
    ranges of int8.
    """
    if run.precision == "f32":
        return {}
    skipped = quantization.N_CALIBRATION_IMAGES if run.precision == "int8" else 0
    images = images[skipped : skipped + 16] or images[:16]
    starts = range(0, len(images), run.batch_size)
    batches = [images[start : start + run.batch_size] for start in starts]
    both = [
        [
            batch.features  # few images: to start processes would take longer than to decode them
            for batch in stream_features(batches, engine, read, processes=False)
            if batch.names
        ]
        for engine in (run.in_float32(), run)
    ]
    if not both[0]:
        return {}
    exact, rounded = (np.concatenate(rows).astype(np.float64) for rows in both)
    exact, rounded = exact.reshape(len(exact), -1), rounded.reshape(len(rounded), -1)
    norms = np.linalg.norm(exact, axis=1), np.linalg.norm(rounded, axis=1)
    cosine = (exact * rounded).sum(1) / np.maximum(norms[0] * norms[1], 1e-30)
    relative = np.linalg.norm(exact - rounded, axis=1) / np.maximum(norms[0], 1e-30)
    return {
        f"{run.precision}_cosine_min": float(cosine.min()),
        f"{run.precision}_relative_difference_max": float(relative.max()),
    }


def _read_notes(out: Path) -> dict[str, Any]:
    try:
        return Features(out).notes
    except (DataMissing, CorruptFile):
        return {}


def extract_to_cache(
    collection: str,
    images: Sequence[Path | str],
    backbone: str,
    *,
    names: Sequence[str] | None = None,
    weights: Path | str | None = None,
    layer: str = "pool",
    view: str = "plain",
    **options: Any,
) -> Features:
    """Extract into the user's cache, or open the features that the same call extracted before.

    Waits where another process is extracting the same features.

    Args:
        collection: How the name of the folder begins.
        images: The image files.
        backbone: As in ``extract``.
        names: Names of the images.
        weights: A weights file.
        layer: As in ``extract``.
        view: As in ``extract``.
        options: Further arguments of ``extract``.
    """
    given = sorted((key, value) for key, value in options.items() if key != "progress")
    paths = [str(path) for path in images]
    net = backbones.get_backbone(backbone)
    digest = _digest_request(_identify(net), weights, layer, view, given, paths)
    folder = user_cache() / "features" / f"{collection}-{net.name}-{layer}-{view}-{digest}"
    options |= {"names": names, "weights": weights, "layer": layer, "view": view, "wait": True}
    return extract(images, backbone, folder, **options)
