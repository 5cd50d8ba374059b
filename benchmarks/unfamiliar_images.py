"""How many images the pages of photos and captions flag as unlike their training images.

    ETABLI_DATA=... python benchmarks/unfamiliar_images.py

For the classifier of drawn scenes (``tp3.transfer`` on sample data) and the shipped captioner: the
share of VOC 2012 photographs (validation list) that is flagged, which should be all, and that of
drawn scenes that did not train them.
"""

from collections.abc import Callable, Iterable

import numpy as np
from harness import conclude
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
    shares = {
        f"classifier of drawn scenes, {name}": count_far(known, _look_at_cells, shown, size)
        for name, shown in (
            ("photographs", photographs),
            ("test scenes", drawn),
            ("scenes of the page", scenes),
        )
    }
    captioner = saved_captioner.load(pretrained.FOLDER / "tp5.attention" / "seed-0" / "captioner")
    extract, size = open_extractor(captioner.features)
    familiarity = fit_familiarity(captioner)
    assert familiarity is not None
    for name, shown in (("photographs", photographs), ("scenes of the page", scenes)):
        far = count_far(familiarity, lambda x: extract(x).mean(axis=1), shown, size)
        shares[f"shipped captioner, {name}"] = far
    conclude(
        "unfamiliar_images",
        "Images flagged as unlike the training images: photographs should be, drawn scenes not",
        {},
        {f"% flagged: {name}": (100 * far.mean(), "") for name, far in shares.items()},
        "; ".join(f"{name}: {far.sum()} of {len(far)}" for name, far in shares.items()) + ".",
    )


def count_far(
    familiarity: Familiarity,
    look: Callable[[np.ndarray], np.ndarray],
    shown: Iterable[np.ndarray],
    size: tuple[int, int],
) -> np.ndarray:
    """Return which images are far from the training images of a page."""
    small = [Image.fromarray(each).resize(size, Image.Resampling.BILINEAR) for each in shown]
    return familiarity.is_far(np.concatenate([look(np.asarray(each)) for each in small]))


if __name__ == "__main__":
    main()
