"""What the stories of practical 5 share: images and captions on the table, captions scored, shown, kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from etabli.core.cache import user_cache
from etabli.core.i18n import N_, _
from etabli.data.formats import flickr8k, images
from etabli.data.formats.caption_folder import CaptionedImages
from etabli.experiments.context import RunContext
from etabli.features.regions import WEIGHTS, region_maps
from etabli.metrics.bleu import bleu
from etabli.metrics.caption_tokens import tokenize
from etabli.metrics.cider import cider, cider_d
from etabli.metrics.rouge import rouge
from etabli.metrics.score import Score
from etabli.models.captioning import baselines
from etabli.saved_models.captioner import Captioner, pooled
from etabli.viz import caption_page
from etabli.viz.caption_page import Entry

REPORT_IMAGE = "452419961_6d42ab7000.jpg"
RESEARCH_ONLY = N_(
    "Trained on Flickr8k, whose photographs are for research only; so is this captioner."
)
OWN_SCENES = N_(
    "Trained on scenes that Établi draws itself; it may be used for anything, and knows nothing else."
)


@dataclass(frozen=True)
class Material:
    """The three parts with the region maps (N, 49, D) float16 of their images; ``features`` names the kind of map.

    ``views`` are more maps of the training images: mirrored, cropped.
    """

    data: flickr8k.Flickr8k
    maps: dict[str, np.ndarray]
    features: str
    views: list[np.ndarray] = field(default_factory=list)

    def part(self, name: str) -> tuple[CaptionedImages, np.ndarray]:
        return getattr(self.data, name), self.maps[name]


def lay_out(context: RunContext, views: Sequence[str] = ()) -> Material:
    """Flickr8k with the maps of MobileNetV2, computed once and kept; or the sample scenes with their cells.

    ``views`` name how the training images are looked at besides (``etabli.features.pipeline``).
    """
    data = flickr8k.load(context.source)
    parts = {"train": data.train, "dev": data.dev, "test": data.test}
    kind = "cells" if context.is_sample else "mobilenet_v2"
    paths = [path for part in parts.values() for path in part.paths]
    names = [name for part in parts.values() for name in part.names]
    number = len(data.train)
    with context.progress(N_("image features"), total=len(paths) + number * len(views)) as step:
        maps = _seen(context, kind, "plain", paths, names, step)
        more = [_seen(context, kind, view, paths[:number], names[:number], step) for view in views]
    ends = np.cumsum([len(part) for part in parts.values()])
    return Material(data, dict(zip(parts, np.split(maps, ends[:-1]), strict=True)), kind, more)


def _seen(
    context: RunContext,
    kind: str,
    view: str,
    paths: list,
    names: list[str],
    step: Callable[[int], None],
) -> np.ndarray:
    weights = None if context.is_sample else context.source.file("weights", *WEIGHTS)
    folder = (
        user_cache()
        / "features"
        / "-".join(["flickr8k", kind, "map", *([view] if view != "plain" else [])])
    )
    done = 0

    def progress(now: int, _total: int) -> None:
        nonlocal done
        step(now - done)
        done = now

    return region_maps(paths, names, kind, folder, weights=weights, view=view, progress=progress)


def score_captions(
    context: RunContext, captions: Sequence[str], references: Sequence[Sequence[str]], decoding: str
) -> None:
    """BLEU-1 to 4 in both protocols, CIDEr-D and ROUGE-L, under the names of the practical."""
    for n, score in enumerate(bleu(captions, references, "course", decoding=decoding), 1):
        context.score(f"bleu_{n}", score)
    for n, score in enumerate(bleu(captions, references, "standard", decoding=decoding), 1):
        context.score(f"bleu_{n}_standard", score)
    context.score("cider_d", cider(captions, references, decoding=decoding))
    context.score("rouge_l", rouge(captions, references, decoding=decoding))


def beside_the_baselines(
    context: RunContext, material: Material, own: dict[str, Sequence[str]], trigram: str
) -> None:
    """The table of every caption writer: ours, those that learnt no images, and one human against the other four."""
    train, train_maps = material.part("train")
    test, test_maps = material.part("test")
    constant = baselines.commonest(train.rows()[1]) if context.is_sample else baselines.CONSTANT
    writers = {
        **own,
        _("caption of the nearest training image"): baselines.nearest(
            pooled(train_maps), train.captions, pooled(test_maps)
        ),
        _("one caption for all: {caption}").format(caption=constant): [constant] * len(test),
        _("trigram without image: {caption}").format(caption=trigram): [trigram] * len(test),
    }
    rows = [[name, *_row(captions, test.captions)] for name, captions in writers.items()]
    rows.append([_("a human against the other four (mean of five)"), *_humans(test.captions)])
    context.table(
        "baselines",
        title=N_("Every caption writer on the test images"),
        columns=[N_("writer"), *(f"BLEU-{n}" for n in range(1, 5))]
        + [f"BLEU-{n} standard" for n in range(1, 5)]
        + ["CIDEr-D", "ROUGE-L"],
        rows=rows,
        caption=N_(
            "The first four in the course's protocol (references as written), the others in the standard one "
            "(lower-cased, punctuation dropped). A human has four references, all others five."
        ),
    )


def gallery(
    context: RunContext, material: Material, captions: Sequence[str], number: int = 12
) -> None:
    """The page of the best and the worst test images by CIDEr-D, with their references."""
    test = material.data.test
    words, references = tokenize(captions, test.captions, "standard")
    values = cider_d(words, references)
    order = np.argsort(-values, kind="stable")

    def entries(rows: Sequence[int]) -> list[Entry]:
        return [
            Entry(
                test.names[i],
                images.read(test.paths[i]),
                captions[i],
                f"CIDEr-D {values[i]:.2f}",
                test.captions[i],
            )
            for i in rows
        ]

    picked = np.linspace(0, len(order) - 1, min(number, len(order))).astype(int)
    html = caption_page.page(
        _("Captions of test images"),
        _("Each image with the caption that was written, its CIDEr-D, and what people wrote."),
        [
            (_("The best"), entries(order[:number])),
            (_("From the best to the worst"), entries(order[picked])),
            (_("The worst"), entries(order[::-1][:number])),
        ],
    )
    context.page("gallery", html, title=N_("Gallery of captions"))


def picture_of_the_report(test: CaptionedImages) -> int:
    """The row of the report's own image, the first one in other data."""
    return test.names.index(REPORT_IMAGE) if REPORT_IMAGE in test.names else 0


