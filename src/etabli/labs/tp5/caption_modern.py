"""Beyond practical 5: learned word vectors, a gated net, the whole deep feature.

    etabli run tp5.caption-modern

A GRU reads its own words, sees the 1280 numbers of the image at every step, and shares one matrix between the words
read and the words written; dropout and label smoothing keep it from learning captions by heart. Beam and length
normalisation are chosen on the development images.
"""

from dataclasses import replace

from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import Claim, Experiment
from etabli.labs.tp5 import table
from etabli.labs.tp5.learned import Learning, choose_search, learn
from etabli.models.beam import Search
from etabli.models.caption_baselines import Trigram
from etabli.viz import curves


class Settings(Learning):
    pass


def story(bench: Bench, settings: Settings) -> None:
    material = table.lay_out(bench, settings.views)
    captioner = learn(bench, material, settings, keys=0)
    search = choose_search(bench, captioner, material, settings)

    test, maps = material.part("test")
    captions = captioner.write(maps, search).best(captioner.vocabulary)
    greedy = captioner.write(maps, Search(1)).best(captioner.vocabulary)
    table.score_captions(bench, captions, test.captions, search.describe())

    replace(captioner, search=search, card=table.card_of(bench, material)).save(bench.path("captioner"))
    bleu_4 = bench.scores["bleu_4"].value
    bench.claim(
        "small_net_is_not_the_limit",
        "undecided" if bench.is_sample else "confirmed" if bleu_4 > 0.1234 else "refuted",
        _("BLEU-4 in the course's protocol: {value:.3f}").format(value=bleu_4),
    )
    if bench.first:
        with bench.figure(
            "learning",
            title=N_("Learning"),
            caption=N_("Training loss with dropout and smoothing, development loss without."),
        ) as axes:
            keys = {"loss": _("training"), "dev_loss": _("development")}
            curves.learning_curves(bench.history("train"), keys, y_label=_("loss (nats a word)"), ax=axes)
        writers = {
            _("this captioner, {search}").format(search=search.describe()): captions,
            _("this captioner, greedy"): greedy,
        }
        words = captioner.vocabulary.encode_groups(material.data.train.captions)
        trigram = Trigram(words.reshape(-1, words.shape[-1]), captioner.vocabulary).caption()
        table.beside_the_baselines(bench, material, writers, trigram)
        table.gallery(bench, material, captions)


EXPERIMENT = Experiment(
    name="tp5.caption-modern",
    title=N_("A captioner with learned words"),
    measures=N_("BLEU and CIDEr-D of captions from the whole deep feature"),
    source=N_("practical 5, exercise 4, after Vinyals et al. 2015"),
    settings=Settings,
    story=story,
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
        "views": (),
    },
    data=("flickr8k", "weights"),
    minutes=8.0,
    memory_mb=5000,
    claims=(
        Claim(
            "small_net_is_not_the_limit",
            N_("the captions are not good enough yet; a better model and more data would improve them"),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expects={"bleu_4_standard": (0.17, 0.21), "cider_d": (0.42, 0.50)},
)
