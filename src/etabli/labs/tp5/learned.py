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
from etabli.metrics.cider import CiderD, cider
from etabli.models import attention, caption_training
from etabli.models.attention import Shape
from etabli.models.beam import Search
from etabli.models.caption_file import Captioner, pooled
from etabli.models.caption_reward import Practice, practise
from etabli.models.caption_training import Recipe
from etabli.models.vocabulary import END, Vocabulary, words_of


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
    views: tuple[str, ...] = Field(
        ("flip", "crop-1"), description=N_("how the training images are looked at besides: flip, crop- and a number")
    )
    practice: int = Field(3, ge=0, le=1000, description=N_("passes that learn from its own captions' CIDEr-D"))
    practice_rate: float = Field(1e-4, gt=0, le=1, description=N_("learning rate of these passes at its top"))
    beams: tuple[int, ...] = Field((3, 5), min_length=1, description=N_("widths of the beam to choose from"))
    alphas: tuple[float, ...] = Field(
        (0.7, 1.0), min_length=1, description=N_("exponents of the length normalisation to choose from")
    )


def learn(bench: Bench, material: table.Material, settings: Learning, keys: int) -> Captioner:
    """Train on the training images; after each epoch the loss on the development images joins the history."""
    train, dev = material.data.train, material.data.dev
    vocabulary = Vocabulary.most_frequent(train.rows()[1], at_least=settings.at_least)
    seen = (lambda maps: maps) if keys else (lambda maps: pooled(maps)[:, None])
    views = [seen(each) for each in (material.maps["train"], *material.views)]
    dev_maps, dev_words = seen(material.maps["dev"]), vocabulary.encode_groups(dev.captions)
    shape = Shape(len(vocabulary), views[0].shape[2], settings.embedding, settings.hidden, keys)
    weights = attention.initial(shape, seeding.generator(bench.seed, "caption", "weights"))
    recipe = Recipe(
        epochs=settings.epochs,
        images=settings.images,
        dropout=settings.dropout,
        smoothing=settings.smoothing,
        rate=settings.rate,
    )
    with bench.progress(bench.experiment.title, total=settings.epochs) as step:

        def after(epoch: int, loss: float, weights: attention.Parameters) -> None:
            dev_loss = caption_training.mean_loss(weights, dev_maps, dev_words)
            bench.log("train", epoch=epoch, loss=loss, dev_loss=dev_loss)
            step(1, loss=loss, dev_loss=dev_loss)

        words = vocabulary.encode_groups(train.captions)
        weights = caption_training.train(weights, views, words, recipe, bench.seed, after)
    captioner = Captioner("attention" if keys else "modern", vocabulary, weights, material.features)
    return practised(bench, captioner, material, views, settings) if settings.practice else captioner


def practised(
    bench: Bench, captioner: Captioner, material: table.Material, views: list[np.ndarray], settings: Learning
) -> Captioner:
    """The captioner after it has learnt from captions of its own, valued by CIDEr-D against those of people.

    ``<end>`` counts as a word of both, so that breaking off in the middle does not pay. After each pass the mean
    reward and the CIDEr-D of greedy captions of the development images join a history.
    """
    vocabulary = captioner.vocabulary
    value = CiderD([[[*words_of(caption), END] for caption in group] for group in material.data.train.captions])
    practice = Practice(epochs=settings.practice, images=settings.images, rate=settings.practice_rate)
    dev, dev_maps = material.part("dev")

    def reward(image: int, words: tuple[int, ...]) -> float:
        return value(image, [vocabulary.words[word] for word in words])

    with bench.progress(N_("learning from its own captions"), total=settings.practice) as step:

        def after(epoch: int, mean: float, weights: attention.Parameters) -> None:
            captions = replace(captioner, arrays=weights).write(dev_maps, Search(1)).best(vocabulary)
            dev_cider = cider(captions, dev.captions).value
            bench.log("practice", epoch=epoch, reward=mean, dev_cider_d=dev_cider)
            step(1, reward=mean, cider=dev_cider)

        weights = practise(captioner.arrays, views, vocabulary, reward, practice, bench.seed, after)
    return replace(captioner, arrays=weights)


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
