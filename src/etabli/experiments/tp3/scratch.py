"""Figure 11 of the report as a measurement: what transfer is worth, by the number of training images."""

import numpy as np

from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats import images
from etabli.data.formats.labelled_images import LabelledImages
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.experiments.tp3 import _shared
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models.vision import backbones, linear_head, small_resnet
from etabli.viz.curves import lines


def compare(
    context: RunContext, settings: SettingsModel, work: _shared.Task, train, test, decay: float
) -> None:
    """Score and draw both on the same images; ``train`` and ``test`` are features with the images they are of.

    ``settings`` has ``sizes``, ``scratch_epochs`` and ``scratch_side``.
    """
    sizes = sorted({min(size, len(train[1])) for size in settings.sizes})
    order = make_generator(context.seed, "sizes").permutation(len(train[1]))
    from_pixels = FromScratch(context, settings, train[1], test[1])
    transferred, scratch = [], []
    with context.progress(N_("from scratch against transferred"), total=len(sizes)) as step:
        for size in sizes:
            rows = order[:size]
            head = linear_head.fit(train[0][rows], train[1].labels[rows], max(decay, 0.03))
            for values, ranks in (
                (transferred, head.logits(test[0])),
                (scratch, from_pixels.ranks(rows)),
            ):
                values.append(ap.mean_average_precision(test[1].labels, ranks).value)
            context.log("sizes", images=size, transferred=transferred[-1], scratch=scratch[-1])
            step(1, transferred=transferred[-1], scratch=scratch[-1])
    words = {**work.words, "n_train": sizes[-1]}
    how = {"net": f"small_residual {settings.scratch_side} px", "epochs": settings.scratch_epochs}
    context.score("transferred", Score(transferred[-1], {**words, "head": "sigmoids"}))
    context.score("from_scratch", Score(scratch[-1], {**words, **how}))
    draw(context, sizes, transferred, scratch)
    tell(context, sizes, np.subtract(transferred, scratch))


class FromScratch:
    """A small residual net that learns from pixels, each time from the same fresh weights."""

    def __init__(
        self,
        context: RunContext,
        settings: SettingsModel,
        train: LabelledImages,
        test: LabelledImages,
    ) -> None:
        self.context, self.settings, self.train = context, settings, train
        side = (settings.scratch_side, settings.scratch_side)
        self.pixels, self.judged = (
            np.stack([images.read(path, side) for path in which.paths]).astype(np.float32)
            for which in (train, test)
        )
        net = backbones.backbone("small_residual").build(seed=context.seed, size=side)
        self.whole = small_resnet.classifier(net, len(test.classes), multilabel=True)
        self.fresh = self.whole.get_weights()

    def ranks(self, rows: np.ndarray) -> np.ndarray:
        """The logits of the test images after learning from some training images."""
        self.whole.set_weights(self.fresh)
        labels, epochs = self.train.labels[rows], self.settings.scratch_epochs
        draws = make_generator(self.context.seed, "from scratch", str(len(rows)))
        memory = self.context.checkpoint(
            "from scratch", self.settings, len(rows), self.train.title, labels
        )
        small_resnet.teach(
            self.whole, self.pixels[rows], labels, draws, epochs=epochs, memory=memory
        )
        return small_resnet.logits(self.whole, self.judged)


def draw(
    context: RunContext, sizes: list[int], transferred: list[float], scratch: list[float]
) -> None:
    with context.figure(
        "scratch",
        number="11",
        title=N_("From scratch against transferred"),
        caption=N_(
            "The report draws this as a scheme; here it is measured: a small residual net that learns from pixels, and "
            "a linear layer on transferred features, on the same images."
        ),
    ) as ax:
        curves = {
            _("transferred features"): (sizes, transferred),
            _("from scratch"): (sizes, scratch),
        }
        lines(curves, x_label=_("training images"), y_label="mAP", log_x=True, ax=ax)


def tell(context: RunContext, sizes: list[int], leads: np.ndarray) -> None:
    """Answer the claim by the lead of transferred features at the fewest images."""
    text = _(
        "With {n} training images, transferred features lead by {ahead:.1f} points of mAP; with {all}, by {last:.1f}."
    )
    measured = text.format(n=sizes[0], ahead=100 * leads[0], all=sizes[-1], last=100 * leads[-1])
    context.claim("few_images", "confirmed" if leads[0] > 0 else "refuted", measured)
