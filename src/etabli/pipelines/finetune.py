"""Fine-tuning on a user's own images: the same steps as tp3.finetune, judged on a part of them."""

from pathlib import Path

import numpy as np
from scipy.special import expit

from etabli import __version__
from etabli.core.atomic_files import lock_folder
from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.data.formats.labelled_images import LabelledImages
from etabli.features import finetune_data
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import backbones, finetune, linear_head
from etabli.saved_models import multilabel

__all__ = ["tune"]


def tune(
    images: LabelledImages,
    out: Path,
    backbone: str,
    weights: Path | None,
    stage: str,
    *,
    validation: float,
    crops: int,
    side: int | None = None,
    reporter: Reporter,
    **plan: object,
) -> dict[str, Score]:
    """Train on labelled images that can be read and write the model's folder; returns its scores on the judging part.

    ``side`` is the net's input in pixels, its own by default.
    """
    with lock_folder(out):
        return _tuned(
            images, out, backbone, weights, stage, validation, crops, side, reporter, plan
        )


def _tuned(
    which, out, backbone, weights, stage, validation, crops, side, reporter, plan
) -> dict[str, Score]:
    net, settings = (
        backbones.backbone(backbone),
        finetune.Plan(**{"kept": 0.3, "attention": 1 / 3, **plan}),
    )
    size = (side, side) if side else net.input_size
    stage = finetune_data.stage_of(backbone, stage)
    model = net.build(weights, seed=settings.seed, size=size)
    with reporter.task(_("frozen part"), (2 + crops) * len(which)) as step:
        views = finetune_data.views(
            which, net, weights, stage, size, crops=crops, step=step, collection="own"
        )
    lesson = finetune_data.Lesson(which, views, validation, settings.seed)
    tail = finetune.from_stage(
        model, finetune_data.layer_of(net, stage), roots=True, places=settings.attention > 0
    )
    start, _pooled = lesson.start(tail, 0.1, settings.batch)
    checkpoint = out / "checkpoint.safetensors"
    with reporter.task(_("fine-tuning"), settings.epochs * lesson.steps(settings.batch)) as step:
        tuned = lesson.teach(tail, start, settings, checkpoint, step, lambda **_numbers: None)
    logits = views.logits(lesson.rows_judged, finetune.logits_of(tuned, settings.batch))
    scores = ap.scores(lesson.judged.labels, logits, which.classes)
    card = _card(
        net, size, lesson, logits, scores, settings, f"from {stage}, epoch {tuned.best_epoch}"
    )
    multilabel.save(out, linear_head.with_head(model, tuned.head, True, tuned.attention), card)
    checkpoint.unlink(missing_ok=True)
    return scores


def _card(
    net,
    size,
    lesson: finetune_data.Lesson,
    logits: np.ndarray,
    scores,
    plan: finetune.Plan,
    how: str,
) -> multilabel.Card:
    learn, judged = lesson.learn, lesson.judged
    return multilabel.Card(
        title=f"{net.name}, fine-tuned on {learn.title}",
        backbone=net.name,
        input_size=size,
        preprocessing=f"inside the net ({net.preprocessing}); it takes red, green and blue from 0 to 255",
        classes=learn.classes,
        thresholds=tuple(
            float(value) for value in linear_head.best_thresholds(judged.labels, expit(logits))
        ),
        data=f"{learn.title}: {len(learn)} images to learn from, {len(judged)} to judge on",
        licence="that of your images",
        training=f"{how} of {plan.epochs}, rate {plan.rate:g}, seed {plan.seed}",
        weights=f"{net.weights.citation} ({net.weights.licence})",
        scores={name: (score.value, score.signature) for name, score in scores.items()},
        made_with=f"etabli {__version__}",
    )
