"""What the stories of practical 3 share: which data and which net, their features, and how a ranking is scored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli import features
from etabli.core import cache
from etabli.core.errors import DataMissing
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.data.formats.labelled_images import LabelledImages
from etabli.data.synthetic import scenes
from etabli.experiments.context import RunContext
from etabli.features.store import Features
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import backbones, small_resnet
from etabli.training import keras_io

# The classes of the VOC 2012 subset with enough positives on its val list to be measured.
MEASURABLE = ("cat", "chair", "cow", "dog", "horse", "person", "sheep", "sofa")


@dataclass(frozen=True)
class Task:
    """Training and test images, and the net whose features serve them. ``official`` is the report's own task.

    ``taught``, labels (N, K') of the training images, holds the K classes of the task and then those that the list
    also names but that the test images are too few to judge.
    """

    train: LabelledImages
    test: LabelledImages
    backbone: str
    weights: Path | None
    words: dict[str, object]
    official: bool
    taught: np.ndarray | None = None

    @property
    def net(self) -> backbones.Backbone:
        return backbones.backbone(self.backbone)


def task(context: RunContext, backbone: str = "auto") -> Task:
    """VOC 2007 with ResNet-50 where both are there; what stands in for them otherwise, said before anything starts."""
    if context.is_sample:
        train, test = (voc.load(context.source, split) for split in ("trainval", "test"))
        name = "small_residual" if backbone == "auto" else backbone
        weights = drawn_weights(context) if name == "small_residual" else None
        return Task(train, test, name, weights, {"data": "drawn-scenes", "backbone": name}, False)
    years = voc.available_years(context.source.path("voc"))
    name = backbone if backbone != "auto" else _best_net(context.source)
    weights = weights_file(context.source, name)
    if 2007 in years:
        train, test = (voc.load(context.source, split, 2007) for split in ("trainval", "test"))
        official = name == "resnet50"
        if not official:
            _say_instead(context, "VOC 2007", name)
        return Task(
            train, test, name, weights, {"data": "voc2007-test", "backbone": name}, official
        )
    whole = voc.load(context.source, "train")
    train, test = (
        which.of_classes(MEASURABLE) for which in (whole, voc.load(context.source, "val"))
    )
    taught = whole.of_classes(
        (*MEASURABLE, *(each for each in whole.classes if each not in MEASURABLE))
    ).labels
    _say_instead(context, test.title, name)
    return Task(
        train, test, name, weights, {"data": "voc2012-subset", "backbone": name}, False, taught
    )


def weights_file(source: Source, name: str) -> Path:
    """The ImageNet weights of a net among the data of ``source``; ``DataMissing`` says how to get them."""
    record = backbones.backbone(name).weights
    return source.file("weights", *record.files)


def _best_net(source: Source) -> str:
    for name in ("resnet50", "mobilenet_v2"):
        try:
            weights_file(source, name)
        except DataMissing:
            continue
        return name
    weights_file(source, "resnet50")
    raise AssertionError("unreachable: the line above refuses")


def _say_instead(context: RunContext, data: str, net: str) -> None:
    text = _(
        "The report's task, ResNet-50 on VOC 2007, is not complete here: this runs {net} on {data}. Its numbers stand "
        "alone; nothing published is set beside them."
    ).format(net=net, data=data)
    context.print_line(text)
    context.note(text)
    context.withhold_published()


def drawn_weights(context: RunContext) -> Path:
    """The weights of the small net trained on single drawn objects; trained now where nobody has done so."""
    recipe = {"images": 1152, "side": 48, "epochs": 5, "seed": 0, "version": 2}
    path = cache.cached_file("small_residual", recipe, ".weights.h5")
    if path.exists():
        return path
    draw = make_generator(recipe["seed"], "single objects")
    targets = np.arange(recipe["images"]) % len(scenes.KINDS)
    side = (recipe["side"], recipe["side"])
    drawn = (scenes.draw_single(draw, scenes.KINDS[kind], side).image for kind in targets)
    pictures = np.stack([np.asarray(image) for image in drawn]).astype(np.float32)
    model = backbones.backbone("small_residual").build(size=side)
    whole = small_resnet.classifier(model, len(scenes.KINDS))
    with context.progress(N_("source task: single drawn objects"), total=recipe["epochs"]) as step:
        memory = context.checkpoint("single objects", recipe)
        context.resume(memory, step)
        small_resnet.teach(
            whole, pictures, targets, draw, epochs=recipe["epochs"], memory=memory,
            watch=lambda _epoch, numbers: step(1, **numbers),
        )  # fmt: skip
    return keras_io.save_weights(model, path)


def deep_features(
    context: RunContext, work: Task, which: LabelledImages, view: str = "plain", **options: object
) -> Features:
    """The features of all images of a list, from the cache where they are there."""
    label = _("{net} on {data}, {view}").format(net=work.backbone, data=which.title, view=view)
    with context.progress(label, total=len(which)) as step:
        done = 0

        def progress(now: int, _total: int) -> None:
            nonlocal done
            step(now - done)
            done = now

        return features.kept(
            which.title.replace(" ", "-").lower(),
            which.paths,
            work.backbone,
            names=which.names,
            weights=work.weights,
            view=view,
            engine="keras" if context.is_sample else None,
            progress=progress,
            **options,
        )


def readable(which: LabelledImages, held: Features) -> LabelledImages:
    """The images of a list that have features: what could not be read is judged nowhere."""
    names = set(held.names)
    return which.at([row for row, name in enumerate(which.names) if name in names])


def score_ranking(
    context: RunContext, which: LabelledImages, ranks: np.ndarray, words: dict, suffix: str = ""
) -> Score:
    """Keep every score of a ranking; with a ``suffix`` its mean alone. Returns the mean (area, difficult ignored)."""
    named = ap.scores(which.labels, ranks, which.classes)
    if not suffix:
        draws = make_generator(context.seed, "bootstrap")
        named["mean_average_precision_standard_error"] = ap.standard_error(
            which.labels, ranks, draws
        )
    for name, score in (
        named.items()
        if not suffix
        else [("mean_average_precision", named["mean_average_precision"])]
    ):
        context.score(f"{name}{suffix}", Score(score.value, {**words, **score.recipe}))
    return named["mean_average_precision"]


def score_decisions(
    context: RunContext, which: LabelledImages, probabilities: np.ndarray, words: dict
) -> None:
    """Element-wise accuracy, and that of saying 'never there' of everything, which is already high."""
    right = ap.element_accuracy(which.labels, probabilities >= 0.5)
    never = ap.element_accuracy(which.labels, np.zeros_like(probabilities))
    context.score("element_accuracy", Score(right.value, {**words, **right.recipe}))
    context.score(
        "element_accuracy_never", Score(never.value, {**words, **never.recipe, "says": "never"})
    )


def thumbnails(which: LabelledImages, rows: np.ndarray, side: int = 96) -> list[np.ndarray]:
    """Small squares of some images, for figures."""
    return [images.read(which.paths[row], (side, side)) for row in rows]
