"""Soft attention: a captioner that weighs the regions of the image before each word.

    etabli run tp5.attention

The 7 x 7 map of the pretrained backbone has 49 regions; the weights are drawn over the image. After
"Show, attend and tell" (Xu et al. 2015). Two networks form an ensemble; the captions that their
beam search finds are reranked by their agreement with each other and with captions of similar
images. The same captioner without attention is trained too, to compare the two image by image.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import images
from etabli.experiments.claims import Claim
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp5 import _captioner, _shared
from etabli.models.captioning.beam_search import SearchResult
from etabli.saved_models.captioner import Captioner
from etabli.viz import captions as viz

MAX_SHOWN_WORDS = 15


class Settings(_captioner.CaptionerSettings):
    """The captioner with attention over the regions of the image."""

    epochs: int = Field(8, ge=1, le=1000, description=N_("training epochs; the best one is kept"))
    attention_dim: int = Field(256, ge=2, le=4096, description=N_("dimension of the attention"))
    n_ensemble: int = Field(
        2, ge=1, le=10, description=N_("members of the ensemble, which differ by their seed")
    )


def run(context: RunContext, settings: Settings) -> None:
    captioner, splits, found = _captioner.run(context, settings, settings.attention_dim)
    if settings.compare:
        captions = found.best(captioner.vocabulary)
        without = _captioner.train(context, splits, settings, 0, is_shown=False)
        claim = "attention_improves"
        _captioner.compare(context, claim, captions, without, splits, settings)
    if context.is_first_seed:
        test = splits.data.test
        show_attention(context, "looks", captioner, splits, found, _shared.find_report_image(test))
        last = show_attention(context, "looks_again", captioner, splits, found, len(test) // 2)
        _captioner.show(context, captioner, splits, found)
        entropy = -(last * np.log(np.maximum(last, 1e-12))).sum(axis=1).mean()
        context.note(
            _(
                "In the last caption shown, attention covers {n:.0f} of {m} regions on average."
            ).format(n=np.exp(entropy), m=last.shape[1])
        )


def show_attention(
    context: RunContext,
    key: str,
    captioner: Captioner,
    splits: _shared.CaptionSplits,
    found: SearchResult,
    row: int,
) -> np.ndarray:
    """Show an image of the test set with the attention for each word of its caption.

    Args:
        context: the run.
        key: key of the figure.
        captioner: a captioner with attention.
        splits: the data.
        found: captions of the test set.
        row: row of the image in the test set.

    Returns:
        Attention weights (words, L).
    """
    test, maps = splits.split("test")
    image, numbers = images.read(test.paths[row]), found.words[row : row + 1, 0]
    words = captioner.vocabulary.decode(numbers[0]).split()[:MAX_SHOWN_WORDS]
    weights = captioner.attention_weights(maps[row : row + 1], numbers)
    assert weights is not None, "this captioner has no attention"
    weights = weights[0][: len(words)]
    with context.figure(
        key,
        title=N_("Attention for each word"),
        panels=(2, 8),
        size=(14, 4),
        image="png",
        caption=N_(
            "Bright regions have the largest attention weights while the word is generated."
        ),
    ) as axes:
        viz.show_attention(image, _("the image"), None, ax=axes[0])
        for ax, word, over_regions in zip(axes[1:], words, weights, strict=False):
            viz.show_attention(image, word, over_regions, ax=ax)
        for ax in axes[len(words) + 1 :]:
            ax.set_axis_off()
    return weights


EXPERIMENT = ExperimentSpec(
    name="tp5.attention",
    title=N_("A captioner with soft attention"),
    measures=N_("BLEU and CIDEr-D of captions with soft attention"),
    source=N_("practical 5, exercise 4, after Xu et al. 2015"),
    settings=Settings,
    run=run,
    headline="cider_d",
    on_sample={**_captioner.ON_SAMPLE, "attention_dim": 32, "n_ensemble": 1},
    data=("flickr8k", "weights"),
    minutes=32,
    memory_mb=5000,
    seeds=3,
    claims=(
        Claim(
            "attention_improves",
            N_("a model that attends to the regions of the image would improve the captions"),
            where=N_("practical 5, exercise 4"),
            data=("flickr8k",),
            **_captioner.IMPROVES,
        ),
    ),
    expected_ranges={
        "bleu_4_standard": ExpectedRange(
            0.1989,
            0.2471,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("0.2 to 0.225 until 2026-11-28",),
        ),
        "cider_d": ExpectedRange(
            0.5189,
            0.5843,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("0.51 to 0.57 until 2026-11-28",),
        ),
    },
)
