"""Captions of image files, by the feature extractor that the captioner was trained with."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.core.paths import RUNS
from etabli.data.catalog.source import Source
from etabli.data.formats import images
from etabli.data.formats.caption_folder import write_captions
from etabli.features.caption_check import fit_familiarity, write_checked
from etabli.features.imagenet import ImageNetHead, find_weights_files
from etabli.features.regions import WEIGHTS, extract_region_maps
from etabli.models.captioning.beam_search import SearchConfig
from etabli.pipelines._output import refuse_existing_file
from etabli.report import run_folder
from etabli.saved_models import captioner as saved_captioner
from etabli.saved_models.captioner import Captioner, pool_regions
from etabli.viz.caption_page import CaptionEntry, render_caption_page

__all__ = [
    "CaptionResult",
    "ImageCaptions",
    "caption_folders",
    "caption_images",
    "find_extractor_weights",
    "find_newest_captioner",
]


@dataclass(frozen=True)
class ImageCaptions:
    """Captions of one image, the best first, with their log p / length^alpha.

    ``attention[k]`` (words, L) holds the weights of the L regions for each word of caption k; None
    without attention. ``notes[k]`` are sentences on what is doubtful in caption k; ``is_far`` says
    that the image is unlike those that the captioner was trained on.
    """

    path: Path
    captions: tuple[str, ...]
    scores: tuple[float, ...]
    attention: tuple[np.ndarray, ...] | None = None
    notes: tuple[tuple[str, ...], ...] = ()
    is_far: bool = False

    def first(self, count: int) -> "ImageCaptions":
        """Return the first captions only."""
        short = {name: getattr(self, name)[:count] for name in ("captions", "scores", "notes")}
        return replace(self, **short, attention=self.attention and self.attention[:count])


@dataclass(frozen=True)
class CaptionResult:
    """Captions of many images, the card of the captioner, and why some images were skipped."""

    captions: tuple[ImageCaptions, ...]
    card: dict[str, Any]
    skipped: tuple[str, ...]


def caption_folders(
    places: Sequence[Path],
    model: Path | None = None,
    *,
    count: int = 3,
    alpha: float | None = None,
    out: Path | None = None,
    page: Path | None = None,
    weights: Path | None = None,
    overwrite: bool = False,
) -> CaptionResult:
    """Caption image files and the images of folders; skip what cannot be read.

    Args:
        places: image files and folders.
        model: folder of a captioner; by default that of the newest run in ``runs``.
        count: captions per image.
        alpha: exponent of the length normalization; by default that of the captioner.
        out: a file for the captions as JSON lines.
        page: a file for an HTML page of images and captions.
        weights: weights file of MobileNetV2; by default that of the data folder.
        overwrite: replace ``out`` and ``page`` if they exist.

    Raises:
        BadSetting: a number is out of range, or ``out`` or ``page`` exists.
        DataMissing: there is no captioner, no image or no weights file.
        CorruptFile: no image can be read.
    """
    for path in (out, page):
        refuse_existing_file(path, overwrite)
    captioner = saved_captioner.load(model or find_newest_captioner())
    # A beam that is narrower than the number of captions would not find that many.
    beam = max(captioner.search.beam, count) if count > 0 else count
    search = replace(captioner.search, beam=beam)
    if alpha is not None:
        search = replace(search, alpha=alpha)
    readable, skipped = _keep_readable(_list_images(places))
    found = [
        each.first(count) for each in caption_images(captioner, readable, search, weights=weights)
    ]
    if out:
        write_captions(out, [(_relative_name(each.path, out), each.captions) for each in found])
    if page:
        entries = [
            CaptionEntry(
                each.path.name,
                images.read(each.path),
                each.captions[0],
                f"{each.scores[0]:.3f}",
                each.captions[1:],
            )
            for each in found
        ]
        use = _(str(captioner.card.get("use", "")))
        with atomic_write(page) as stream:
            stream.write(render_caption_page(_("Captions"), use, [("", entries)]))
    return CaptionResult(tuple(found), captioner.card, tuple(skipped))


def _list_images(places: Sequence[Path]) -> list[Path]:
    paths: list[Path] = []
    for place in places:
        found = images.list_images(place) if place.is_dir() else [place]
        if not found:
            raise DataMissing(_("there are no images in {place}").format(place=place))
        paths += found
    return paths


def _keep_readable(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the images that can be read, and why others cannot; raise if none can."""
    readable, errors = [], []
    for path in paths:
        try:
            images.read(path)
            readable.append(path)
        except EtabliError as error:
            errors.append(error)
    if errors and not readable:
        raise errors[0]
    return readable, [str(error) for error in errors]


def _relative_name(path: Path, out: Path) -> str:
    """Return the name of an image in a file of captions: relative to it if the image is below."""
    path, parent = path.resolve(), out.parent.resolve()
    return images.get_display_name(path, parent if path.is_relative_to(parent) else None)


def caption_images(
    captioner: Captioner,
    paths: Sequence[Path],
    search: SearchConfig | None = None,
    *,
    weights: Path | str | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[ImageCaptions]:
    """Caption image files.

    Args:
        captioner: the captioner; it names the features that it was trained on.
        paths: the image files.
        search: beam search; by default that of the captioner.
        weights: weights file of MobileNetV2; by default that of the data folder.
        progress: called with the number of images done since its last call.

    Raises:
        DataMissing: there is no image, or no weights file.
    """
    if not paths:
        raise DataMissing(_("there is no image to caption"))
    with tempfile.TemporaryDirectory() as folder:
        maps = extract_region_maps(
            paths,
            [f"{number:06d}" for number in range(len(paths))],
            captioner.features,
            Path(folder),
            weights=weights or find_extractor_weights(captioner.features),
            progress=progress,
        )
    found = write_checked(captioner, maps, search, _load_head(captioner))
    familiarity = fit_familiarity(captioner)
    is_far = familiarity.is_far(pool_regions(maps)) if familiarity else np.zeros(len(maps), bool)
    result = []
    for row, captions in enumerate(found):
        codes = np.stack([each.words for each in captions])
        maps_by_word = captioner.attention_weights(maps[[row] * len(codes)], codes)
        attention = None
        if maps_by_word is not None:
            pairs = zip(maps_by_word, captions, strict=True)
            attention = tuple(each[: len(caption.text.split())] for each, caption in pairs)
        result.append(
            ImageCaptions(
                paths[row],
                tuple(each.text for each in captions),
                tuple(each.score for each in captions),
                attention,
                tuple(tuple(each.describe()) for each in captions),
                bool(is_far[row]),
            )
        )
    return result


def _load_head(captioner: Captioner) -> ImageNetHead | None:
    """Return the ImageNet classifier of the captioner's features, if it is in the data folder."""
    if captioner.features != "mobilenet_v2" or find_weights_files() is None:
        return None
    return ImageNetHead.load()


def find_extractor_weights(features: str) -> Path | None:
    """Return the weights file of a feature extractor; None if it needs none."""
    return Source.full().file("weights", *WEIGHTS) if features == "mobilenet_v2" else None


def find_newest_captioner(runs: Path | str = RUNS) -> Path:
    """Return the captioner of the newest run that has one, one with attention first."""
    for run in run_folder.find_runs(Path(runs)):
        for experiment in (
            "tp5.attention",
            "tp5.caption-tuned",
            "tp5.caption-modern",
            "tp5.caption",
        ):
            for folder in sorted((run / experiment).glob("seed-*/captioner")):
                return folder
    raise DataMissing(
        _("no run in runs/ has a captioner"),
        fix=_("Train one with 'etabli run tp5.attention', or name one with --model."),
    )
