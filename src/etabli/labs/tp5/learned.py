"""What ``tp5.caption-modern`` and ``tp5.attention`` share: settings, learning, and the choice of the search."""

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

    at_least: int = Field(6, ge=1, le=1000, description=N_("occurrences that a word needs to be in the vocabulary"))
    embedding: int = Field(256, ge=4, le=4096, description=N_("numbers to a word"))
    hidden: int = Field(384, ge=4, le=4096, description=N_("units of the gated recurrent layer"))
    epochs: int = Field(10, ge=1, le=1000, description=N_("passes over the training images"))
    images: int = Field(16, ge=1, le=1000, description=N_("images, with all their captions, in a batch"))
    dropout: float = Field(0.5, ge=0, lt=1, description=N_("share of inputs and outputs zeroed while learning"))
    smoothing: float = Field(0.1, ge=0, lt=1, description=N_("share of the wanted distribution spread over all words"))
    rate: float = Field(0.001, gt=0, le=1, description=N_("learning rate of Adam at its top"))
    beams: tuple[int, ...] = Field((3, 5), min_length=1, description=N_("widths of the beam to choose from"))
    alphas: tuple[float, ...] = Field(
        (0.7, 1.0), min_length=1, description=N_("exponents of the length normalisation to choose from")
    )


def learn(bench: Bench, material: table.Material, settings: Learning, keys: int) -> Captioner:
    """Train on the training images; after each epoch the loss on the development images joins the history."""
    train, dev = material.data.train, material.data.dev
    vocabulary = Vocabulary.most_frequent(train.rows()[1], at_least=settings.at_least)
    maps = {name: each if keys else pooled(each)[:, None] for name, each in material.maps.items()}
    shape = Shape(len(vocabulary), maps["train"].shape[2], settings.embedding, settings.hidden, keys)
    weights = attention.initial(shape, seeding.generator(bench.seed, "caption", "weights"))
    recipe = Recipe(
        epochs=settings.epochs,
        images=settings.images,
        dropout=settings.dropout,
        smoothing=settings.smoothing,
        rate=settings.rate,
    )
    words, dev_words = vocabulary.encode_groups(train.captions), vocabulary.encode_groups(dev.captions)
    memory = bench.memory("captioner", settings, keys, words, material.data.train.names, material.features)
    with bench.progress(bench.experiment.title, total=settings.epochs) as step:
        bench.go_on(memory, step, "train")

        def after(epoch: int, loss: float, weights: attention.Parameters) -> None:
            dev_loss = caption_training.mean_loss(weights, maps["dev"], dev_words)
            bench.log_kept(memory, "train", epoch=epoch, loss=loss, dev_loss=dev_loss)
            step(1, loss=loss, dev_loss=dev_loss)

        weights = caption_training.train(weights, maps["train"], words, recipe, bench.seed, after, memory)
    return Captioner("attention" if keys else "modern", vocabulary, weights, material.features)


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
