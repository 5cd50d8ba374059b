"""tp3.finetune: the net itself learns, from a stage up.

    etabli run tp3.finetune --data full --seeds 3
    etabli run tp3.finetune --data full --set stage=input        the whole net (slow without a GPU)

The part of the net below ``stage`` stays as ImageNet left it; what it says of every image, in several views, is
computed once and stored. The part above learns at a small rate that falls towards the lower layers, starting from a
linear layer on square roots of its frozen features; a class is looked for in the whole picture and, with the share
``attention``, at the places that speak most for it; batch normalisation keeps its statistics. Every class that the
list names is learnt, those of the task are judged. A tenth of the training list chooses the epoch; ``nets`` trainings
hold out another tenth each, and the net that is kept has the mean of their weights: it learnt from every image.
The report gives 85.23 without saying of what: mAP and element-wise accuracy stand side by side.

Where a fine-tuned net looks for a class: what each place of a picture adds to the class's logit.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from pydantic import Field
from scipy.special import expit

from etabli import __version__
from etabli.core.i18n import N_, _
from etabli.core.seeding import derive_keras_seed
from etabli.data.formats import images
from etabli.data.formats.labelled_images import LabelledImages
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, PublishedScore, SettingsModel
from etabli.experiments.tp3 import _shared, untangling
from etabli.features import finetune_data
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import finetune, linear_head
from etabli.saved_models import multilabel
from etabli.viz.captions import attention_over
from etabli.viz.classes import bars
from etabli.viz.curves import learning_curves


class Settings(SettingsModel):
    backbone: str = Field("auto", description=N_("net: resnet50, vgg16, mobilenet_v2, or auto"))
    stage: str = Field(
        "auto",
        description=N_("last frozen stage; input: the whole net learns; auto: the net's own"),
    )
    side: int = Field(352, ge=32, le=1024, description=N_("pixels on a side of the net's input"))
    crops: int = Field(
        2,
        ge=0,
        le=16,
        description=N_("random parts of every training image beside it and its mirror image"),
    )
    nets: int = Field(3, ge=1, le=20, description=N_("trainings whose weights are averaged"))
    epochs: int = Field(5, ge=1, le=200, description=N_("passes over the training images"))
    batch: int = Field(64, ge=2, description=N_("images in a batch"))
    rate: float = Field(5e-4, gt=0, description=N_("Adam's rate at the top"))
    lower_rate: float = Field(
        0.3, gt=0, le=1, description=N_("share of the rate at the lowest layer that learns")
    )
    mixup: float = Field(
        0.2,
        ge=0,
        description=N_("parameter of the Beta law by which two images are mixed; 0: none"),
    )
    average: float = Field(
        0.99, ge=0, lt=1, description=N_("memory a step of the running average of the weights")
    )
    attention: float = Field(
        1 / 3,
        ge=0,
        le=1,
        description=N_("share of a class's logit that comes from its likeliest places"),
    )
    roots: bool = Field(True, description=N_("the linear layer sees square roots at one length"))
    kept: float = Field(
        0.3,
        ge=0,
        lt=1,
        description=N_("share of the start in the weights that are judged and kept"),
    )
    decay: float = Field(0.02, ge=0, description=N_("weight decay, decoupled"))
    patience: int = Field(
        3, ge=1, description=N_("epochs without a better validation after which to stop")
    )
    validation: float = Field(
        0.1, gt=0, lt=0.5, description=N_("share of the training images that chooses the epoch")
    )
    head_decay: float = Field(
        0.1, gt=0, description=N_("decay of the linear layer from which training starts")
    )
    tsne_iterations: int = Field(
        500, ge=10, le=10000, description=N_("t-SNE's iterations for the explorer")
    )
    precision: str = Field(
        "f32", pattern="^(f32|bf16)$", description=N_("precision of the products")
    )


def run(context: RunContext, settings: Settings) -> None:
    work = _shared.task(context, settings.backbone)
    stage = finetune_data.stage_of(work.backbone, settings.stage)
    train_views, test_views = (
        stored_views(context, settings, work, which, stage, crops)
        for which, crops in ((work.train, settings.crops), (work.test, 0))
    )
    lessons = [
        finetune_data.Lesson(
            work.train, train_views, settings.validation, context.seed, work.taught, number
        )
        for number in range(settings.nets)
    ]
    model = work.net.build(work.weights, size=(settings.side, settings.side))
    layer = finetune_data.layer_of(work.net, stage)
    tail = finetune.from_stage(model, layer, settings.roots, places=settings.attention > 0)
    frozen_test = test_views.logits(every(work.test), finetune.pooled_of(tail, settings.batch))
    starts = [lesson.start(tail, settings.head_decay, settings.batch) for lesson in lessons]
    frozen_learn, before = starts[0][1], starts[0][0].first(len(work.train.classes))
    tuned, epochs, thresholds = learn(
        context, settings, lessons, [start for start, _pooled in starts], tail, stage
    )

    logits_of = finetune.logits_of(tuned, settings.batch)
    test_logits, learn_logits = (
        views.logits(rows, logits_of)
        for views, rows in ((test_views, every(work.test)), (train_views, lessons[0].rows_learn))
    )
    words = {
        **work.words,
        "from": stage,
        "epoch": "+".join(map(str, epochs)),
        "views": "plain+flip",
    }
    words["nets"] = settings.nets
    words["side"] = settings.side
    words["features"] = "unit roots" if settings.roots else "plain"
    words["attention"] = f"{settings.attention:.2g}"
    after = _shared.score_ranking(context, work.test, test_logits, words)
    _shared.score_decisions(context, work.test, expit(test_logits), words)
    logits = {
        "frozen": (before.logits(frozen_learn), before.logits(frozen_test)),
        "tuned": (learn_logits, test_logits),
    }
    gaps = score_gaps(context, work, lessons[0].learn, logits, words)
    net = linear_head.with_head(model, tuned.head, settings.roots, settings.attention)
    keep_model(context, work, net, thresholds, after)
    tell_claims(context, work, after, gaps)
    if context.is_first_seed:
        show(context, work, before.logits(frozen_test), test_logits, gaps)
        tuned_test = test_views.logits(every(work.test), finetune.pooled_of(tail, settings.batch))
        if settings.attention:
            show_regions(context, work, tuned, test_views, test_logits)
        untangling.show(context, work, frozen_test, tuned_test, settings.tsne_iterations)


def every(which: LabelledImages) -> np.ndarray:
    return np.arange(len(which))


def stored_views(
    context: RunContext,
    settings: Settings,
    work: _shared.Task,
    which: LabelledImages,
    stage: str,
    crops: int,
):
    """What the frozen part says of every image of a list, or the pictures themselves where the whole net learns."""
    size, total = (
        (settings.side, settings.side),
        0 if stage == "input" else (2 + crops) * len(which),
    )
    with context.progress(_("frozen part on {data}").format(data=which.title), total=total) as step:
        return finetune_data.views(
            which, work.net, work.weights, stage, size, crops=crops, step=step,
            collection=which.title.replace(" ", "-").lower(), engine="keras" if context.is_sample else None,
        )  # fmt: skip


def learn(
    context: RunContext,
    settings: Settings,
    lessons: list[finetune_data.Lesson],
    starts: list,
    tail,
    stage: str,
):
    """Every lesson from the same weights; the mean of what was learnt, each one's best epoch, and the thresholds.

    A threshold is chosen on images that the training whose logits are taken had not learnt from.
    """
    origin, trainings, judged, epochs = tail.get_weights(), [], [], []
    asked = {
        name: value
        for name, value in dict(settings).items()
        if name in finetune.Plan.__dataclass_fields__
    }
    plan = finetune.Plan(**asked, seed=context.seed)
    with context.progress(
        N_("fine-tuning"), total=plan.epochs * sum(each.steps(plan.batch) for each in lessons)
    ) as step:
        for number, (lesson, start) in enumerate(zip(lessons, starts, strict=True)):
            tail.set_weights(origin)
            own = (
                replace(plan, seed=derive_keras_seed(context.seed, "fine-tuning", str(number)))
                if number
                else plan
            )
            checkpoint = context.checkpoint_path(
                "fine-tuning", settings, stage, lesson.learn.names, start.kernel
            )
            tuned = lesson.teach(
                tail, start, own, checkpoint, step, partial(context.log, curve_of(number))
            )
            judged.append(
                (lesson.judged.labels, lesson.judged_logits(finetune.logits_of(tuned, plan.batch)))
            )
            trainings.append((tail.get_weights(), tuned.head.first(lesson.classes)))
            epochs.append(tuned.best_epoch)
    head = finetune.mean_of(tail, trainings)
    labels, logits = (np.concatenate(each) for each in zip(*judged, strict=True))
    mean = finetune.Tuned(head, tail, [], [], max(epochs), plan.attention)
    return mean, epochs, linear_head.best_thresholds(labels, expit(logits))


def curve_of(number: int) -> str:
    """The history of a training: the first one's is drawn."""
    return f"finetune-{number + 1}" if number else "finetune"


