"""Where a fine-tuned net looks for a class: what each place of a picture adds to the class's logit."""

import numpy as np

from etabli.data import images
from etabli.i18n import N_
from etabli.labs.bench import Bench
from etabli.labs.tp3 import parts
from etabli.models import finetune
from etabli.viz.captions import attention_over

COLUMNS, SHOWN = 4, 2


def show(bench: Bench, work: parts.Task, tuned: finetune.Tuned, views, logits: np.ndarray) -> None:
    """The test pictures that a class's logits (N, K) rank highest of those that show it, bright where it was found."""
    ranked = {
        k: [row for row in np.argsort(-logits[:, k], kind="stable") if work.test.labels[row, k] == 1][:SHOWN]
        for k in range(len(work.test.classes))
    }
    chosen = [(k, row) for k, rows in ranked.items() for row in rows]
    shares = finetune.shares_of_places(tuned, views(np.array([row for _k, row in chosen])))
    height = -(-len(chosen) // COLUMNS)
    with bench.figure(
        "places",
        title=N_("Where each class was found"),
        caption=N_("The highest ranked pictures of a class, bright at the places that made its logit."),
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
