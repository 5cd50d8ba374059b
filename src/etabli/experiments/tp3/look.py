"""tp3.look: the images and labels of VOC.

    etabli run tp3.look --data full

Twenty classes in four groups, often several in an image: the number of images of each class, of
labels per image, and the size of the images. VOC 2007: 5,011 training and 4,952 test images. A few
seconds.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import images, voc
from etabli.data.formats.labeled_images import LabeledImages
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp3 import _shared
from etabli.metrics.score import Score
from etabli.viz.classes import plot_bars
from etabli.viz.images import show_photos


class Settings(SettingsModel):
    n_shown: int = Field(24, ge=4, le=100, description=N_("number of images to show"))


def run(context: RunContext, settings: Settings) -> None:
    years = voc.list_years(context.source.path("voc"))
    last = "test" if context.is_sample or 2007 in years else "val"
    first = "trainval" if last == "test" else "train"
    train, test = (voc.load(context.source, split) for split in (first, last))
    present = train.labels == 1
    if train.title.startswith("VOC2007"):
        context.data.add("voc2007")
    recipe: dict[str, object] = {"data": train.title}
    context.score("images_train", Score(len(train), recipe))
    context.score("images_test", Score(len(test), {"data": test.title}))
    context.score("n_classes", Score(len(train.classes), recipe))
    context.score("labels_per_image", Score(float(present.sum(1).mean()), recipe))
    context.score("several_labels", Score(float((present.sum(1) > 1).mean()), recipe))
    show_class_counts(context, train, test)
    show_sample(context, train, settings.n_shown)
    judge(context, train, test)


def show_class_counts(context: RunContext, train: LabeledImages, test: LabeledImages) -> None:
    """Show the number of images of each class and of labels per image."""
    counts = {_("training"): (train.labels == 1).sum(0), _("test"): (test.labels == 1).sum(0)}
    rows = [
        [
            group,
            name,
            *(
                int((which.labels[:, which.classes.index(name)] == label).sum())
                for which in (train, test)
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
        title=N_("Images of each class, and those in which it is only marked difficult"),
        columns=columns,
        rows=rows,
    )
    several = np.bincount((train.labels == 1).sum(1)).tolist()
    with context.figure(
        "classes", title=N_("Class distribution and labels per image"), panels=(1, 2), size=(10, 5)
    ) as axes:
        plot_bars(train.classes, counts, x_label=_("images"), ax=axes[0])
        plot_bars(
            [str(number) for number in range(len(several))],
            {_("training"): several},
            x_label=_("images"),
            ax=axes[1],
        )
        axes[1].set_ylabel(_("labels per image"))


def show_sample(context: RunContext, train: LabeledImages, count: int) -> None:
    """Show some images with their labels, and score the median size."""
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
        show_photos(
            _shared.read_thumbnails(train, rows), 8, titles=[name[:22] for name in names], ax=ax
        )
    sizes = np.array(
        [
            images.read(train.paths[row]).shape[:2]
            for row in np.linspace(0, len(train) - 1, 200).astype(int)
        ]
    )
    height, width = np.median(sizes, axis=0)
    context.score("median_width", Score(float(width), {"data": train.title, "n": len(sizes)}))
    context.score("median_height", Score(float(height), {"data": train.title, "n": len(sizes)}))


def judge(context: RunContext, train: LabeledImages, test: LabeledImages) -> None:
    """Judge the claims of the report on the data set."""
    measured = _("{train} training and {test} test images, {classes} classes.")
    context.claim(
        "sizes",
        measured.format(train=len(train), test=len(test), classes=len(train.classes)),
        n_train=len(train),
        n_test=len(test),
        n_classes=len(train.classes),
    )
    several = float(((train.labels == 1).sum(1) > 1).mean())
    context.claim(
        "several_labels",
        _("{share:.1%} of the training images have more than one class.").format(share=several),
        several_labels=several,
    )


EXPERIMENT = ExperimentSpec(
    name="tp3.look",
    headline="images_train",
    title=N_("The images of VOC"),
    measures=N_("images, classes, labels per image"),
    source=N_("practical 3, summary"),
    settings=Settings,
    run=run,
    data=("voc",),
    minutes=0.012,
    memory_mb=400,
    claims=(
        Claim(
            "sizes",
            N_("VOC 2007 has 20 classes and about 5,000 training and 5,000 test images."),
            where=N_("practical 3, summary"),
            data=("voc2007",),
            confirmed_if=(
                Condition("n_train", "=", 5000, 100),
                Condition("n_test", "=", 5000, 100),
                Condition("n_classes", "=", 20),
            ),
        ),
        Claim(
            "several_labels",
            N_("An image may have several classes."),
            where=N_("practical 3, summary"),
            data=("voc",),
            confirmed_if=(Condition("several_labels", ">", 0),),
        ),
    ),
)