def score_gaps(
    context: RunContext, work: _shared.Task, learn: LabelledImages, logits, words
) -> dict[str, tuple[float, float]]:
    """mAP on training and test images, frozen and fine-tuned: the report claims that there is no gap.

    ``logits`` maps "frozen" and "tuned" to those of the images learnt from and of the test images.
    """
    gaps = {}
    for key, (train_logits, test_logits) in logits.items():
        train_map = ap.mean_average_precision(learn.labels, train_logits)
        test_map = ap.mean_average_precision(work.test.labels, test_logits)
        gaps[key] = (train_map.value, test_map.value)
        recipe = {**words, **train_map.recipe, "weights": key, "on": "training less test"}
        context.score(f"gap_{key}", Score(train_map.value - test_map.value, recipe))
    context.score(
        "mean_average_precision_frozen",
        Score(gaps["frozen"][1], {**words, **test_map.recipe, "epoch": 0}),
    )
    return gaps


def keep_model(
    context: RunContext, work: _shared.Task, net, thresholds: np.ndarray, after: Score
) -> None:
    """The whole net with its head, as a folder with a card, for ``etabli predict``."""
    card = multilabel.Card(
        title=f"{work.backbone}, fine-tuned on {work.train.title}",
        backbone=work.backbone,
        input_size=tuple(net.input_shape[1:3]),
        preprocessing=f"inside the net ({work.net.preprocessing}); it takes red, green and blue from 0 to 255",
        classes=work.train.classes,
        thresholds=tuple(float(value) for value in thresholds),
        data=work.train.title,
        licence="drawn by this project, MIT" if context.is_sample else "VOC terms: research use",
        training="; ".join(f"{key} {value}" for key, value in work.words.items()),
        weights=f"{work.net.weights.citation} ({work.net.weights.licence})",
        scores={"mean_average_precision": (after.value, after.signature)},
        made_with=f"etabli {__version__}",
    )
    multilabel.save(context.path("model"), net, card)


