"""tp1.look: the digits before any learning.

    etabli run tp1.look --data full

Shows the first 200 training images (figure 1 of the lab report), how many there are of each class, and what the
space of the images is: 784 axes, one for each pixel, of which the digits fill little. A few seconds.
"""

import numpy as np
from pydantic import Field
from sklearn.decomposition import PCA

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.viz.classes import class_counts
from etabli.viz.curves import lines
from etabli.viz.images import image_grid


class Settings(SettingsModel):
    shown: int = Field(200, ge=1, le=1000, description=N_("images in the first figure"))
    components: int = Field(
        10_000,
        ge=784,
        description=N_("training images that the principal components are taken from"),
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # no score to take a mean of: told once
    digits = mnist.load(context.source)
    show_images(context, digits, settings.shown)
    show_space(context, digits, settings.components)
    n, test = len(digits.train_labels), len(digits.test_labels)
    context.claim(
        "sizes",
        "confirmed" if (n, test) == (60_000, 10_000) else "undecided",
        _("The files hold {n} training and {test} test images.").format(n=n, test=test),
    )


def show_images(context: RunContext, digits: mnist.Digits, shown: int) -> None:
    """The first images, and how many there are of each class."""
    with context.figure(
        "first_images",
        number="1",
        title=N_("The first images of the training set"),
        caption=N_("In the order of the file, from left to right and from top to bottom."),
        size=(9, 4.8),
        image="png",
    ) as ax:
        image_grid(digits.train_images[:shown], 20, ax=ax)

    counts = {
        _("training"): np.bincount(digits.train_labels, minlength=10),
        _("test"): np.bincount(digits.test_labels, minlength=10),
    }
    with context.figure(
        "class_counts", title=N_("How many there are of each digit"), size=(8, 3.4)
    ) as ax:
        class_counts(counts, [str(digit) for digit in range(10)], ax=ax)
    context.table(
        "class_counts",
        title=N_("Images of each class"),
        columns=[N_("class"), N_("training"), N_("test")],
        rows=[[str(digit), *(int(part[digit]) for part in counts.values())] for digit in range(10)],
    )


def show_space(context: RunContext, digits: mnist.Digits, components: int) -> None:
    """784 axes, and how few of them the digits need."""
    images, labels = digits.train_images, digits.train_labels
    explained = np.cumsum(PCA().fit(mnist.flatten(images[:components])).explained_variance_ratio_)
    means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])
    with context.figure(
        "space",
        title=N_("The space of the images"),
        caption=N_(
            "Left: the mean image of each class. Right: the share of the variance that the first principal axes hold."
        ),
        panels=(1, 2),
        size=(10, 3.6),
    ) as axes:
        image_grid(means, 5, ax=axes[0])
        curve = (np.arange(1, len(explained) + 1), 100 * explained)
        lines(
            {"": curve},
            x_label=_("principal axes"),
            y_label=_("variance held, %"),
            log_x=True,
            ax=axes[1],
        )

    context.claim(
        "space_is_two_dimensional",
        "refuted",
        _(
            "An image is one point of a space of 28 × 28 = 784 dimensions, one for each pixel; what is two-dimensional "
            "is the sheet that the pixels lie on. {blank} pixels never carry ink in the training set, {ink:.0%} of all "
            "pixels do, and {enough} principal axes hold 95 % of the variance."
        ).format(
            blank=int((images.reshape(len(images), -1).max(axis=0) == 0).sum()),
            ink=float((images > 0).mean()),
            enough=int(np.searchsorted(explained, 0.95)) + 1,
        ),
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.look",
    title=N_("The digits"),
    measures=N_("nothing yet: shows the images, their classes and their space"),
    source=N_("practical 1, exercise 0"),
    settings=Settings,
    run=run,
    data=("mnist",),
    minutes=0.1,
    memory_mb=500,
    claims=(
        Claim(
            "space_is_two_dimensional",
            N_("The images lie in a two-dimensional space, of size 28 × 28 = 784."),
            where=N_("practical 1, exercise 0"),
        ),
        Claim(
            "sizes",
            N_(
                "There are 60,000 images to learn from and 10,000 to test on (the text says 6,000 and 1,000 once)."
            ),
            where=N_("practical 1, summary and exercise 0"),
        ),
    ),
)
