"""The next step that practical 5 names: a captioner that looks at regions of the image, word by word.

    etabli run tp5.attention

Soft attention over the 7 x 7 map of the pretrained net, after "Show, attend and tell" (Xu et al. 2015): before each
word the net weighs the 49 regions; the weights are drawn over the image. Two nets write together; of what their beam
finds the caption comes first that the others, and what people wrote of similar training images, agree with.
"""

from dataclasses import replace

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import images
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp5 import _learned, _shared
from etabli.models.captioning.beam_search import Found
from etabli.saved_models.captioner import Captioner
from etabli.viz import captions as viz

SHOWN = 15


class Settings(_learned.Learning):
    epochs: int = Field(
        8, ge=1, le=1000, description=N_("passes over the training images; the best is kept")
    )
    keys: int = Field(256, ge=2, le=4096, description=N_("numbers by which a region is found"))
    nets: int = Field(
        2,
        ge=1,
        le=10,
        description=N_("nets that differ by their seed alone and write together, word by word"),
    )


def run(context: RunContext, settings: Settings) -> None:
    material = _shared.lay_out(context, settings.views)
    captioner = _learned.learn(context, material, settings, settings.keys)
    captioner = replace(
        captioner, search=_learned.choose_search(context, captioner, material, settings)
    )
    found = _learned.score(context, captioner, material)
    text = _("BLEU-4 in the course's protocol: {value:.3f}, in the report {published:.3f}")
    _learned.claim_better(context, "attention_improves", text)
    if context.is_first_seed:
        rows = {
            "looks": _shared.picture_of_the_report(material.data.test),
            "looks_again": len(material.data.test) // 2,
        }
        shares = [
            show_looks(context, key, captioner, material, found, row) for key, row in rows.items()
        ][-1]
        _learned.show(context, captioner, material, found)
        spread = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1).mean()
        context.note(
            _(
                "While writing the last caption shown the attention spreads over {n:.0f} of {m} regions."
            ).format(n=np.exp(spread), m=shares.shape[1])
        )


def show_looks(
    context: RunContext,
    key: str,
    captioner: Captioner,
    material: _shared.Material,
    found: Found,
    row: int,
) -> np.ndarray:
    """The image of a row of the test list with the attention over it for each word of its caption: (words, L)."""
    test, maps = material.part("test")
    picture = images.read(test.paths[row])
    words = ["", *captioner.vocabulary.decode(found.words[row, 0]).split()][: SHOWN + 1]
    shares = captioner.looks(maps[row : row + 1], found.words[row : row + 1, 0])[0][
        : len(words) - 1
    ]
    with context.figure(
        key,
        title=N_("Where it looks"),
        panels=(2, 8),
        size=(14, 4),
        image="png",
        caption=N_("Bright: the regions that weigh most while each word is written."),
    ) as axes:
        for place, ax in enumerate(axes):
            if place < len(words):
                shown = shares[place - 1] if place else None
                viz.attention_over(picture, words[place] or _("the image"), shown, ax=ax)
            else:
                ax.set_axis_off()
    return shares


EXPERIMENT = ExperimentSpec(
    name="tp5.attention",
    title=N_("A captioner that looks"),
    measures=N_("BLEU and CIDEr-D of captions with soft attention"),
    source=N_("practical 5, exercise 4, after Xu et al. 2015"),
    settings=Settings,
    run=run,
    on_sample={
        "at_least": 1,
        "embedding": 48,
        "hidden": 64,
        "keys": 32,
        "epochs": 24,
        "rate": 0.01,
        "dropout": 0.1,
        "images": 8,
        "beams": (3,),
        "alphas": (0.7,),
        "consensus_beam": 5,
        "consensus": (1.0,),
        "nets": 1,
        "neighbours": (3,),
        "trust": (10.0,),
        "views": (),
    },
    data=("flickr8k", "weights"),
    minutes=6.0,
    memory_mb=5000,
    claims=(
        Claim(
            "attention_improves",
            N_("a model that attends to the regions of the image would improve the captions"),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expected_ranges={"bleu_4_standard": (0.2, 0.225), "cider_d": (0.51, 0.57)},
)
