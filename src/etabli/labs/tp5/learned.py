"""What ``tp5.caption-modern`` and ``tp5.attention`` share: settings, learning, and the choice of the search."""

from dataclasses import replace

import numpy as np
from pydantic import Field

from etabli import seeding
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import SettingsModel
from etabli.labs.tp5 import table
from etabli.metrics.bleu import bleu
from etabli.metrics.cider import cider
from etabli.models import attention, caption_training
from etabli.models.attention import Shape
from etabli.models.beam import Search
from etabli.models.caption_file import Captioner, pooled
from etabli.models.caption_training import Recipe
from etabli.models.vocabulary import Vocabulary


class Learning(SettingsModel):
    """The settings of a captioner with learned word vectors."""

    at_least: int = Field(5, ge=1, le=1000, description=N_("occurrences that a word needs to be in the vocabulary"))
    embedding: int = Field(256, ge=4, le=4096, description=N_("numbers to a word"))
    hidden: int = Field(384, ge=4, le=4096, description=N_("units of the gated recurrent layer"))
    epochs: int = Field(10, ge=1, le=1000, description=N_("passes over the training images; the best is kept"))
    images: int = Field(16, ge=1, le=1000, description=N_("images, with all their captions, in a batch"))
    dropout: float = Field(0.4, ge=0, lt=1, description=N_("share of inputs and outputs zeroed while learning"))
    smoothing: float = Field(0.1, ge=0, lt=1, description=N_("share of the wanted distribution spread over all words"))
    rate: float = Field(0.001, gt=0, le=1, description=N_("learning rate of Adam at its top"))
    views: tuple[str, ...] = Field(
        ("flip", "crop-1", "crop-2"),
        description=N_("how the training images are looked at besides: flip, crop- and a number"),
    )
    beams: tuple[int, ...] = Field((3, 5), min_length=1, description=N_("widths of the beam to choose from"))
    alphas: tuple[float, ...] = Field(
        (0.6, 0.8, 1.0, 1.2), min_length=1, description=N_("exponents of the length normalisation to choose from")
    )


def learn(bench: Bench, material: table.Material, settings: Learning, keys: int) -> Captioner:
    """Train on the training images, and keep the pass whose greedy captions of the development images agree best.

    After each pass the loss on the development images and that agreement, CIDEr-D, join the history.
    """
    train, dev = material.data.train, material.data.dev
    vocabulary = Vocabulary.most_frequent(train.rows()[1], at_least=settings.at_least)
    seen = (lambda maps: maps) if keys else (lambda maps: pooled(maps)[:, None])
    views = [seen(each) for each in (material.maps["train"], *material.views)]
    dev_maps, dev_words = seen(material.maps["dev"]), vocabulary.encode_groups(dev.captions)
    shape = Shape(len(vocabulary), views[0].shape[2], settings.embedding, settings.hidden, keys)
    fresh = attention.initial(shape, seeding.generator(bench.seed, "caption", "weights"), views[0])
    captioner = Captioner("attention" if keys else "modern", vocabulary, fresh, material.features)
    recipe = Recipe(**settings.model_dump(include={"epochs", "images", "dropout", "smoothing", "rate"}))
    words = vocabulary.encode_groups(train.captions)
    memory = bench.memory("captioner", settings, keys, words, train.names, material.features)
    with bench.progress(bench.experiment.title, total=settings.epochs) as step:

        def after(epoch: int, loss: float, weights: attention.Parameters) -> None:
            now = replace(captioner, arrays={name: np.array(array) for name, array in weights.items()})
            captions = now.write(dev_maps, Search(1)).best(vocabulary)
            measured = {
                "dev_loss": caption_training.mean_loss(weights, dev_maps, dev_words),
                "dev_cider_d": cider(captions, dev.captions).value,
            }
            if measured["dev_cider_d"] > max((row["dev_cider_d"] for row in memory.rows), default=-np.inf):
                memory.arrays.update(now.arrays)
            bench.log_kept(memory, "train", epoch=epoch, loss=loss, **measured)
            step(1, loss=loss, **measured)

        bench.go_on(memory, step, "train")
        caption_training.train(fresh, views, words, recipe, bench.seed, after, memory)
    kept = int(np.argmax([row["dev_cider_d"] for row in memory.rows])) + 1
    bench.note(
        _(
            "Kept: pass {n} of {epochs}, whose greedy captions of the development images have the greatest CIDEr-D."
        ).format(n=kept, epochs=settings.epochs)
    )
    return replace(captioner, arrays=dict(memory.arrays))


def choose_search(bench: Bench, captioner: Captioner, material: table.Material, settings: Learning) -> Search:
    """The beam and the length normalisation that give the greatest CIDEr-D on the development images."""
    dev, maps = material.part("dev")
    tried = [(1, 0.0), *((beam, alpha) for beam in settings.beams for alpha in settings.alphas)]
    rows, best = [], (-np.inf, Search(1))
    for beam, alpha in tried:
        search = Search(beam=beam, alpha=alpha)
        captions = captioner.write(maps, search).best(captioner.vocabulary)
        value = cider(captions, dev.captions).value
        bleus = [score.value for score in bleu(captions, dev.captions, "standard")]
        rows.append([beam, alpha, *(round(number, 4) for number in (*bleus, value))])
        if beam > 1:
            best = max(best, (value, search), key=lambda pair: pair[0])
    bench.table(
        "search",
        title=N_("Searches tried on the development images"),
        columns=[N_("beam"), "alpha", *(f"BLEU-{n} standard" for n in range(1, 5)), "CIDEr-D"],
        rows=rows,
        caption=N_("The one of the greatest CIDEr-D is used on the test images; greedy is shown beside it."),
    )
    bench.note(_("Chosen: {search}.").format(search=best[1].describe()))
    return best[1]
