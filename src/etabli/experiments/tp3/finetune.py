"""tp3.finetune: fine-tuning of the upper stages of the net.

    etabli run tp3.finetune --data full --seeds 3
    etabli run tp3.finetune --data full --set stage=input        the whole net (slow without a GPU)

The part of the net up to ``stage`` is frozen; its output for every image, in several views, is
computed once and stored. The part above is trained with a small learning rate that decreases
towards the lower layers, starting from a linear layer on square-rooted frozen features. The logit
of a class comes from the mean over the whole image and, with the share ``attention``, from the
locations with the highest logits; the statistics of batch normalization are frozen. Every class of
the list is trained, those of the task are scored. A tenth of the training list chooses the epoch;
``n_ensemble`` trainings hold out another tenth each, and the saved net has the mean of their
weights, so that it is trained on every image. The report gives 85.23 without saying of what: mAP
and element-wise accuracy are both listed.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from scipy.special import expit

from etabli.core.i18n import N_, _
from etabli.core.seeding import derive_keras_seed, make_generator
from etabli.core.version import __version__
from etabli.data.formats import images
from etabli.data.formats.labeled_images import LabeledImages
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec, PublishedScore
from etabli.experiments.tp3 import _shared, untangling
from etabli.features import finetune_data
from etabli.features.finetune_data import FinetuneData
from etabli.features.frozen_stage import FrozenFeatures, ImageViews
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Interval, Score
from etabli.models.vision import finetune, linear_head
from etabli.models.vision.finetune import FinetuneConfig, FinetunedModel
from etabli.models.vision.linear_head import LinearClassifier
from etabli.saved_models import classifier
from etabli.viz.captions import show_attention
from etabli.viz.classes import plot_bars
from etabli.viz.curves import plot_learning_curves

if TYPE_CHECKING:
    import keras

Views = FrozenFeatures | ImageViews
COLUMNS, IMAGES_PER_CLASS = 4, 2  # of the figure of the regions


class Settings(SettingsModel):
    backbone: str = Field(
        "auto", description=N_("backbone: resnet50, vgg16, mobilenet_v2, or auto")
    )
    stage: str = Field(
        "auto",
        description=N_("last frozen stage; input: train the whole net; auto: that of the backbone"),
    )
    image_size: int = Field(352, ge=32, le=1024, description=N_("side of the input, in pixels"))
    crops: int = Field(
        2,
        ge=0,
        le=16,
        description=N_("random crops per training image, in addition to the image and its mirror"),
    )
    n_ensemble: int = Field(
        3, ge=1, le=20, description=N_("number of trainings whose weights are averaged")
    )
    epochs: int = Field(5, ge=1, le=200, description=N_("number of epochs"))
    batch_size: int = Field(64, ge=2, description=N_("images per update"))
    learning_rate: float = Field(5e-4, gt=0, description=N_("learning rate at the top layer"))
    lower_rate: float = Field(
        0.3, gt=0, le=1, description=N_("share of the learning rate at the lowest trained layer")
    )
    mixup: float = Field(
        0.2, ge=0, description=N_("mixup: parameter of the Beta distribution; 0: none")
    )
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description=N_("decay of the exponential moving average of the weights")
    )
    attention: float = Field(
        1 / 3,
        ge=0,
        le=1,
        description=N_("share of a logit that comes from the locations with the highest logits"),
    )
    sqrt_normalize: bool = Field(
        True, description=N_("square-root and L2-normalize the features of the linear layer")
    )
    init_weight: float = Field(
        0.3,
        ge=0,
        lt=1,
        description=N_("share of the initial weights in the weights that are evaluated"),
    )
    weight_decay: float = Field(0.02, ge=0, description=N_("decoupled weight decay"))
    patience: int = Field(
        3, ge=1, description=N_("epochs without improvement before training stops")
    )
    validation: float = Field(
        0.1, gt=0, lt=0.5, description=N_("share of the training images held out for validation")
    )
    head_weight_decay: float = Field(
        0.1, gt=0, description=N_("L2 penalty of the initial linear layer")
    )
    tsne_iterations: int = Field(
        500, ge=10, le=10000, description=N_("iterations of t-SNE for the explorer")
    )
    precision: str = Field(
        "f32", pattern="^(f32|bf16)$", description=N_("precision of the matrix products")
    )


def run(context: RunContext, settings: Settings) -> None:
    task = _shared.load_task(context, settings.backbone)
    stage = finetune_data.resolve_stage(task.backbone, settings.stage)
    train_views = build_views(context, settings, task, task.train, stage, settings.crops)
    test_views = build_views(context, settings, task, task.test, stage, 0)
    splits = [
        FinetuneData(
            task.train, train_views, settings.validation, context.seed, task.train_labels, number
        )
        for number in range(settings.n_ensemble)
    ]
    all_test = np.arange(len(task.test))
    model = task.net.build(task.weights, size=(settings.image_size, settings.image_size))
    layer = finetune_data.frozen_layer_name(task.net, stage)
    tail = finetune.build_tail(
        model, layer, settings.sqrt_normalize, with_locations=settings.attention > 0
    )
    pooling = finetune.make_pooling_function(tail, settings.batch_size)
    frozen_test = test_views.logits(all_test, pooling)
    fitted = [
        split.fit_head(tail, settings.head_weight_decay, settings.batch_size) for split in splits
    ]
    heads = [head for head, _features in fitted]
    frozen_head, frozen_train = heads[0].first(len(task.train.classes)), fitted[0][1]
    tuned, epochs, thresholds = train_ensemble(context, settings, splits, heads, tail, stage)

    logits_of = finetune.make_logits_function(tuned, settings.batch_size)
    test_logits = test_views.logits(all_test, logits_of)
    train_logits = train_views.logits(splits[0].train_rows, logits_of)
    recipe = {
        **task.recipe,
        "from": stage,
        "epoch": "+".join(map(str, epochs)),
        "views": "plain+flip",
        "n_ensemble": settings.n_ensemble,
        "image_size": settings.image_size,
        "features": "sqrt-normalized" if settings.sqrt_normalize else "plain",
        "attention": f"{settings.attention:.2g}",
    }
    score = _shared.score_ranking(context, task.test, test_logits, recipe)
    _shared.score_decisions(context, task.test, expit(test_logits), recipe)
    logits = {
        "frozen": (frozen_head.logits(frozen_train), frozen_head.logits(frozen_test)),
        "tuned": (train_logits, test_logits),
    }
    maps = score_gaps(context, task, splits[0].train, logits, recipe)
    net = linear_head.attach_head(model, tuned.head, settings.sqrt_normalize, settings.attention)
    save_model(context, task, net, thresholds, score)
    # The tuned net is the mean of trainings that hold out different images; so is this classifier.
    frozen_mean = np.mean(
        [head.first(len(task.train.classes)).logits(frozen_test) for head in heads], axis=0
    )
    generator = make_generator(context.seed, "paired bootstrap")
    gain = ap.bootstrap_gain(task.test.labels, test_logits, frozen_mean, generator)
    context.score("mean_average_precision_gain", Score(gain.value, {**recipe, **gain.recipe}))
    judge(context, score, gain, maps)
    if context.is_first_seed:
        plot_results(context, task, logits["frozen"][1], test_logits, maps)
        pooling = finetune.make_pooling_function(tail, settings.batch_size)
        tuned_test = test_views.logits(all_test, pooling)
        if settings.attention:
            show_regions(context, task, tuned, test_views, test_logits)
        untangling.compare(context, task, frozen_test, tuned_test, settings.tsne_iterations)


def build_views(
    context: RunContext,
    settings: Settings,
    task: _shared.Task,
    which: LabeledImages,
    stage: str,
    crops: int,
) -> Views:
    """Compute the output of the frozen part, or return the images if the whole net is trained."""
    total = 0 if stage == "input" else (2 + crops) * len(which)
    with context.progress(_("frozen part on {data}").format(data=which.title), total=total) as step:
        return finetune_data.build_views(
            which,
            task.net,
            task.weights,
            stage,
            (settings.image_size, settings.image_size),
            crops=crops,
            step=step,
            collection=which.title.replace(" ", "-").lower(),
            engine="keras" if context.is_sample else None,
        )


def train_ensemble(
    context: RunContext,
    settings: Settings,
    splits: Sequence[FinetuneData],
    heads: Sequence[LinearClassifier],
    tail: "keras.Model",
    stage: str,
) -> tuple[FinetunedModel, list[int], np.ndarray]:
    """Train each split from the same weights, and average.

    Args:
        context: The context of the seed run.
        settings: The training configuration.
        splits: The training and validation images of each training.
        heads: The initial linear layer of each training.
        tail: The part of the net that is trained.
        stage: The last frozen stage.

    Returns:
        The net with the mean of the weights, the best epoch of each training, and a threshold for
        each class, chosen on the validation images of all trainings.
    """
    initial, trained, validated, epochs = tail.get_weights(), [], [], []
    names = {each.name for each in fields(FinetuneConfig)}
    config = FinetuneConfig(**settings.model_dump(include=names), seed=context.seed)
    total = config.epochs * sum(split.steps_per_epoch(config.batch_size) for split in splits)
    with context.progress(N_("fine-tuning"), total=total) as step:
        for number, (split, head) in enumerate(zip(splits, heads, strict=True)):
            tail.set_weights(initial)
            own, curve = config, "finetune"
            if number:
                seed = derive_keras_seed(context.seed, "fine-tuning", str(number))
                own, curve = replace(config, seed=seed), f"finetune-{number + 1}"
            checkpoint = context.checkpoint_path(
                "fine-tuning", settings, stage, split.train.names, head.kernel
            )
            tuned = split.fine_tune(tail, head, own, checkpoint, step, partial(context.log, curve))
            logits_of = finetune.make_logits_function(tuned, config.batch_size)
            validated.append((split.validation.labels, split.validation_logits(logits_of)))
            trained.append((tail.get_weights(), tuned.head.first(split.classes)))
            epochs.append(tuned.best_epoch)
    head = finetune.average_weights(tail, trained)
    labels, logits = (np.concatenate(each) for each in zip(*validated, strict=True))
    mean = FinetunedModel(head, tail, [], [], max(epochs), config.attention)
    return mean, epochs, linear_head.choose_thresholds(labels, expit(logits))


def score_gaps(
    context: RunContext,
    task: _shared.Task,
    train: LabeledImages,
    logits: dict[str, tuple[np.ndarray, np.ndarray]],
    recipe: dict[str, object],
) -> dict[str, tuple[float, float]]:
    """Score the gap between training and test mAP, before and after fine-tuning.

    Args:
        context: The context of the seed run.
        task: The task.
        train: The images on which the net was trained.
        logits: "frozen" and "tuned" -> the logits of the training and of the test images.
        recipe: The recipe of the scores.

    Returns:
        "frozen" and "tuned" -> the mAP on the training and on the test images.
    """
    maps = {}
    for key, (train_logits, test_logits) in logits.items():
        train_map = ap.mean_average_precision(train.labels, train_logits)
        test_map = ap.mean_average_precision(task.test.labels, test_logits)
        maps[key] = (train_map.value, test_map.value)
        own = {**recipe, **train_map.recipe, "weights": key, "on": "training less test"}
        context.score(f"gap_{key}", Score(train_map.value - test_map.value, own))
    context.score(
        "mean_average_precision_frozen",
        Score(maps["frozen"][1], {**recipe, **test_map.recipe, "epoch": 0}),
    )
    return maps


def save_model(
    context: RunContext,
    task: _shared.Task,
    net: "keras.Model",
    thresholds: np.ndarray,
    score: Score,
) -> None:
    """Save the net with its model card, for ``etabli predict``."""
    preprocessing = f"inside the net ({task.net.preprocessing}); its input is RGB from 0 to 255"
    card = classifier.ModelCard(
        title=f"{task.backbone}, fine-tuned on {task.train.title}",
        backbone=task.backbone,
        input_size=tuple(net.input_shape[1:3]),
        preprocessing=preprocessing,
        classes=task.train.classes,
        thresholds=tuple(float(value) for value in thresholds),
        data=task.train.title,
        license="drawn by this project, MIT" if context.is_sample else "VOC terms: research use",
        training="; ".join(f"{key} {value}" for key, value in task.recipe.items()),
        weights=f"{task.net.weights.citation} ({task.net.weights.license})",
        scores={"mean_average_precision": (score.value, score.signature)},
        made_with=f"etabli {__version__}",
    )
    classifier.save(context.path("model"), net, card)


def judge(
    context: RunContext, score: Score, gain: Interval, maps: dict[str, tuple[float, float]]
) -> None:
    """Evaluate the claims of the report on fine-tuning.

    Args:
        context: The context of the seed run.
        score: The mAP of the fine-tuned net.
        gain: What it gains over frozen features of the same images, size and views.
        maps: "frozen" and "tuned" -> the mAP on the training and on the test images.
    """
    frozen, tuned = maps["frozen"], maps["tuned"]
    context.claim(
        "finetuning_helps",
        _(
            "mAP {before:.2%} with frozen features of the same images at the same size, "
            "{after:.2%} fine-tuned: {points:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}."
        ).format(
            before=score.value - gain.value,
            after=score.value,
            points=100 * gain.value,
            low=100 * gain.low,
            high=100 * gain.high,
        ),
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
    )
    widest = max(train - test for train, test in maps.values())
    context.claim(
        "no_overfitting",
        _(
            "mAP on the training images minus mAP on the test images: {a:.1f} points before and "
            "{b:.1f} after."
        ).format(a=100 * (frozen[0] - frozen[1]), b=100 * (tuned[0] - tuned[1])),
        largest_gap=widest,
    )


def plot_results(
    context: RunContext,
    task: _shared.Task,
    before: np.ndarray,
    after: np.ndarray,
    maps: dict[str, tuple[float, float]],
) -> None:
    """Plot the training, the average precision of each class, and the gap.

    Args:
        context: The context of the seed run.
        task: The task.
        before: The logits of the test images with frozen features, (N, K).
        after: The logits of the test images after fine-tuning, (N, K).
        maps: "frozen" and "tuned" -> the mAP on the training and on the test images.
    """
    history = context.history("finetune")
    with context.figure(
        "curves",
        title=N_("Fine-tuning, epoch by epoch"),
        caption=N_(
            "The validation set is a part of the training list; it chose the epoch. The test list "
            "was evaluated once."
        ),
        panels=(1, 2),
        size=(10, 3.8),
    ) as axes:
        keys = {"loss": _("training, mixed images")}
        plot_learning_curves(history, keys, y_label=_("loss, nats"), ax=axes[0])
        keys = {"validation": _("validation")}
        plot_learning_curves(history, keys, y_label="mAP", shares=True, ax=axes[1])
    names = {"frozen": _("frozen"), "tuned": _("fine-tuned")}
    _shared.plot_class_precisions(
        context,
        task.test,
        {names["frozen"]: before, names["tuned"]: after},
        title=N_("Average precision before and after fine-tuning"),
    )
    with context.figure(
        "gap", title=N_("Training and test mAP, before and after fine-tuning"), size=(7, 2.4)
    ) as ax:
        bars = {
            name: [100 * maps[key][index] for key in names]
            for index, name in enumerate((_("training"), _("test")))
        }
        plot_bars(list(names.values()), bars, x_label="mAP, %", value_format="{:.1f}", ax=ax)


def show_regions(
    context: RunContext,
    task: _shared.Task,
    tuned: FinetunedModel,
    views: Views,
    logits: np.ndarray,
) -> None:
    """Show where the net found each class in the test images of the class that it ranks highest.

    Args:
        context: The context of the seed run.
        task: The task.
        tuned: The fine-tuned net.
        views: The views of the test images.
        logits: The logits of the test images, (N, K).
    """
    chosen = []
    for k in range(len(task.test.classes)):
        order = np.argsort(-logits[:, k], kind="stable")
        positive = order[task.test.labels[order, k] == 1]
        chosen += [(k, row) for row in positive[:IMAGES_PER_CLASS]]
    rows = np.array([row for _k, row in chosen])
    location_weights = finetune.compute_location_weights(tuned, views(rows))
    height = -(-len(chosen) // COLUMNS)
    with context.figure(
        "places",
        title=N_("Regions where each class was found"),
        caption=N_(
            "The highest ranked test images of each class; bright: locations with a high share of "
            "its logit."
        ),
        panels=(height, COLUMNS),
        size=(10, 2.3 * height),
        image="png",
    ) as axes:
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (k, row), weights in zip(axes.flat, chosen, location_weights, strict=False):
            image = images.read(task.test.paths[row], (160, 160))
            # The square root makes locations with smaller weights visible.
            show_attention(image, task.test.classes[k], np.sqrt(weights[..., k].ravel()), ax)


EXPERIMENT = ExperimentSpec(
    name="tp3.finetune",
    headline="mean_average_precision",
    title=N_("Fine-tuning of the upper stages"),
    measures=N_("mAP after fine-tuning"),
    source=N_("practical 3, exercise 4"),
    settings=Settings,
    run=run,
    on_sample={
        "image_size": 96,
        "n_ensemble": 1,
        "epochs": 3,
        "crops": 0,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "head_weight_decay": 0.003,
        "ema_decay": 0.9,
        "tsne_iterations": 100,
    },
    data=("voc", "weights"),
    minutes=18,
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
                "the report does not say of what; compared with mAP, element-wise accuracy is "
                "listed next to it"
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
            data=("voc",),
            # "Not by much": the report gains 2.2 points.
            confirmed_if=(Condition("gain_low", ">", 0), Condition("gain", "<", 0.05)),
            refuted_if=(Condition("gain_high", "<", 0),),
        ),
        Claim(
            "no_overfitting",
            N_("Transfer and fine-tuning suit small data sets, without overfitting."),
            where=N_("practical 3, conclusion"),
            data=("voc",),
            confirmed_if=(Condition("largest_gap", "<", 0.02),),
        ),
    ),
    expected_ranges={
        "mean_average_precision": ExpectedRange(
            0.81,
            0.92,
            seeds=3,
            data=("voc2012", "mobilenet_v2"),
            date="2026-11-26",
            commit="f1e9ba2",
        ),
    },
)
