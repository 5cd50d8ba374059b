"""Animals in captions of photographs: how often the first caption names the labeled one.

    ETABLI_DATA=... python benchmarks/caption_animals.py CAPTIONER

CAPTIONER is a folder that ``etabli run tp5.attention --data full`` wrote. Captions the photographs
of the VOC 2012 validation list that have exactly one of the animals, without and with the
comparison with the ImageNet classes of the same features, and prints the share of first captions
that name the animal, with its 95 % interval (bootstrap over images).
"""

import argparse
from pathlib import Path

import numpy as np

from etabli.core.paths import user_cache
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import voc
from etabli.features.caption_check import write_checked
from etabli.features.imagenet import ImageNetHead
from etabli.features.regions import WEIGHTS, extract_region_maps
from etabli.models.captioning.animals import ANIMALS
from etabli.saved_models import captioner as saved_captioner

NAMES = ("cat", "cow", "dog", "horse", "sheep")
WORDS = {each.name: set(each.words) for each in ANIMALS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("captioner", type=Path)
    given = parser.parse_args()
    captioner = saved_captioner.load(given.captioner)
    data = voc.load(Source.full(), "val")
    shown = data.labels[:, [data.classes.index(name) for name in NAMES]] == 1
    rows = np.flatnonzero(shown.sum(axis=1) == 1)
    labels = [NAMES[k] for k in shown[rows].argmax(axis=1)]
    paths, names = ([each[row] for row in rows] for each in (data.paths, data.names))
    folder = user_cache() / "features" / "voc2012-animals-map"
    weights = Source.full().file("weights", *WEIGHTS)
    maps = extract_region_maps(paths, names, captioner.features, folder, weights=weights)
    for title, head in (("before", None), ("after", ImageNetHead.load())):
        found = write_checked(captioner, maps, head=head)
        right = np.array(
            [
                bool(WORDS[label] & set(captions[0].text.split()))
                for label, captions in zip(labels, found, strict=True)
            ]
        )
        print(f"{title}: {describe(right)} of all {len(right)} photographs")
        for name in NAMES:
            chosen = right[[label == name for label in labels]]
            print(f"  {name}: {describe(chosen)} of {len(chosen)}")


def describe(right: np.ndarray) -> str:
    """Return the share of the photographs whose caption names the animal, and its interval."""
    draw = make_generator(0, "bootstrap")
    means = [right[draw.integers(len(right), size=len(right))].mean() for _turn in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{right.mean():.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
