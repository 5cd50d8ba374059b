"""The next step that practical 5 names: a captioner that looks at regions of the image, word by word.

    etabli run tp5.attention

Soft attention over the 7 x 7 map of the pretrained net, after "Show, attend and tell" (Xu et al. 2015): before each
word the net weighs the 49 regions; the weights are drawn over the image.
"""

from dataclasses import replace

import numpy as np
from pydantic import Field

from etabli.data import images
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import Claim, Experiment
from etabli.labs.tp5 import table
from etabli.labs.tp5.learned import Learning, choose_search, learn
from etabli.models.beam import Search
from etabli.models.caption_baselines import Trigram
from etabli.viz import captions as viz
from etabli.viz import curves

PUBLISHED_BLEU_4 = 0.12338869898753847
SHOWN = 15


class Settings(Learning):
    epochs: int = Field(8, ge=1, le=1000, description=N_("passes over the training images; the best is kept"))
    keys: int = Field(256, ge=2, le=4096, description=N_("numbers by which a region is found"))


def story(bench: Bench, settings: Settings) -> None:
    material = table.lay_out(bench, settings.views)
    captioner = learn(bench, material, settings, settings.keys)
    search = choose_search(bench, captioner, material, settings)

    test, maps = material.part("test")
    found = captioner.write(maps, search)
    captions = found.best(captioner.vocabulary)
    greedy = captioner.write(maps, Search(1)).best(captioner.vocabulary)
    table.score_captions(bench, captions, test.captions, search.describe())

    replace(captioner, search=search, card=table.card_of(bench, material)).save(bench.path("captioner"))
    bleu_4 = bench.scores["bleu_4"].value
    bench.claim(
        "attention_improves",
        "undecided" if bench.is_sample else "confirmed" if bleu_4 > PUBLISHED_BLEU_4 else "refuted",
        _("BLEU-4 in the course's protocol: {value:.3f}, in the report {published:.3f}").format(
            value=bleu_4, published=PUBLISHED_BLEU_4
        ),
    )
    if bench.first:
        for key, row in {"looks": table.picture_of_the_report(test), "looks_again": len(test) // 2}.items():
            picture, words = images.read(test.paths[row]), ["", *captions[row].split()][: SHOWN + 1]
            shares = captioner.looks(maps[row : row + 1], found.words[row : row + 1, 0])[0]
            with bench.figure(
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
        with bench.figure(
            "learning",
            title=N_("Learning"),
            caption=N_("Training loss with dropout and smoothing, development loss without."),
        ) as axes:
            keys = {"loss": _("training"), "dev_loss": _("development")}
            curves.learning_curves(bench.history("train"), keys, y_label=_("loss (nats a word)"), ax=axes)
        writers = {
            _("with attention, {search}").format(search=search.describe()): captions,
            _("with attention, greedy"): greedy,
        }
        words = captioner.vocabulary.encode_groups(material.data.train.captions)
        trigram = Trigram(words.reshape(-1, words.shape[-1]), captioner.vocabulary).caption()
        table.beside_the_baselines(bench, material, writers, trigram)
        table.gallery(bench, material, captions)
        spread = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1).mean()
        bench.note(
            _("While writing the last caption shown the attention spreads over {n:.0f} of {m} regions.").format(
                n=np.exp(spread), m=shares.shape[1]
            )
        )


EXPERIMENT = Experiment(
    name="tp5.attention",
    title=N_("A captioner that looks"),
    measures=N_("BLEU and CIDEr-D of captions with soft attention"),
    source=N_("practical 5, exercise 4, after Xu et al. 2015"),
    settings=Settings,
    story=story,
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
        "views": (),
    },
    data=("flickr8k", "weights"),
    minutes=9.0,
    memory_mb=5000,
    claims=(
        Claim(
            "attention_improves",
            N_("a model that attends to the regions of the image would improve the captions"),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expects={"bleu_4_standard": (0.185, 0.215), "cider_d": (0.47, 0.53)},
)
