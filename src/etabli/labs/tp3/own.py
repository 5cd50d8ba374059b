"""Fine-tuning on a user's own images: the same steps as tp3.finetune, judged on a part of them."""

from pathlib import Path

import numpy as np
from scipy.special import expit

from etabli import __version__, runs
from etabli.data import image_tables
from etabli.features.stage_maps import Pixels, StageMaps
from etabli.i18n import _
from etabli.labs.bench import Reporter
from etabli.labs.tp3.finetune import STAGES
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models import backbones, finetune, multilabel, trained
from etabli.seeding import generator

__all__ = ["tune"]


def tune(
    images: Path,
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
    """Train on the labelled images of a place and write the model's folder; returns its scores on the judging part.

    ``side`` is the net's input in pixels, its own by default.
    """
    which = image_tables.readable(image_tables.read(images), reporter.say)
    with runs.lock(out):
        return _tuned(which, out, backbone, weights, stage, validation, crops, side, reporter, plan)


def _tuned(which, out, backbone, weights, stage, validation, crops, side, reporter, plan) -> dict[str, Score]:
    net = backbones.backbone(backbone)
    seed = int(plan["seed"])
    size = (side, side) if side else net.input_size
    model = net.build(weights, seed=seed, size=size)
    stage = STAGES[backbone] if stage == "auto" else stage
    layer = None if stage == "input" else backbones.feature_layer(net, stage)
    learn, judged = which.halves(validation, generator(seed, "validation"))
    with reporter.task(_("frozen part"), (2 + crops) * len(which)) as step:
        maps = _maps(which, net, weights, stage, crops, size, step)
    places = {name: place for place, name in enumerate(which.names)}
    rows_learn, rows_judged = (np.array([places[name] for name in part.names]) for part in (learn, judged))
    tail = finetune.from_stage(model, layer)
    pooled = maps.logits(rows_learn, finetune.pooled_of(tail, int(plan["batch"])))
    start = multilabel.fit(pooled, learn.labels, 0.1)
    settings = finetune.Plan(**plan)

    def judge(logits_of) -> float:
        return ap.mean_average_precision(judged.labels, maps.logits(rows_judged, logits_of)).value

    steps = -(-len(learn) // settings.batch)
    with reporter.task(_("fine-tuning"), settings.epochs * steps) as step:

        def watch(advance: int, **numbers: object) -> None:
            step(advance, **{name: value for name, value in numbers.items() if value is not None})

        tuned = finetune.fine_tune(
            tail,
            start,
            lambda chosen, draws: maps(rows_learn[chosen], draws),
            learn.labels,
            settings,
            judge,
            out / "checkpoint.safetensors",
            watch,
        )
    logits = maps.logits(rows_judged, finetune.logits_of(tuned, settings.batch))
    scores = ap.scores(judged.labels, logits, judged.classes)
    card = trained.Card(
        title=f"{net.name}, fine-tuned on {which.title}",
        backbone=net.name,
        input_size=size,
        preprocessing=f"inside the net ({net.preprocessing}); it takes red, green and blue from 0 to 255",
        classes=which.classes,
        thresholds=tuple(float(value) for value in multilabel.best_thresholds(judged.labels, expit(logits))),
        data=f"{which.title}: {len(learn)} images to learn from, {len(judged)} to judge on",
        licence="that of your images",
        training=f"from {stage}, epoch {tuned.best_epoch} of {settings.epochs}, rate {settings.rate:g}, seed {seed}",
        weights=f"{net.weights.citation} ({net.weights.licence})",
        scores={name: (score.value, score.signature) for name, score in scores.items()},
        made_with=f"etabli {__version__}",
    )
    trained.save(out, trained.with_head(model, tuned.head), card)
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    return scores


def _maps(which, net, weights, stage, crops, size, step):
    """Stored maps of the images, or the pictures where the whole net learns."""
    if stage == "input":
        return Pixels(which.paths, which.names, size, crops)
    seen: dict[str, int] = {}

    def progress(view: str, done: int, _total: int) -> None:
        step(done - seen.get(view, 0))
        seen[view] = done

    return StageMaps(
        "own", which.paths, which.names, net.name, stage, crops=crops, weights=weights, size=size, progress=progress
    )
