"""Shared parts of practical 5: data with image features, scores, baselines, gallery, model card."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from etabli.core.cache import user_cache
from etabli.core.i18n import N_, _
from etabli.data.formats import flickr8k, images
from etabli.data.formats.caption_folder import CaptionedImages
from etabli.experiments.context import RunContext
from etabli.features.regions import WEIGHTS, extract_region_maps
from etabli.metrics.bleu import bleu
from etabli.metrics.caption_tokens import tokenize
from etabli.metrics.cider import cider, cider_d
from etabli.metrics.rouge import rouge
from etabli.metrics.score import Score
from etabli.models.captioning import baselines
from etabli.saved_models.captioner import pool_regions
from etabli.viz import caption_page
from etabli.viz.caption_page import CaptionEntry

REPORT_IMAGE = "452419961_6d42ab7000.jpg"
REPORT_BLEU = (0.5668402011823878, 0.34102407335981794, 0.20506189569398792, 0.12338869898753847)
"""BLEU-1 to 4 of figure 24 of the report, in the course's protocol."""
RESEARCH_ONLY = N_("Trained on Flickr8k, whose photographs are for research use only.")
SYNTHETIC_SCENES = N_("Trained on synthetic scenes drawn by Établi; free for any use.")


@dataclass(frozen=True)
class CaptionSplits:
    """Training, development and test set with the region maps (N, 49, D) float16 of their images.

    ``features`` names what computed the maps; ``views`` are maps of augmented training images.
    """

    data: flickr8k.Flickr8k
    maps: dict[str, np.ndarray]
    features: str
    views: list[np.ndarray] = field(default_factory=list)

    def split(self, name: str) -> tuple[CaptionedImages, np.ndarray]:
        """Return the images and the region maps of one of the three sets."""
        return getattr(self.data, name), self.maps[name]


def load_splits(context: RunContext, views: Sequence[str] = ()) -> CaptionSplits:
    """Load Flickr8k with maps of MobileNetV2, or the sample scenes with maps of color and edges.

    ``views`` name augmentations of the training images (``etabli.features.pipeline``).
    """
    data = flickr8k.load(context.source)
    splits = {"train": data.train, "dev": data.dev, "test": data.test}
    features = "cells" if context.is_sample else "mobilenet_v2"
    paths = [path for split in splits.values() for path in split.paths]
    names = [name for split in splits.values() for name in split.names]
    weights = None if context.is_sample else context.source.file("weights", *WEIGHTS)
    n_train = len(data.train)

    def extract(view: str, count: int, step: Callable[[int], None]) -> np.ndarray:
        parts = ["flickr8k", features, "map", *([view] if view != "plain" else [])]
        return extract_region_maps(
            paths[:count],
            names[:count],
            features,
            user_cache() / "features" / "-".join(parts),
            weights=weights,
            view=view,
            progress=step,
        )

    with context.progress(N_("image features"), total=len(paths) + n_train * len(views)) as step:
        maps = extract("plain", len(paths), step)
        augmented = [extract(view, n_train, step) for view in views]
    ends = np.cumsum([len(split) for split in splits.values()])
    by_split = dict(zip(splits, np.split(maps, ends[:-1]), strict=True))
    return CaptionSplits(data, by_split, features, augmented)


def score_captions(
    context: RunContext, captions: Sequence[str], references: Sequence[Sequence[str]], decoding: str
) -> None:
    """Score BLEU-1 to 4 in both protocols, CIDEr-D and ROUGE-L."""
    for protocol, ending in (("course", ""), ("standard", "_standard")):
        for n, score in enumerate(bleu(captions, references, protocol, decoding=decoding), 1):
            context.score(f"bleu_{n}{ending}", score)
    context.score("cider_d", cider(captions, references, decoding=decoding))
    context.score("rouge_l", rouge(captions, references, decoding=decoding))


