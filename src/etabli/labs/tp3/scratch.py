"""Figure 11 of the report as a measurement: what transfer is worth, by the number of training images."""

import numpy as np

from etabli.data import images
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import SettingsModel
from etabli.labs.tp3 import parts
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Score
from etabli.models import backbones, multilabel, residual
from etabli.seeding import generator
from etabli.viz.curves import lines


def compare(bench: Bench, settings: SettingsModel, work: parts.Task, train, test, decay: float) -> None:
    """Score and draw both on the same images; ``train`` and ``test`` are features with the images they are of.

    ``settings`` has ``sizes``, ``scratch_epochs`` and ``scratch_side``.
    """
    sizes = sorted({min(size, len(train[1])) for size in settings.sizes})
    order = generator(bench.seed, "sizes").permutation(len(train[1]))
    side = (settings.scratch_side, settings.scratch_side)
    pixels, judged = (
        np.stack([images.read(path, side) for path in which.paths]).astype(np.float32) for which in (train[1], test[1])
    )
    net = backbones.backbone("small_residual").build(seed=bench.seed, size=side)
    whole = residual.classifier(net, len(test[1].classes), multilabel=True)
    fresh = whole.get_weights()
    curves = {_("transferred features"): [], _("from scratch"): []}
    with bench.progress(N_("from scratch against transferred"), total=len(sizes)) as step:
        for size in sizes:
            rows, labels = order[:size], train[1].labels[order[:size]]
            moved = multilabel.fit(train[0][rows], labels, max(decay, 0.03)).logits(test[0])
            whole.set_weights(fresh)
            draws = generator(bench.seed, "from scratch", str(size))
            memory = bench.memory("from scratch", settings, size, train[1].title, labels)
            residual.teach(whole, pixels[rows], labels, draws, epochs=settings.scratch_epochs, memory=memory)
            values = [
                ap.mean_average_precision(test[1].labels, ranks).value
                for ranks in (moved, residual.logits(whole, judged))
            ]
            for key, value in zip(curves, values, strict=True):
                curves[key].append(value)
            bench.log("sizes", images=size, transferred=values[0], scratch=values[1])
            step(1, transferred=values[0], scratch=values[1])
    words = {**work.words, "n_train": sizes[-1]}
    bench.score("transferred", Score(curves[_("transferred features")][-1], {**words, "head": "sigmoids"}))
    bench.score(
        "from_scratch",
        Score(
            curves[_("from scratch")][-1],
            {**words, "net": f"small_residual {settings.scratch_side} px", "epochs": settings.scratch_epochs},
        ),
    )
    with bench.figure(
        "scratch",
        number="11",
        title=N_("From scratch against transferred"),
        caption=N_(
            "The report draws this as a scheme; here it is measured: a small residual net that learns from pixels, and "
            "a linear layer on transferred features, on the same images."
        ),
    ) as ax:
        lines(
            {key: (sizes, values) for key, values in curves.items()},
            x_label=_("training images"),
            y_label="mAP",
            log_x=True,
            ax=ax,
        )
    ahead = curves[_("transferred features")][0] - curves[_("from scratch")][0]
    text = _(
        "With {n} training images, transferred features lead by {ahead:.1f} points of mAP; with {all}, by {last:.1f}."
    )
    last = curves[_("transferred features")][-1] - curves[_("from scratch")][-1]
    bench.claim(
        "few_images",
        "confirmed" if ahead > 0 else "refuted",
        text.format(n=sizes[0], ahead=100 * ahead, all=sizes[-1], last=100 * last),
    )
