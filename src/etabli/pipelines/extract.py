"""Deep features of the images of a folder, a table or a storage, in a folder or in the cache."""

from pathlib import Path
from typing import Any

from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import s3
from etabli.data.formats.labeled_images import LabeledImages
from etabli.features import extraction
from etabli.features.inputs import find_images
from etabli.features.store import Features, write_source
from etabli.features.weights import choose_backbone, describe_choice, find_weights


def is_features(place: Path | str) -> bool:
    """Return whether a folder holds extracted features, finished or not."""
    return any((Path(place) / name).is_file() for name in ("index.json", "recipe.json"))


def extract(
    images: Path | str,
    out: Path | str,
    backbone: str | None = None,
    *,
    weights: Path | str | None = "imagenet",
    endpoint: str | None = None,
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
        reporter: Shows the progress.
        options: Further arguments of ``features.extract``.

    Raises:
        DataMissing: There is no image, or there are no weights.
        BadSetting: ``out`` holds features that were computed in another way.
    """
    reporter = reporter or Silent()
    name = choose_backbone(backbone, weights)
    sources, names = find_images(images, endpoint, reporter)
    reporter.print_line(describe_choice(name, backbone))
    file = find_weights(name, weights)
    with reporter.task(_("features of {net}").format(net=name), len(sources)) as step:
        found = extraction.extract(
            sources, name, out, names=names, weights=file, progress=step, **options
        )
    if not s3.is_remote(images):
        write_source(out, images)
    return found


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
