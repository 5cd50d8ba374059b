"""``explain.html``: where the answer of a classifier came from, image by image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from etabli.core.errors import BadSetting
from etabli.core.i18n import _, localize_number
from etabli.data.formats import images as image_files
from etabli.features.explanation import Explainer, Explanation
from etabli.features.inputs import find_images
from etabli.report import sections
from etabli.report.sections import Block, Gallery, Note, Page, Section, Tile
from etabli.saved_models import classifier, training_images
from etabli.saved_models.training_images import TrainingImages

__all__ = ["PAGE", "explain", "overlay"]

PAGE = "explain.html"
_SIDE, _MOST_IMAGES, _NEAREST = 224, 100, 4


def explain(
    model: Path | str, images: Path | str, names: Sequence[str], folder: Path | str
) -> Path:
    """Write a page with the evidence for the most probable classes of images; return its path.

    Args:
        model: The folder of a classifier.
        images: The images, as ``find_images`` takes them.
        names: Those that can be read; of more than 100, the first are explained.
        folder: Where ``explain.html`` is written.

    Raises:
        BadSetting: The model is not made of layers that can be seen.
    """
    loaded = classifier.load(model)
    explainer, known = Explainer(loaded), training_images.load(model)
    sources, found_names = find_images(images)
    path_of = dict(zip(found_names, sources, strict=True))
    shown: list[Section] = []
    for number, name in enumerate(names[:_MOST_IMAGES]):
        path = path_of[name]
        if not isinstance(path, Path):
            raise BadSetting(_("--explain needs images on this machine"), got=str(images))
        found = explainer.explain(explainer.read(path))
        shown.append(Section(f"image-{number}", name, _show(found, path, loaded.card, known)))
    warnings = []
    if len(names) > _MOST_IMAGES:
        text = _("Only the first {shown} of {total} images are explained.")
        warnings.append(text.format(shown=_MOST_IMAGES, total=len(names)))
    page = Page(
        _("Where the answers came from"),
        [loaded.card.title, _explain_colors()],
        shown,
        warnings=warnings,
    )
    return sections.write(page, Path(folder) / PAGE)


def _explain_colors() -> str:
    return _("red: regions that support the class; the rest is faded")


def _show(
    found: Explanation,
    path: Path,
    card: classifier.ModelCard,
    known: TrainingImages | None,
) -> list[Block]:
    pixels = image_files.read_thumbnail(path, _SIDE)
    if pixels is None:
        return [Note(_("The image cannot be read."), is_warning=True)]
    tiles = [Tile([(sections.embed_jpeg(pixels, _SIDE), path.name)], [_("image")])]
    for k in np.argsort(-found.probabilities, kind="stable")[:3]:
        share = localize_number(f"{100 * found.probabilities[k]:.1f} %")
        text = f"{card.classes[k]} {share}"
        drawn = overlay(pixels, found.maps[k])
        tiles.append(Tile([(sections.embed_jpeg(drawn, _SIDE), text)], [text]))
    blocks: list[Block] = [Gallery(tiles)]
    if known is None:
        return [*blocks, Note(_("The training images are not stored with this model."))]
    nearest = [
        _show_neighbor(known, row, cosine)
        for row, cosine in known.find_nearest(found.features, _NEAREST)
    ]
    return [*blocks, Gallery(nearest, _("The nearest training images"))]


def _show_neighbor(known: TrainingImages, row: int, cosine: float) -> Tile:
    pixels = image_files.read_thumbnail(known.paths[row], _SIDE)
    source = "" if pixels is None else sections.embed_jpeg(pixels)
    lines = (known.labels[row], _("cosine {cosine:.2f}").format(cosine=cosine), known.names[row])
    return Tile([(source, known.names[row])], lines)


def overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return an image with the regions in red that support a class; the rest is faded.

    Args:
        pixels: (H, W, 3) uint8.
        heat: (h, w), the logit of each place; only values above zero, or else above the mean, are
            drawn, the highest in full.
    """
    floor = 0.0 if heat.max() > 0 else float(heat.mean())
    share = np.clip(heat - floor, 0, None)
    share = share / max(float(share.max()), 1e-12)
    size = (pixels.shape[1], pixels.shape[0])
    grown = Image.fromarray(share.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    weight = 0.65 * np.clip(np.asarray(grown), 0, 1)[..., None] ** 1.5
    gray = pixels.mean(axis=2, keepdims=True)
    faded = 0.45 * pixels + 0.55 * gray
    return np.clip((1 - weight) * faded + weight * (214, 39, 40), 0, 255).astype(np.uint8)
