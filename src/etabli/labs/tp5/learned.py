"""What ``tp5.caption-modern`` and ``tp5.attention`` share: settings, learning, and the choice of the search."""

from dataclasses import asdict, replace

import numpy as np
from pydantic import Field

from etabli import seeding
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import SettingsModel
from etabli.labs.tp5 import table
from etabli.metrics.bleu import bleu
from etabli.metrics.cider import cider
from etabli.models import attention, caption_training, consensus
from etabli.models.attention import Shape
from etabli.models.beam import Search
from etabli.models.caption_file import Captioner, pooled
from etabli.models.caption_training import Recipe
from etabli.models.memory import Memory
from etabli.models.vocabulary import Vocabulary

HISTORY = ("epoch", "loss", "dev_loss", "dev_cider_d")


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
        (0.6, 0.8, 1.0), min_length=1, description=N_("exponents of the length normalisation to choose from")
    )
    consensus_beam: int = Field(20, ge=2, le=50, description=N_("captions of an image that agree on the best"))
    consensus: tuple[float, ...] = Field(
        (0.3, 0.6, 1.0, 1.5), description=N_("how much the less likely ones count, to choose from")
    )


def learn(bench: Bench, material: table.Material, settings: Learning, keys: int) -> Captioner:
    """Train on the training images, and keep the pass whose greedy captions of the development images agree best.

    After each pass the loss on the development images and that agreement, CIDEr-D, join the history. What was learnt
    is kept: other searches need no other training.
    """
    train = material.data.train
    vocabulary = Vocabulary.most_frequent(train.rows()[1], at_least=settings.at_least)
    seen = (lambda maps: maps) if keys else (lambda maps: pooled(maps)[:, None])
    views = [seen(each) for each in (material.maps["train"], *material.views)]
    shape = Shape(len(vocabulary), views[0].shape[2], settings.embedding, settings.hidden, keys)
    fresh = attention.initial(shape, seeding.generator(bench.seed, "caption", "weights"), views[0])
    captioner = Captioner("attention" if keys else "modern", vocabulary, fresh, material.features)
    recipe = Recipe(**settings.model_dump(include={"epochs", "images", "dropout", "smoothing", "rate"}))
    words = vocabulary.encode_groups(train.captions)
    key = [asdict(recipe), asdict(shape), settings.views, bench.seed, words, [each[::500] for each in views]]
    memory = bench.memory("captioner", *key, fresh["words"])
    kept = bench.cached(
        "captioner", key, lambda: _learnt(bench, captioner, views, words, recipe, material, seen, memory)
    )
    rows = kept.pop("history")
    if not bench.history("train"):
        for row in rows.tolist():
            bench.log("train", **dict(zip(HISTORY, row, strict=True)))
    note = _("Kept: pass {n} of {epochs}, whose greedy captions of the development images have the greatest CIDEr-D.")
    bench.note(note.format(n=int(rows[rows[:, 3].argmax(), 0]), epochs=settings.epochs))
    return replace(captioner, arrays=kept)


def _learnt(bench, captioner, views, words, recipe, material, seen, memory: Memory) -> dict[str, np.ndarray]:
    """The weights of the best pass and, under "history", a row for each: its number, loss, dev loss, dev CIDEr-D."""
    dev, vocabulary = material.data.dev, captioner.vocabulary
    maps, dev_words = seen(material.maps["dev"]), vocabulary.encode_groups(dev.captions)
    with bench.progress(bench.experiment.title, total=recipe.epochs) as step:

        def after(epoch: int, loss: float, weights: attention.Parameters) -> None:
            now = {name: np.array(array) for name, array in weights.items()}
            captions = replace(captioner, arrays=now).write(maps, Search(1)).best(vocabulary)
            dev_loss, dev_cider = caption_training.mean_loss(now, maps, dev_words), cider(captions, dev.captions).value
            if dev_cider > max((row[HISTORY[3]] for row in memory.rows), default=-np.inf):
                memory.arrays.update(now)
            bench.log_kept(memory, "train", **dict(zip(HISTORY, (epoch, loss, dev_loss, dev_cider), strict=True)))
            step(1, loss=loss, dev_loss=dev_loss, dev_cider_d=dev_cider)

        bench.go_on(memory, step, "train")
        caption_training.train(captioner.arrays, views, words, recipe, bench.seed, after, memory)
    return {**memory.arrays, "history": np.array([[row[name] for name in HISTORY] for row in memory.rows])}


def choose_search(bench: Bench, captioner: Captioner, material: table.Material, settings: Learning) -> Search:
    """The beam, length normalisation and consensus that give the greatest CIDEr-D on the development images."""
    dev, maps = material.part("dev")
    plain = [Search(1, alpha=0.0), *(Search(beam, alpha=alpha) for beam in settings.beams for alpha in settings.alphas)]
    wide = Search(settings.consensus_beam, alpha=0.5)
    agreed = [replace(wide, consensus=temperature) for temperature in settings.consensus]
    found = {search: captioner.write(maps, search) for search in (*plain, *([wide] if agreed else []))}
    found |= {search: consensus.reranked(found[wide], search.consensus) for search in agreed}
    rows, best = [], (-np.inf, plain[0])
    for search, captions in ((search, each.best(captioner.vocabulary)) for search, each in found.items()):
        value = cider(captions, dev.captions).value
        bleus = [score.value for score in bleu(captions, dev.captions, "standard")]
        rows.append([search.describe(), *(round(number, 4) for number in (*bleus, value))])
        if search.beam > 1:
            best = max(best, (value, search), key=lambda pair: pair[0])
    bench.table(
        "search",
        title=N_("Searches tried on the development images"),
        columns=[N_("search"), *(f"BLEU-{n} standard" for n in range(1, 5)), "CIDEr-D"],
        rows=rows,
        caption=N_("The one of the greatest CIDEr-D is used on the test images; greedy is shown beside it."),
    )
    bench.note(_("Chosen: {search}.").format(search=best[1].describe()))
    return best[1]
