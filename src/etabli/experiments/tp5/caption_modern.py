"""A GRU captioner with learned word embeddings that reads the pooled features of the image.

    etabli run tp5.caption-modern

The GRU reads the 1,280 image features at every step and shares one embedding matrix between input
and output words; dropout and label smoothing reduce overfitting. Beam size and length normalization
are chosen on the development set. The captioner of the report is trained too, to compare the two
image by image.
"""

from dataclasses import replace

from etabli.core.i18n import N_
from etabli.experiments.claims import Claim
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp5 import _captioner, caption
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.saved_models.captioner import Captioner, pool_regions


class Settings(_captioner.CaptionerSettings):
    """The captioner without attention."""


def run(context: RunContext, settings: Settings) -> None:
    captioner, splits, found = _captioner.run(context, settings, 0)
    if settings.compare:
        captions, claim = found.best(captioner.vocabulary), "small_net_is_not_the_limit"
        small = train_report_captioner(context)
        _captioner.compare(context, claim, captions, small, splits, settings)
    if context.is_first_seed:
        _captioner.show(context, captioner, splits, found)


def train_report_captioner(context: RunContext) -> Captioner:
    """Train the captioner of the report as ``tp5.caption`` does, with the same caption retrieval.

    The retrieved captions are encoded in its own vocabulary.
    """
    settings = caption.EXPERIMENT.settings_for(context.source.kind)
    assert isinstance(settings, caption.Settings)
    inputs = caption.load_inputs(context, settings.vocabulary_size, settings.pca_components)
    data = inputs.make_data("train")
    label = N_("captioner of the report")
    model, _epoch, eos_bias = caption.train(context, inputs, settings, data, label, {})
    small = inputs.make_captioner(model.get_weights(), eos_bias)
    words = small.vocabulary.encode_groups(inputs.splits.data.train.captions)
    features = pool_regions(inputs.splits.maps["train"])
    return replace(small, retrieval=CaptionRetrieval.from_features(features, words))


EXPERIMENT = ExperimentSpec(
    name="tp5.caption-modern",
    title=N_("A captioner with learned word embeddings"),
    measures=N_("BLEU and CIDEr-D of captions from pooled image features"),
    source=N_("practical 5, exercise 4, after Vinyals et al. 2015"),
    settings=Settings,
    run=run,
    headline="cider_d",
    on_sample=_captioner.ON_SAMPLE,
    data=("flickr8k", "weights", "glove"),
    minutes=14,
    memory_mb=5000,
    seeds=3,
    claims=(
        Claim(
            "small_net_is_not_the_limit",
            N_(
                "the captions are not good enough yet; a better model and more data would "
                "improve them"
            ),
            where=N_("practical 5, exercise 4"),
            data=("flickr8k",),
            **_captioner.IMPROVES,
        ),
    ),
    expected_ranges={
        "bleu_4_standard": ExpectedRange(
            0.1996,
            0.2236,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("0.19 to 0.22 until 2026-11-28",),
        ),
        "cider_d": ExpectedRange(
            0.4978,
            0.5276,
            seeds=5,
            date="2026-11-28",
            commit="cfe9f94",
            history=("0.47 to 0.54 until 2026-11-28",),
        ),
    },
)