def card_of(context: RunContext, material: Material, **more: object) -> dict[str, object]:
    """The card that goes with a captioner: what it learnt from, how well it does, what it may be used for."""
    train = material.data.train
    return {
        "experiment": context.experiment.name,
        "trained_on": "drawn scenes" if context.is_sample else "Flickr8k (Hodosh et al. 2013)",
        "images": len(train),
        "captions": len(train.rows()[1]),
        "image_features": material.features,
        "use": OWN_SCENES if context.is_sample else RESEARCH_ONLY,
        "seed": context.seed,
        "scores": {
            name: {"value": score.value, "recipe": score.signature}
            for name, score in context.scores.items()
        },
        **more,
    }


def samples_of(
    captioner: Captioner,
    maps: np.ndarray,
    draws: Sequence[np.random.Generator],
    temperature: float = 1.0,
):
    """Captions of every image drawn from the softmax, once with each generator."""
    from etabli.models.text.sampling import Decoding

    how = Decoding(temperature=temperature)
    return [captioner.sample(maps, how, draw).best(captioner.vocabulary) for draw in draws]


def _row(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    scores: list[Score] = [
        *bleu(captions, references, "course"),
        *bleu(captions, references, "standard"),
    ]
    return [
        round(score.value, 4)
        for score in [*scores, cider(captions, references), rouge(captions, references)]
    ]


def _humans(references: Sequence[Sequence[str]]) -> list[float]:
    """Each caption in turn against the others of its image, the mean over the turns."""
    turns = []
    for out in range(min(map(len, references))):
        others = [[c for place, c in enumerate(group) if place != out] for group in references]
        turns.append(_row([group[out] for group in references], others))
    return [round(float(value), 4) for value in np.mean(turns, axis=0)]
