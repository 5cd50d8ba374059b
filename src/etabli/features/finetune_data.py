"""The data of a fine-tuning: stored views of the images, split for training and validation."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.data.formats.labeled_images import LabeledImages
from etabli.features.frozen_stage import FrozenFeatures, ImageViews
from etabli.metrics import average_precision as ap
from etabli.models.vision import backbones, finetune, linear_head

if TYPE_CHECKING:
    import keras


def resolve_stage(backbone: str, stage: str) -> str:
    """Return the last frozen stage; "auto" is the default of the backbone, "input" none.

    Raises ``UnknownName`` for a stage that the backbone lacks.
    """
    net = backbones.get_backbone(backbone)
    known = ("auto", "input", *net.stages)
    if stage not in known:
        raise UnknownName(_("stage"), stage, known)
    return net.default_stage if stage == "auto" else stage


def frozen_layer_name(net: backbones.Backbone, stage: str) -> str | None:
    """Return the last frozen layer; None where the whole net is trained."""
    return None if stage == "input" else backbones.feature_layer_name(net, stage)


def build_views(
    images: LabeledImages,
    net: backbones.Backbone,
    weights: Path | None,
    stage: str,
    size: tuple[int, int],
    *,
    crops: int,
    step: Callable[[int], None],
    collection: str,
    engine: str | None = None,
) -> FrozenFeatures | ImageViews:
    """Compute the output of the frozen part for every image in several views.

    Args:
        images: The images.
        net: The backbone.
        weights: Its weights file; None for random weights.
        stage: The last frozen stage; with "input" nothing is computed, the views are the images.
        size: Height and width of the input.
        crops: Random crops of each image, next to the image and its mirror image.
        step: Called with the number of views computed since its last call.
        collection: The name of the features in the cache.
        engine: "openvino" or "keras"; None takes the fastest.
    """
    if stage == "input":
        return ImageViews(images.paths, images.names, size, crops)
    return FrozenFeatures(
        collection,
        images.paths,
        images.names,
        net.name,
        stage,
        crops=crops,
        weights=weights,
        size=size,
        engine=engine,
        progress=step,
    )


class FinetuneData:
    """Stored views of images, split into training and validation.

    ``labels`` (N, K'), K' >= K, may hold further classes after the K classes that are validated:
    they are trained too. Each ``number`` gives another split, unless ``parts`` are given.
    """

    def __init__(
        self,
        images: LabeledImages,
        views: FrozenFeatures | ImageViews,
        share: float,
        seed: int,
        labels: np.ndarray | None = None,
        number: int = 0,
        parts: tuple[LabeledImages, LabeledImages] | None = None,
        is_exclusive: bool = False,
        is_balanced: bool = False,
    ) -> None:
        generator = make_generator(seed, "validation", *([str(number)] if number else []))
        self.train, self.validation = parts or images.split_validation(share, generator)
        self.is_exclusive = is_exclusive
        self.views, self.classes = views, len(images.classes)
        self._rows = {name: row for row, name in enumerate(images.names)}
        self.train_rows, self.validation_rows = map(self.find_rows, (self.train, self.validation))
        self.labels = self.train.labels if labels is None else labels[self.train_rows]
        self.weights = (
            linear_head.balance_weights(self.labels, is_exclusive) if is_balanced else None
        )

    def find_rows(self, part: LabeledImages) -> np.ndarray:
        """Return the indices of images among all."""
        return np.array([self._rows[name] for name in part.names])

    def fit_head(
        self, tail: "keras.Model", l2: float, batch_size: int
    ) -> tuple[linear_head.LinearClassifier, np.ndarray]:
        """Fit a linear classifier on the pooled features; return it and these features (N, D)."""
        pooled = self.views.logits(
            self.train_rows, finetune.make_pooling_function(tail, batch_size)
        )
        head = linear_head.fit(
            pooled, self.labels, l2, is_exclusive=self.is_exclusive, weights=self.weights
        )
        return head, pooled

    def validate(self, logits_of: finetune.LogitsFunction) -> float:
        """Return the mAP on the validation images; of exclusive classes minus the log loss."""
        logits = self.validation_logits(logits_of)
        if self.is_exclusive:
            return -linear_head.cross_entropy(self.validation.labels, logits)
        return ap.mean_average_precision(self.validation.labels, logits).value

    def validation_logits(self, logits_of: finetune.LogitsFunction) -> np.ndarray:
        """Return the logits (N, K) of the validation images."""
        return self.views.logits(self.validation_rows, logits_of)[:, : self.classes]

    def fine_tune(
        self,
        tail: "keras.Model",
        head: linear_head.LinearClassifier,
        config: finetune.FinetuneConfig,
        checkpoint: Path | None,
        step: Callable[..., None],
        log: Callable[..., None] | None = None,
    ) -> finetune.FinetunedModel:
        """Train ``tail`` and ``head``.

        Args:
            tail: The part of the net that is trained (``finetune.build_tail``).
            head: The linear classifier to start from.
            config: How to train.
            checkpoint: The file to resume from, written after every epoch.
            step: Called as ``step(advance, **numbers)`` after every batch.
            log: Called as ``log(**numbers)`` after every epoch.
        """

        def watch(advance: int, **numbers: float | None) -> None:
            step(advance, **{name: value for name, value in numbers.items() if value is not None})
            if advance == 0 and log:
                log(**numbers)

        def inputs_of(chosen: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
            return self.views(self.train_rows[chosen], generator)

        return finetune.fine_tune(
            tail,
            head,
            inputs_of,
            self.labels,
            config,
            self.validate,
            checkpoint,
            watch,
            self.weights,
        )

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.train) // batch_size)
