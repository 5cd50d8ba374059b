"""What both fine-tunings share, tp3.finetune and that of one's own images: stored views, a start, a judge."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from etabli.core.seeding import make_generator
from etabli.data.formats.labelled_images import LabelledImages
from etabli.features.frozen_stage import Pixels, StageMaps
from etabli.metrics import average_precision as ap
from etabli.models.vision import backbones, finetune, linear_head

__all__ = ["STAGES", "Lesson", "layer_of", "stage_of", "views"]

STAGES = {
    "mobilenet_v2": "block_12",
    "resnet50": "conv4",
    "vgg16": "block4",
    "small_residual": "stage2",
}


def stage_of(backbone: str, stage: str) -> str:
    """The stage that was asked for; "auto" is the net's own."""
    return STAGES[backbone] if stage == "auto" else stage


def layer_of(net: backbones.Backbone, stage: str) -> str | None:
    """The last frozen layer, ``None`` where the whole net learns."""
    return None if stage == "input" else backbones.feature_layer(net, stage)


def views(
    which: LabelledImages,
    net: backbones.Backbone,
    weights: Path | None,
    stage: str,
    size: tuple[int, int],
    *,
    crops: int,
    step: Callable[[int], None],
    collection: str,
    engine: str | None = None,
) -> StageMaps | Pixels:
    """What the frozen part says of every image in some views, or the pictures themselves where the whole net learns.

    ``step`` is told how many views have been computed since it was last told.
    """
    if stage == "input":
        return Pixels(which.paths, which.names, size, crops)
    seen: dict[str, int] = {}

    def progress(view: str, done: int, _total: int) -> None:
        step(done - seen.get(view, 0))
        seen[view] = done

    options = {
        "crops": crops,
        "weights": weights,
        "size": size,
        "engine": engine,
        "progress": progress,
    }
    return StageMaps(collection, which.paths, which.names, net.name, stage, **options)


class Lesson:
    """Images in stored views, parted into those that are learnt from and those that choose the epoch.

    ``labels`` (N, K'), K' >= K, may hold more classes than the K that are judged, which come first: what else an
    image shows is learnt too. Lessons of other ``number`` part the images otherwise.
    """

    def __init__(
        self,
        which: LabelledImages,
        views: StageMaps | Pixels,
        share: float,
        seed: int,
        labels=None,
        number: int = 0,
    ) -> None:
        draws = make_generator(seed, "validation", *([str(number)] if number else []))
        self.learn, self.judged = which.halves(share, draws)
        self.views, self.classes = views, len(which.classes)
        places = {name: place for place, name in enumerate(which.names)}
        self.rows_learn, self.rows_judged = (
            np.array([places[name] for name in part.names]) for part in (self.learn, self.judged)
        )
        self.labels = self.learn.labels if labels is None else labels[self.rows_learn]

    def start(
        self, tail, decay: float, batch: int
    ) -> tuple[linear_head.LinearSigmoids, np.ndarray]:
        """A linear layer on the pooled features of the net as it is, and those features of the images learnt from."""
        pooled = self.views.logits(self.rows_learn, finetune.pooled_of(tail, batch))
        return linear_head.fit(pooled, self.labels, decay), pooled

    def judge(self, logits_of) -> float:
        """The mAP on the images that are not learnt from."""
        return ap.mean_average_precision(self.judged.labels, self.judged_logits(logits_of)).value

    def judged_logits(self, logits_of) -> np.ndarray:
        """Logits (N, K) of the images that are not learnt from."""
        return self.views.logits(self.rows_judged, logits_of)[:, : self.classes]

    def teach(
        self, tail, start, plan: finetune.Plan, checkpoint, step: Callable, log: Callable
    ) -> finetune.Tuned:
        """Train; ``step(advance, **numbers)`` is told of every batch, ``log(**numbers)`` of every epoch."""

        def watch(advance: int, **numbers: float | None) -> None:
            step(advance, **{name: value for name, value in numbers.items() if value is not None})
            if advance == 0:
                log(**numbers)

        def rows(chosen: np.ndarray, draws: np.random.Generator) -> np.ndarray:
            return self.views(self.rows_learn[chosen], draws)

        return finetune.fine_tune(
            tail, start, rows, self.labels, plan, self.judge, checkpoint, watch
        )

    def steps(self, batch: int) -> int:
        """Batches in an epoch."""
        return -(-len(self.learn) // batch)
