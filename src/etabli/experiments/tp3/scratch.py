"""Transfer against training from scratch, by number of training images (report figure 11)."""

from typing import Annotated

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats import images
from etabli.data.formats.labeled_images import LabeledImages
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.tp3 import _shared
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import backbones, linear_head, small_resnet
from etabli.viz.curves import plot_curves


class ScratchSettings(SettingsModel):
    """Settings of the comparison."""

    sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (100, 300, 1000, 3000),
        min_length=1,
        description=N_("numbers of training images for the comparison with training from scratch"),
    )
    scratch_epochs: int = Field(
        12, ge=1, description=N_("number of epochs of the net trained from scratch")
    )
    scratch_image_size: int = Field(
        64, ge=32, le=224, description=N_("side of the input of that net, in pixels")
    )


def compare(
    context: RunContext,
    settings: ScratchSettings,
    task: _shared.Task,
    train: _shared.Data,
    test: _shared.Data,
    weight_decay: float,
) -> None:
    """Compare a linear classifier on features with a net trained from scratch on the same images.

    Args:
        context: The context of the seed run.
        settings: The numbers of images, and the configuration of the net.
        task: The task.
        train: The training images with their features.
        test: The test images with their features.
        weight_decay: The weight decay of the linear classifier, if there are many images.
    """
    sizes = sorted({min(size, len(train.images)) for size in settings.sizes})
    order = make_generator(context.seed, "sizes").permutation(len(train.images))
    trainer = ScratchTrainer(context, settings, train.images, test.images)
    maps: dict[str, list[float]] = {"transfer": [], "scratch": []}
    with context.progress(N_("transfer and training from scratch"), total=len(sizes)) as step:
        for size in sizes:
            rows = order[:size]
            # Few images need more regularization than the one chosen on all of them.
            decay = max(weight_decay, 0.03)
            head = linear_head.fit(train.features[rows], train.images.labels[rows], decay)
            logits = {"transfer": head.logits(test.features), "scratch": trainer.train(rows)}
            for name, ranks in logits.items():
                maps[name].append(ap.mean_average_precision(test.images.labels, ranks).value)
            found = {name: values[-1] for name, values in maps.items()}
            context.log("sizes", images=size, **found)
            step(1, **found)
    recipe = {**task.recipe, "n_train": sizes[-1]}
    net = f"small_residual {settings.scratch_image_size} px"
    context.score("map_transfer", Score(maps["transfer"][-1], {**recipe, "head": "sigmoids"}))
    context.score(
        "map_from_scratch",
        Score(maps["scratch"][-1], {**recipe, "net": net, "epochs": settings.scratch_epochs}),
    )
    with context.figure(
        "scratch",
        number="11",
        title=N_("Transfer and training from scratch"),
        caption=N_(
            "The report draws this schematically; here it is measured: a small residual net "
            "trained from scratch, and a linear classifier on extracted features, on the same "
            "images."
        ),
    ) as ax:
        curves = {
            _("extracted features"): (sizes, maps["transfer"]),
            _("from scratch"): (sizes, maps["scratch"]),
        }
        plot_curves(
            curves, x_label=_("training images"), y_label="mAP", log_x=True, shares=True, ax=ax
        )
    first, last = (maps["transfer"][at] - maps["scratch"][at] for at in (0, -1))
    context.claim(
        "few_images",
        _(
            "The mAP of transfer minus that of training from scratch is {first:+.1f} points with "
            "{n} training images, and {last:+.1f} with {all}."
        ).format(n=sizes[0], first=100 * first, all=sizes[-1], last=100 * last),
        gain_with_fewest_images=first,
    )


class ScratchTrainer:
    """Trains a small residual net from scratch, each time from the same initial weights."""

    def __init__(
        self,
        context: RunContext,
        settings: ScratchSettings,
        train: LabeledImages,
        test: LabeledImages,
    ) -> None:
        self.context, self.settings, self.images = context, settings, train
        size = (settings.scratch_image_size, settings.scratch_image_size)
        self.inputs, self.test_inputs = (
            np.stack([images.read(path, size) for path in which.paths]).astype(np.float32)
            for which in (train, test)
        )
        net = backbones.get_backbone("small_residual").build(seed=context.seed, size=size)
        self.model = small_resnet.build_classifier(net, len(test.classes), multilabel=True)
        self.initial_weights = self.model.get_weights()

    def train(self, rows: np.ndarray) -> np.ndarray:
        """Train on some of the images; return the logits (N, K) of the test images."""
        self.model.set_weights(self.initial_weights)
        labels = self.images.labels[rows]
        small_resnet.train(
            self.model,
            self.inputs[rows],
            labels,
            make_generator(self.context.seed, "from scratch", str(len(rows))),
            epochs=self.settings.scratch_epochs,
            checkpoint=self.context.checkpoint(
                "from scratch", self.settings, len(rows), self.images.title, labels
            ),
        )
        return small_resnet.predict_logits(self.model, self.test_inputs)