def tell_claims(
    context: RunContext, work: _shared.Task, after: Score, gaps: dict[str, tuple[float, float]]
) -> None:
    frozen, tuned = gaps["frozen"], gaps["tuned"]
    text = _(
        "mAP {before:.2%} with frozen features, {after:.2%} fine-tuned ({points:+.2f} points)."
    )
    gain = after.value - frozen[1]
    measured = text.format(before=frozen[1], after=after.value, points=100 * gain)
    context.claim("finetuning_helps", "confirmed" if gain > 0 else "refuted", measured)
    text = _(
        "The mAP of the training images exceeds that of the test images by {a:.1f} points before and {b:.1f} after."
    )
    widest = max(train - test for train, test in gaps.values())
    measured = text.format(a=100 * (frozen[0] - frozen[1]), b=100 * (tuned[0] - tuned[1]))
    context.claim("no_overfitting", "confirmed" if widest < 0.02 else "refuted", measured)


def show(
    context: RunContext, work: _shared.Task, before: np.ndarray, after: np.ndarray, gaps
) -> None:
    """Figures of one seed: the training, the classes, the gap."""
    history = context.history("finetune")
    with context.figure(
        "curves",
        title=N_("Fine-tuning, epoch by epoch"),
        caption=N_(
            "The validation is a part of the training list; it chose the epoch. The test list was read once."
        ),
        panels=(1, 2),
        size=(10, 3.8),
    ) as axes:
        learning_curves(
            history, {"loss": _("training, mixed images")}, y_label=_("loss, nats"), ax=axes[0]
        )
        learning_curves(history, {"validation": _("validation")}, y_label="mAP", ax=axes[1])
    labels = work.test.labels
    values = {
        _("frozen"): 100 * ap.per_class(labels, before),
        _("fine-tuned"): 100 * ap.per_class(labels, after),
    }
    size = (8, 0.4 * len(work.test.classes) + 1.5)
    with context.figure("classes", title=N_("Average precision before and after"), size=size) as ax:
        bars(work.test.classes, values, x_label=_("average precision, %"), written="{:.1f}", ax=ax)
    with context.figure(
        "gap", title=N_("Training against test, before and after"), size=(7, 2.4)
    ) as ax:
        sides = {
            _("training"): [100 * gaps[key][0] for key in gaps],
            _("test"): [100 * gaps[key][1] for key in gaps],
        }
        bars([_("frozen"), _("fine-tuned")], sides, x_label="mAP, %", written="{:.1f}", ax=ax)


