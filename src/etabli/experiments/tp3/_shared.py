"""Data, backbone, features and scores that the experiments of practical 3 share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etabli import features
from etabli.core import cache
from etabli.core.errors import DataMissing
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.data.formats.labeled_images import LabeledImages
from etabli.data.synthetic import scenes
from etabli.experiments.context import RunContext
from etabli.features.store import Features
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import backbones, small_resnet
from etabli.training import keras_io
from etabli.viz.classes import plot_bars

# The classes of the VOC 2012 subset with enough positives on its val list to be scored.
MEASURABLE = ("cat", "chair", "cow", "dog", "horse", "person", "sheep", "sofa")


@dataclass(frozen=True)
class Task:
    """Training and test images, and the backbone.

    ``is_official`` says whether it is the task of the report. ``train_labels`` (N, K') has the K
    classes of the task, and after them further classes of the training list that have too few test
    images to be scored.
    """

    train: LabeledImages
    test: LabeledImages
    backbone: str
    weights: Path | None
    recipe: Mapping[str, object]
    is_official: bool
    train_labels: np.ndarray | None = None

    @property
    def net(self) -> backbones.Backbone:
        return backbones.get_backbone(self.backbone)


@dataclass(frozen=True)
class Data:
    """Images with their features (N, D)."""

    images: LabeledImages
    features: np.ndarray


def load_task(context: RunContext, backbone: str = "auto") -> Task:
    """Load VOC 2007 and ResNet-50 if both are present, else a replacement, which is reported."""
    if context.is_sample:
        train, test = (voc.load(context.source, split) for split in ("trainval", "test"))
        name = "small_residual" if backbone == "auto" else backbone
        weights = pretrain_on_sample(context) if name == "small_residual" else None
        return Task(train, test, name, weights, {"data": "drawn-scenes", "backbone": name}, False)
    years = voc.list_years(context.source.path("voc"))
    name = backbone if backbone != "auto" else _choose_backbone(context.source)
    weights = find_weights(context.source, name)
    context.data |= {name, "voc2007" if 2007 in years else "voc2012"}
    if 2007 in years:
        train, test = (voc.load(context.source, split, 2007) for split in ("trainval", "test"))
        is_official = name == "resnet50"
        if not is_official:
            _report_replacement(context, "VOC 2007", name)
        recipe = {"data": "voc2007-test", "backbone": name}
        return Task(train, test, name, weights, recipe, is_official)
    whole = voc.load(context.source, "train")
    train, test = (
        which.select_classes(MEASURABLE) for which in (whole, voc.load(context.source, "val"))
    )
    others = (name for name in whole.classes if name not in MEASURABLE)
    train_labels = whole.select_classes((*MEASURABLE, *others)).labels
    _report_replacement(context, test.title, name)
    recipe = {"data": "voc2012-subset", "backbone": name}
    return Task(train, test, name, weights, recipe, False, train_labels)


def find_weights(source: Source, name: str) -> Path:
    """Find the ImageNet weights of a backbone; ``DataMissing`` says how to get them."""
    record = backbones.get_backbone(name).weights
    return source.file("weights", *record.files)


def _choose_backbone(source: Source) -> str:
    try:
        find_weights(source, "resnet50")
    except DataMissing as missing:
        try:
            find_weights(source, "mobilenet_v2")
        except DataMissing:
            raise missing from None
        return "mobilenet_v2"
    return "resnet50"


def _report_replacement(context: RunContext, data: str, net: str) -> None:
    text = _(
        "The task of the report, ResNet-50 on VOC 2007, is not available here: this runs {net} on "
        "{data}. Its scores are not comparable with the published values."
    ).format(net=net, data=data)
    context.print_line(text)
    context.note(text)
    context.withhold_published()


def pretrain_on_sample(context: RunContext) -> Path:
    """Return weights of the small net, pretrained on images of single drawn objects; cached."""
    n_images, side, epochs, seed = 1152, 48, 5, 0
    key = {"images": n_images, "side": side, "epochs": epochs, "seed": seed, "version": 2}
    path = cache.cache_path("small_residual", key, ".weights.h5")
    if path.exists():
        return path
    generator = make_generator(seed, "single objects")
    targets = np.arange(n_images) % len(scenes.KINDS)
    size = (side, side)
    drawn = (scenes.draw_single(generator, scenes.KINDS[kind], size).image for kind in targets)
    inputs = np.stack([np.asarray(image) for image in drawn]).astype(np.float32)
    model = backbones.get_backbone("small_residual").build(size=size)
    whole = small_resnet.build_classifier(model, len(scenes.KINDS))
    with context.progress(
        N_("pretraining: single drawn objects"), total=epochs, is_epochs=True
    ) as step:
        checkpoint = context.checkpoint("single objects", key)
        context.resume(checkpoint, step)
        small_resnet.train(
            whole,
            inputs,
            targets,
            generator,
            epochs=epochs,
            checkpoint=checkpoint,
            watch=lambda _epoch, numbers: step(1, **numbers),
        )
    return keras_io.save_weights(model, path)


def extract_features(
    context: RunContext, task: Task, which: LabeledImages, view: str = "plain", **options: Any
) -> Features:
    """Return the features of all images of a list, from the cache if possible."""
    label = _("{net} on {data}, {view}").format(net=task.backbone, data=which.title, view=view)
    with context.progress(label, total=len(which)) as step:
        return features.extract_to_cache(
            which.title.replace(" ", "-").lower(),
            which.paths,
            task.backbone,
            names=which.names,
            weights=task.weights,
            view=view,
            engine="keras" if context.is_sample else None,
            progress=step,
            **options,
        )


def keep_readable(which: LabeledImages, found: Features) -> LabeledImages:
    """Select the images that have features; those that could not be read are not scored."""
    names = set(found.names)
    return which.select([row for row, name in enumerate(which.names) if name in names])


def score_ranking(
    context: RunContext,
    which: LabeledImages,
    ranks: np.ndarray,
    recipe: dict[str, object],
    suffix: str = "",
) -> Score:
    """Score a ranking, only its mean if there is a ``suffix``.

    Args:
        context: The context of the seed run.
        which: The images and their labels.
        ranks: The logits or probabilities, (N, K).
        recipe: The recipe of the scores.
        suffix: The end of the name of the score.

    Returns:
        The mean average precision (area under the curve, difficult labels ignored).
    """
    scores = ap.compute_scores(which.labels, ranks, which.classes)
    mean = scores["mean_average_precision"]
    if suffix:
        scores = {"mean_average_precision": mean}
    else:
        generator = make_generator(context.seed, "bootstrap")
        error = ap.bootstrap_standard_error(which.labels, ranks, generator)
        scores["mean_average_precision_standard_error"] = error
    for name, score in scores.items():
        context.score(f"{name}{suffix}", Score(score.value, {**recipe, **score.recipe}))
    return mean


def score_decisions(
    context: RunContext, which: LabeledImages, probabilities: np.ndarray, recipe: dict[str, object]
) -> None:
    """Score the element-wise accuracy, and that of predicting that every label is negative."""
    right = ap.element_accuracy(which.labels, probabilities >= 0.5)
    negative = ap.element_accuracy(which.labels, np.zeros_like(probabilities))
    context.score("element_accuracy", Score(right.value, {**recipe, **right.recipe}))
    context.score(
        "elementwise_accuracy_all_negative",
        Score(negative.value, {**recipe, **negative.recipe, "predicts": "all negative"}),
    )


def read_thumbnails(which: LabeledImages, rows: np.ndarray, side: int = 96) -> list[np.ndarray]:
    """Read some images at a small size, for figures."""
    return [images.read(which.paths[row], (side, side)) for row in rows]


def plot_class_precisions(
    context: RunContext, which: LabeledImages, rankings: dict[str, np.ndarray], *, title: str
) -> None:
    """Plot the average precision of each class; ``rankings`` maps names to logits (N, K)."""
    values = {
        name: (100 * ap.average_precision_per_class(which.labels, ranks)).tolist()
        for name, ranks in rankings.items()
    }
    size = (8, 0.4 * len(which.classes) + 1.5)
    with context.figure("classes", title=title, size=size) as ax:
        label = _("average precision, %")
        plot_bars(which.classes, values, x_label=label, value_format="{:.1f}", ax=ax)
