"""A GRU captioner with learned word embeddings that reads the pooled features of the image.

    etabli run tp5.caption-modern

The GRU reads the 1,280 image features at every step and shares one embedding matrix between input
and output words; dropout and label smoothing reduce overfitting. Beam size and length normalization
are chosen on the development set.
"""

from etabli.core.i18n import N_
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp5 import _captioner


class Settings(_captioner.CaptionerSettings):
    """The captioner without attention."""


def run(context: RunContext, settings: Settings) -> None:
    claim = "small_net_is_not_the_limit"
    captioner, splits, found = _captioner.run(context, settings, 0, claim)
    if context.is_first_seed:
        _captioner.show(context, captioner, splits, found)


EXPERIMENT = ExperimentSpec(
    name="tp5.caption-modern",
    title=N_("A captioner with learned word embeddings"),
    measures=N_("BLEU and CIDEr-D of captions from pooled image features"),
    source=N_("practical 5, exercise 4, after Vinyals et al. 2015"),
    settings=Settings,
    run=run,
    headline="cider_d",
    on_sample=_captioner.ON_SAMPLE,
    data=("flickr8k", "weights"),
    minutes=4.0,
    memory_mb=5000,
    claims=(
        Claim(
            "small_net_is_not_the_limit",
            N_(
                "the captions are not good enough yet; a better model and more data would "
                "improve them"
            ),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expected_ranges={"bleu_4_standard": (0.19, 0.22), "cider_d": (0.47, 0.54)},
)
