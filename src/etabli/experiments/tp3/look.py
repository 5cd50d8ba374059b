"""tp3.look: what VOC shows.

    etabli run tp3.look --data full

Twenty classes in four groups, often several to an image: what there is of each, how many labels an image carries,
and how large the images are. VOC 2007: 5,011 images to learn from, 4,952 to be judged on. A few seconds.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import images, voc
from etabli.data.formats.labelled_images import LabelledImages
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.experiments.tp3 import _shared
from etabli.metrics.score import Score
from etabli.viz.classes import bars
from etabli.viz.images import photo_grid


class Settings(SettingsModel):
    photos: int = Field(24, ge=4, le=100, description=N_("images to show"))


def run(context: RunContext, settings: Settings) -> None:
    years = voc.available_years(context.source.path("voc"))
    last = "test" if context.is_sample or 2007 in years else "val"
    first = "trainval" if last == "test" else "train"
    train, test = (voc.load(context.source, split) for split in (first, last))
    present = train.labels == 1
    words = {"data": train.title}
    context.score("images_train", Score(len(train), words))
    context.score("images_test", Score(len(test), {"data": test.title}))
    context.score("classes", Score(len(train.classes), words))
    context.score("labels_per_image", Score(float(present.sum(1).mean()), words))
    context.score("several_labels", Score(float((present.sum(1) > 1).mean()), words))
    show_classes(context, train, test)
    show_images(context, train, settings.photos)
    tell_claims(context, train, test)


def show_classes(context: RunContext, train: LabelledImages, test: LabelledImages) -> None:
    counts = {_("training"): (train.labels == 1).sum(0), _("test"): (test.labels == 1).sum(0)}
    rows = [
        [
            group,
            name,
            *(
                int(held.labels[:, held.classes.index(name)].tolist().count(label))
                for held in (train, test)
                for label in (1, 0)
            ),
        ]
        for group, members in (train.groups or {_("drawn"): train.classes}).items()
        for name in members
    ]
    columns = [
        N_("group"),
        N_("class"),
        N_("training"),
        N_("difficult"),
        N_("test"),
        N_("difficult"),
    ]
    context.table(
        "classes",
        title=N_("Images of each class, and those that show it only as difficult"),
        columns=columns,
        rows=rows,
    )
    several = np.bincount((train.labels == 1).sum(1))
    with context.figure(
        "classes", title=N_("What there is of each class"), panels=(1, 2), size=(10, 5)
    ) as axes:
        bars(train.classes, counts, x_label=_("images"), ax=axes[0])
        bars(
            [str(number) for number in range(len(several))],
            {_("training"): several},
            x_label=_("images"),
            ax=axes[1],
        )
        axes[1].set_ylabel(_("labels of an image"))


def show_images(context: RunContext, train: LabelledImages, count: int) -> None:
    rows = np.linspace(0, len(train) - 1, min(count, len(train))).astype(int)
    names = [
        ", ".join(
            name for name, label in zip(train.classes, train.labels[row], strict=True) if label == 1
        )
        for row in rows
    ]
    with context.figure(
        "images", title=N_("Some images and their labels"), size=(10, 4.6), image="png"
    ) as ax:
        photo_grid(_shared.thumbnails(train, rows), 8, titles=[name[:22] for name in names], ax=ax)
    sizes = np.array(
        [
            images.read(train.paths[row]).shape[:2]
            for row in np.linspace(0, len(train) - 1, 200).astype(int)
        ]
    )
    height, width = np.median(sizes, axis=0)
    context.score("median_width", Score(float(width), {"data": train.title, "n": len(sizes)}))
    context.score("median_height", Score(float(height), {"data": train.title, "n": len(sizes)}))


def tell_claims(context: RunContext, train: LabelledImages, test: LabelledImages) -> None:
    if train.title.startswith("VOC2007") and not context.is_sample:
        right = (
            len(train.classes) == 20
            and abs(len(train) - 5000) < 100
            and abs(len(test) - 5000) < 100
        )
        verdict = "confirmed" if right else "refuted"
    else:
        verdict = "undecided"
    measured = _("{train} images to learn from and {test} to be judged on, {classes} classes.")
    context.claim(
        "sizes",
        verdict,
        measured.format(train=len(train), test=len(test), classes=len(train.classes)),
    )
    several = float(((train.labels == 1).sum(1) > 1).mean())
    context.claim(
        "several_labels",
        "confirmed" if several > 0.1 else "refuted",
        _("{share:.1%} of the training images show more than one class.").format(share=several),
    )


EXPERIMENT = ExperimentSpec(
    name="tp3.look",
    title=N_("A look at VOC"),
    measures=N_("images, classes, labels of an image"),
    source=N_("practical 3, summary"),
    settings=Settings,
    run=run,
    data=("voc",),
    minutes=0.1,
    memory_mb=400,
    claims=(
        Claim(
            "sizes",
            N_("VOC 2007 has 20 classes and about 5,000 images on each side."),
            where=N_("practical 3, summary"),
        ),
        Claim(
            "several_labels",
            N_("An image may show several classes at once."),
            where=N_("practical 3, summary"),
        ),
    ),
)