EXPERIMENT = ExperimentSpec(
    name="tp3.finetune",
    title=N_("Fine-tuning from a stage up"),
    measures=N_("mAP after fine-tuning"),
    source=N_("practical 3, exercise 4"),
    settings=Settings,
    run=run,
    on_sample={
        "side": 96,
        "nets": 1,
        "epochs": 3,
        "crops": 0,
        "batch": 32,
        "rate": 2e-3,
        "head_decay": 0.003,
        "average": 0.9,
        "tsne_iterations": 100,
    },
    data=("voc", "weights"),
    minutes=16,
    memory_mb=3000,
    is_data_parallel=True,
    seeds=3,
    published=(
        PublishedScore(
            "mean_average_precision",
            0.8523,
            what=N_("performance on the test data after fine-tuning, 85.23 %"),
            where=N_("practical 3, exercise 4"),
            note=N_(
                "the report does not say of what; mAP is taken, element-wise accuracy stands beside it"
            ),
        ),
    ),
    claims=(
        Claim(
            "finetuning_helps",
            N_(
                "Fine-tuning from ImageNet weights improves on frozen features, though not by much."
            ),
            where=N_("practical 3, exercise 4"),
        ),
        Claim(
            "no_overfitting",
            N_("Transfer and fine-tuning serve small data sets without over-fitting."),
            where=N_("practical 3, conclusion"),
        ),
    ),
    expected_ranges={"mean_average_precision": (0.81, 0.92)},
)


COLUMNS, SHOWN = 4, 2


def show_regions(
    context: RunContext, work: _shared.Task, tuned: finetune.Tuned, views, logits: np.ndarray
) -> None:
    """The test pictures that a class's logits (N, K) rank highest of those that show it, bright where it was found."""
    ranked = {
        k: [
            row for row in np.argsort(-logits[:, k], kind="stable") if work.test.labels[row, k] == 1
        ][:SHOWN]
        for k in range(len(work.test.classes))
    }
    chosen = [(k, row) for k, rows in ranked.items() for row in rows]
    shares = finetune.shares_of_places(tuned, views(np.array([row for _k, row in chosen])))
    height = -(-len(chosen) // COLUMNS)
    with context.figure(
        "places",
        title=N_("Where each class was found"),
        caption=N_(
            "The highest ranked pictures of a class, bright at the places that made its logit."
        ),
        panels=(height, COLUMNS),
        size=(10, 2.3 * height),
        image="png",
    ) as axes:
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (k, row), share in zip(axes.flat, chosen, shares, strict=False):
            picture = images.read(work.test.paths[row], (160, 160))
            light = np.sqrt(share[..., k].ravel())  # so that places which are second can be seen
            attention_over(picture, work.test.classes[k], light, ax)
