"""How many images the pages of photos and captions flag as unlike their training images.

    ETABLI_DATA=... python benchmarks/unfamiliar_images.py

For the classifier of drawn scenes (``tp3.transfer`` on sample data) and the shipped captioner: the
share of VOC 2012 photographs (validation list) that is flagged, which should be all, and that of
drawn scenes that did not train them.
"""

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from etabli import pretrained
from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.features.caption_check import fit_familiarity
from etabli.features.regions import open_extractor
from etabli.metrics.novelty import Familiarity
from etabli.saved_models import captioner as saved_captioner
from etabli.web.pages import photo
from etabli.web.pages.transfer import _look_at_cells

N_SCENES = 300


def main() -> None:
    photographs = [images.read(path) for path in voc.load(Source.full(), "val").paths]
    scenes = [np.asarray(photo._draw(seed).image) for seed in range(N_SCENES)]
    size = (96, 96)
    train, test = (voc.load(Source.sample(), split).paths for split in ("trainval", "test"))
    known = Familiarity.fit(
        np.concatenate([_look_at_cells(images.read(each, size)) for each in train])
    )
    assert known is not None
    drawn = [images.read(path) for path in test]
    for name, shown in (("photographs", photographs), ("test scenes", drawn), ("demo", scenes)):
        report("transfer", name, known, _look_at_cells, shown, size)
    captioner = saved_captioner.load(pretrained.FOLDER / "tp5.attention" / "seed-0" / "captioner")
    extract, size = open_extractor(captioner.features)
    familiarity = fit_familiarity(captioner)
    assert familiarity is not None
    for name, shown in (("photographs", photographs), ("demo scenes", scenes)):
        report("captions", name, familiarity, lambda x: extract(x).mean(axis=1), shown, size)


def report(
    page: str,
    name: str,
    familiarity: Familiarity,
    look: Callable[[np.ndarray], np.ndarray],
    shown: Iterable[np.ndarray],
    size: tuple[int, int],
) -> None:
    """Print the share of images that are far from the training images of a page."""
    small = [Image.fromarray(each).resize(size, Image.Resampling.BILINEAR) for each in shown]
    far = familiarity.is_far(np.concatenate([look(np.asarray(each)) for each in small]))
    print(f"{page}, {name}: {far.sum()} of {len(far)} flagged ({far.mean():.1%})")


if __name__ == "__main__":
    main()