def show_baselines(
    context: RunContext,
    splits: CaptionSplits,
    captioners: Mapping[str, Sequence[str]],
    trigram: str,
) -> None:
    """Show the table of all captioners: ours, those without images, one human against four others.

    Args:
        context: the run.
        splits: the data; captions of the test set are compared.
        captioners: name -> captions of the test images.
        trigram: the caption that a trigram model writes without an image.
    """
    (train, train_maps), (test, test_maps) = splits.split("train"), splits.split("test")
    constant = (
        baselines.most_common_caption(train.rows()[1])
        if context.is_sample
        else baselines.CONSTANT_CAPTION
    )
    nearest = baselines.nearest_captions(
        pool_regions(train_maps), train.captions, pool_regions(test_maps)
    )
    every = {
        **captioners,
        _("caption of the nearest training image"): nearest,
        _("the same caption for every image: {caption}").format(caption=constant): [constant]
        * len(test),
        _("trigram model without image: {caption}").format(caption=trigram): [trigram] * len(test),
    }
    rows = [[name, *_score_row(captions, test.captions)] for name, captions in every.items()]
    rows.append([_("a human against the other four (mean of five)"), *_score_humans(test.captions)])
    context.table(
        "baselines",
        title=N_("All captioners on the test images"),
        columns=[
            N_("captioner"),
            *(f"BLEU-{n}" for n in range(1, 5)),
            *(f"BLEU-{n} standard" for n in range(1, 5)),
            *("CIDEr-D", "ROUGE-L"),
        ],
        rows=rows,
        caption=N_(
            "The first four in the course's protocol (references as written), the others in the "
            "standard one (lower case, no punctuation). A human has four references, all "
            "others five."
        ),
    )


def _score_row(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float | None]:
    scores: list[Score] = [
        *bleu(captions, references, "course"),
        *bleu(captions, references, "standard"),
        cider(captions, references),
        rouge(captions, references),
    ]
    return [round_score(score.value) for score in scores]


def round_score(value: float) -> float | None:
    """Return a score as tables hold it: four digits, None where it is undefined."""
    return None if np.isnan(value) else round(float(value), 4)


def _score_humans(references: Sequence[Sequence[str]]) -> list[float | None]:
    """Score each caption in turn against the others of its image, and average over the turns."""
    turns = []
    for turn in range(min(map(len, references))):
        others = [[*group[:turn], *group[turn + 1 :]] for group in references]
        turns.append(_score_row([group[turn] for group in references], others))
    return [round_score(value) for value in np.mean(np.array(turns, dtype=float), axis=0)]


def show_gallery(
    context: RunContext, splits: CaptionSplits, captions: Sequence[str], count: int = 12
) -> None:
    """Show a page of the best and the worst test images by CIDEr-D, with their references."""
    test = splits.data.test
    values = cider_d(*tokenize(captions, test.captions, "standard"))
    order = np.argsort(-values, kind="stable").tolist()

    def entries(rows: Iterable[int]) -> list[CaptionEntry]:
        return [
            CaptionEntry(
                test.names[i],
                images.read(test.paths[i]),
                captions[i],
                "CIDEr-D —" if np.isnan(values[i]) else f"CIDEr-D {values[i]:.2f}",
                test.captions[i],
            )
            for i in rows
        ]

    spread = np.linspace(0, len(order) - 1, min(count, len(order))).astype(int)
    html = caption_page.render_caption_page(
        _("Captions of test images"),
        _("Each image with its generated caption, its CIDEr-D and the captions written by people."),
        [
            (_("The best"), entries(order[:count])),
            (_("From the best to the worst"), entries(order[place] for place in spread)),
            (_("The worst"), entries(order[::-1][:count])),
        ],
    )
    context.page("gallery", html, title=N_("Gallery of captions"))


def find_report_image(test: CaptionedImages) -> int:
    """Return the row of the image that the report shows; 0 in other data."""
    return test.names.index(REPORT_IMAGE) if REPORT_IMAGE in test.names else 0


def make_card(context: RunContext, splits: CaptionSplits) -> dict[str, object]:
    """Return the model card of a captioner: its training data, scores and permitted use."""
    train = splits.data.train
    return {
        "experiment": context.experiment.name,
        "trained_on": "drawn scenes" if context.is_sample else "Flickr8k (Hodosh et al. 2013)",
        "images": len(train),
        "captions": len(train.rows()[1]),
        "image_features": splits.features,
        "use": SYNTHETIC_SCENES if context.is_sample else RESEARCH_ONLY,
        "seed": context.seed,
        "scores": {
            name: {"value": score.value, "recipe": score.signature}
            for name, score in context.scores.items()
        },
    }
