"""Deep features of the images of a folder, a table or a storage, in a folder or in the cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import s3
from etabli.data.formats.images import get_display_name
from etabli.data.formats.labeled_images import LabeledImages
from etabli.features import extraction
from etabli.features.inputs import find_images
from etabli.features.looks import STORED
from etabli.features.store import SOURCE, Features, write_source
from etabli.features.weights import choose_backbone, describe_choice, find_weights

INDEX, RECIPE = "index.json", "recipe.json"
SHARDS = ("shard-*.safetensors", STORED)


def is_features(place: Path | str) -> bool:
    """Return whether a folder holds extracted features, finished or not."""
    return any((Path(place) / name).is_file() for name in (INDEX, RECIPE))


def extract(
    images: Path | str,
    out: Path | str,
    backbone: str | None = None,
    *,
    weights: Path | str | None = "imagenet",
    endpoint: str | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **options: Any,
) -> Features:
    """Extract the features of all images of a location into a folder, and record the location.

    Args:
        images: A location as ``find_images`` takes it.
        out: The folder to write to; an interrupted extraction resumes.
        backbone: The net; None is the best whose weights are here.
        weights: "imagenet", "none" (random) or a weights file.
        endpoint: The address of an S3 storage that is not Amazon's.
        overwrite: Replace the features that ``out`` holds.
        reporter: Shows the progress.
        options: Further arguments of ``features.extract``.

    Raises:
        DataMissing: There is no image, or there are no weights.
        BadSetting: ``out`` holds finished features, or others that were begun in another way.
    """
    reporter, folder = reporter or Silent(), Path(out)
    is_finished = (folder / INDEX).exists() and (s3.is_remote(images) or (folder / SOURCE).exists())
    if is_finished and not overwrite:
        raise BadSetting(
            _("{folder} already holds the features of images").format(folder=folder),
            fix=_("Choose another folder with --out, or replace them with --overwrite."),
        )
    sources, names = find_images(images, endpoint, reporter)
    name = choose_backbone(backbone, weights)
    reporter.print_line(describe_choice(name, backbone))
    file = find_weights(name, weights)
    if overwrite:
        _remove_features(folder)
    with reporter.task(_("features of {net}").format(net=name), len(sources)) as step:
        options |= {"progress": step, "print_line": reporter.print_line}
        found = extraction.extract(sources, name, out, names=names, weights=file, **options)
    if not s3.is_remote(images):
        write_source(out, images)
    return found


def _remove_features(folder: Path) -> None:
    """Remove the files of an extraction, the one that says that it is finished first."""
    with lock_folder(folder):
        shards = [path for pattern in SHARDS for path in folder.glob(pattern)]
        for path in (folder / INDEX, folder / SOURCE, folder / RECIPE, *shards):
            path.unlink(missing_ok=True)


def extract_listed(
    images: Path | str | Sequence[Path | str],
    backbone: str | None = None,
    *,
    layer: str = "pool",
    weights: Path | str | None = "imagenet",
    precision: str | None = None,
    out: Path | str | None = None,
) -> Features:
    """Extract the features of a location, or of a list of images, to a folder or to the cache.

    Args:
        images: A location as ``find_images`` takes it, or image files.
        backbone: The net; None is the best whose weights are here.
        layer: "pool", "map", a stage, or the name of a layer.
        weights: "imagenet", "none" (random) or a weights file.
        precision: "f32", "bf16" or "int8"; None is that of the device.
        out: A folder, of which a second call reads the features; None is the user's cache.

    Raises:
        DataMissing: There is no image, or there are no weights.
    """
    if isinstance(images, str | Path):
        paths, names = find_images(images)
    else:
        paths = [Path(each) for each in images]
        names = [get_display_name(each) for each in paths]
    name = choose_backbone(backbone, weights)
    options: dict[str, Any] = {"weights": find_weights(name, weights), "layer": layer}
    if precision is not None:  # else the folder in the cache is that of former versions
        options["precision"] = precision
    if out is not None:
        return extraction.extract(paths, name, out, names=names, **options)
    return extraction.extract_to_cache("api", paths, name, names=names, **options)  # type: ignore[arg-type]


def extract_labeled(
    images: LabeledImages,
    backbone: str | None,
    weights: Path | str | None,
    reporter: Reporter,
) -> Features:
    """Extract pooled features of labeled images to the cache, or open those that are there."""
    name = choose_backbone(backbone, weights)
    reporter.print_line(describe_choice(name, backbone))
    file = find_weights(name, weights)
    with reporter.task(_("features of {net}").format(net=name), len(images)) as step:
        return extraction.extract_to_cache(
            "own", images.paths, name, names=images.names, weights=file, progress=step
        )
