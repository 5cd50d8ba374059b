"""Beyond practical 5: learned word vectors, a gated net, the whole deep feature.

    etabli run tp5.caption-modern

A GRU reads its own words, sees the 1280 numbers of the image at every step, and shares one matrix between the words
read and the words written; dropout and label smoothing keep it from learning captions by heart. Beam and length
normalisation are chosen on the development images.
"""

from dataclasses import replace

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp5 import _learned, _shared


class Settings(_learned.Learning):
    pass


def run(context: RunContext, settings: Settings) -> None:
    material = _shared.lay_out(context, settings.views)
    captioner = _learned.learn(context, material, settings, keys=0)
    captioner = replace(
        captioner, search=_learned.choose_search(context, captioner, material, settings)
    )
    found = _learned.score(context, captioner, material)
    text = _("BLEU-4 in the course's protocol: {value:.3f}, in the report {published:.3f}")
    _learned.claim_better(context, "small_net_is_not_the_limit", text)
    if context.is_first_seed:
        _learned.show(context, captioner, material, found)


EXPERIMENT = ExperimentSpec(
    name="tp5.caption-modern",
    title=N_("A captioner with learned words"),
    measures=N_("BLEU and CIDEr-D of captions from the whole deep feature"),
    source=N_("practical 5, exercise 4, after Vinyals et al. 2015"),
    settings=Settings,
    run=run,
    on_sample={
        "at_least": 1,
        "embedding": 48,
        "hidden": 64,
        "epochs": 24,
        "rate": 0.01,
        "dropout": 0.1,
        "images": 8,
        "beams": (3,),
        "alphas": (0.7,),
        "consensus_beam": 5,
        "consensus": (1.0,),
        "neighbours": (3,),
        "trust": (10.0,),
        "views": (),
    },
    data=("flickr8k", "weights"),
    minutes=4.0,
    memory_mb=5000,
    claims=(
        Claim(
            "small_net_is_not_the_limit",
            N_(
                "the captions are not good enough yet; a better model and more data would improve them"
            ),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expected_ranges={"bleu_4_standard": (0.19, 0.22), "cider_d": (0.47, 0.54)},
)
