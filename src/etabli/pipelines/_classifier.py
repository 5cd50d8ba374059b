"""The result that `transfer` and `finetune` share: a trained classifier and its card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from etabli.core.version import __version__
from etabli.data.formats.labeled_images import PRESENT, LabeledImages
from etabli.metrics import average_precision as ap
from etabli.models.vision import linear_head
from etabli.models.vision.backbones import Backbone
from etabli.saved_models.classifier import ModelCard


@dataclass(frozen=True)
class ClassifierResult:
    """A trained classifier: its folder and its card, with thresholds and validation scores.

    ``unscored`` are classes with no validation image, which the mean scores leave out; ``skipped``
    says why images could not be read; ``settings`` are those that training chose.
    """

    folder: Path
    card: ModelCard
    unscored: tuple[str, ...]
    settings: Mapping[str, object]
    skipped: tuple[str, ...] = ()


def make_card(
    net: Backbone,
    input_size: tuple[int, int],
    parts: tuple[LabeledImages, LabeledImages],
    logits: np.ndarray,
    *,
    title: str,
    training: str,
) -> tuple[ModelCard, tuple[str, ...]]:
    """Choose thresholds and compute scores on the validation images.

    Args:
        net: The backbone.
        input_size: Height and width of the images that the model takes.
        parts: The training and the validation images.
        logits: Logits (N, K) of the validation images.
        title: What the model is.
        training: How it was trained.

    Returns:
        The card, and the classes that cannot be scored.
    """
    train, validation = parts
    scores = ap.compute_scores(validation.labels, logits, validation.classes)
    thresholds = linear_head.choose_thresholds(validation.labels, expit(logits))
    card = ModelCard(
        title=title,
        backbone=net.name,
        input_size=input_size,
        preprocessing=f"inside the model ({net.preprocessing}); it takes RGB values from 0 to 255",
        classes=train.classes,
        thresholds=tuple(map(float, thresholds)),
        data=f"{train.title}: {len(train)} training images, {len(validation)} validation images",
        license="that of your images",
        training=training,
        weights=f"{net.weights.citation} ({net.weights.license})",
        scores={name: (score.value, score.signature) for name, score in scores.items()},
        made_with=f"etabli {__version__}",
    )
    present = (validation.labels == PRESENT).any(axis=0)
    unscored = (name for name, is_there in zip(card.classes, present, strict=True) if not is_there)
    return card, tuple(unscored)
