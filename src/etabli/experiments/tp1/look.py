"""tp1.look: the digits, before any training.

    etabli run tp1.look --data full

Shows the first 200 training images (figure 1 of the lab report), the number of images of each
class, and the principal components of the space of 784 pixels. A few seconds.
"""

import numpy as np
from pydantic import Field
from sklearn.decomposition import PCA

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.viz.classes import plot_class_distribution
from etabli.viz.curves import plot_curves
from etabli.viz.images import show_images


class Settings(SettingsModel):
    n_shown: int = Field(200, ge=1, le=1000, description=N_("number of images in the first figure"))
    components: int = Field(
        10_000,
        ge=784,
        description=N_("number of training images for the principal components"),
    )


def run(context: RunContext, settings: Settings) -> None:
    if not context.is_first_seed:
        return  # there is no score to average over seeds
    digits = mnist.load(context.source)
    show_first_images(context, digits, settings.n_shown)
    show_space(context, digits, settings.components)
    n, test = len(digits.train_labels), len(digits.test_labels)
    context.claim(
        "sizes",
        _("The files contain {n} training and {test} test images.").format(n=n, test=test),
        n_train=n,
        n_test=test,
    )


def show_first_images(context: RunContext, digits: mnist.Digits, shown: int) -> None:
    """Show the first images and the number of images of each class."""
    with context.figure(
        "first_images",
        number="1",
        title=N_("The first images of the training set"),
        caption=N_("In the order of the file, from left to right and from top to bottom."),
        size=(9, 4.8),
        image="png",
    ) as ax:
        show_images(digits.train_images[:shown], 20, ax=ax)

    n_classes = len(digits.classes)
    counts = {
        _("training"): np.bincount(digits.train_labels, minlength=n_classes).tolist(),
        _("test"): np.bincount(digits.test_labels, minlength=n_classes).tolist(),
    }
    with context.figure("class_counts", title=N_("Class distribution"), size=(8, 3.4)) as ax:
        plot_class_distribution(counts, digits.classes, ax=ax)
        if max(map(len, digits.classes)) > 2:
            ax.tick_params(axis="x", rotation=30)
    context.table(
        "class_counts",
        title=N_("Images of each class"),
        columns=[N_("class"), N_("training"), N_("test")],
        rows=[
            [name, *(int(part[index]) for part in counts.values())]
            for index, name in enumerate(digits.classes)
        ],
    )


def show_space(context: RunContext, digits: mnist.Digits, components: int) -> None:
    """Show the mean images and the variance that the principal components explain."""
    images, labels = digits.train_images, digits.train_labels
    explained = np.cumsum(PCA().fit(mnist.flatten(images[:components])).explained_variance_ratio_)
    means = np.stack([images[labels == label].mean(axis=0) for label in np.unique(labels)])
    with context.figure(
        "space",
        title=N_("The space of the images"),
        caption=N_(
            "Left: the mean image of each class. Right: the share of the variance that the first "
            "principal components explain."
        ),
        panels=(1, 2),
        size=(10, 3.6),
    ) as axes:
        show_images(means, 5, ax=axes[0])
        curve = (np.arange(1, len(explained) + 1), 100 * explained)
        plot_curves(
            {"": curve},
            x_label=_("principal components"),
            y_label=_("explained variance, %"),
            log_x=True,
            ax=axes[1],
        )

    enough = int(np.searchsorted(explained, 0.95)) + 1
    context.claim(
        "space_is_two_dimensional",
        _(
            "An image is one point of a space of 28 × 28 = 784 dimensions, one for each pixel; "
            "what is two-dimensional is the grid of the pixels. {blank} pixels are blank in all "
            "training images, {ink:.0%} of all pixels are not, and {enough} principal components "
            "explain 95 % of the variance."
        ).format(
            blank=int((images.reshape(len(images), -1).max(axis=0) == 0).sum()),
            ink=float((images > 0).mean()),
            enough=enough,
        ),
        components_of_95_percent=enough,
    )


EXPERIMENT = ExperimentSpec(
    name="tp1.look",
    title=N_("The images, before any training"),
    measures=N_("images, class distribution and principal components (no score)"),
    source=N_("practical 1, exercise 0"),
    settings=Settings,
    run=run,
    data=("mnist",),
    minutes=0.02,
    memory_mb=500,
    claims=(
        Claim(
            "space_is_two_dimensional",
            N_("The images are in a two-dimensional space, of size 28 × 28 = 784."),
            where=N_("practical 1, exercise 0"),
            data=("mnist",),
            confirmed_if=(Condition("components_of_95_percent", "<=", 2),),
        ),
        Claim(
            "sizes",
            N_(
                "There are 60,000 training and 10,000 test images (the text says 6,000 and 1,000 "
                "once)."
            ),
            where=N_("practical 1, summary and exercise 0"),
            data=("mnist",),
            confirmed_if=(Condition("n_train", "=", 60_000), Condition("n_test", "=", 10_000)),
        ),
    ),
)
