"""What ``tp5.caption-modern`` and ``tp5.attention`` share: settings, learning, and the choice of the search."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product

import numpy as np
from pydantic import Field

from etabli.core import seeding
from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.spec import SettingsModel
from etabli.experiments.tp5 import _shared, caption
from etabli.metrics.bleu import bleu
from etabli.metrics.cider import cider
from etabli.models.captioning import attention, ensemble, reranking
from etabli.models.captioning import train as training
from etabli.models.captioning.attention import Shape
from etabli.models.captioning.baselines import Trigram
from etabli.models.captioning.beam_search import Found, Search
from etabli.models.captioning.reranking import Album
from etabli.models.captioning.train import Recipe
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.saved_models.captioner import Captioner, pooled
from etabli.training.checkpoint import Checkpoint
from etabli.viz import curves

SEEDS_APART = 1000
HISTORY = ("epoch", "loss", "dev_loss", "dev_cider_d")


class Learning(SettingsModel):
    """The settings of a captioner with learned word vectors."""

    at_least: int = Field(
        5, ge=1, le=1000, description=N_("occurrences that a word needs to be in the vocabulary")
    )
    embedding: int = Field(256, ge=4, le=4096, description=N_("numbers to a word"))
    hidden: int = Field(384, ge=4, le=4096, description=N_("units of the gated recurrent layer"))
    epochs: int = Field(
        10, ge=1, le=1000, description=N_("passes over the training images; the best is kept")
    )
    images: int = Field(
        16, ge=1, le=1000, description=N_("images, with all their captions, in a batch")
    )
    dropout: float = Field(
        0.4, ge=0, lt=1, description=N_("share of inputs and outputs zeroed while learning")
    )
    smoothing: float = Field(
        0.1, ge=0, lt=1, description=N_("share of the wanted distribution spread over all words")
    )
    rate: float = Field(0.001, gt=0, le=1, description=N_("learning rate of Adam at its top"))
    views: tuple[str, ...] = Field(
        ("flip", "crop-1", "crop-2"),
        description=N_("how the training images are looked at besides: flip, crop- and a number"),
    )
    nets: int = Field(
        1,
        ge=1,
        le=10,
        description=N_("nets that differ by their seed alone and write together, word by word"),
    )
    beams: tuple[int, ...] = Field(
        (3, 5), min_length=1, description=N_("widths of the beam to choose from")
    )
    alphas: tuple[float, ...] = Field(
        (0.6, 0.8, 1.0),
        min_length=1,
        description=N_("exponents of the length normalisation to choose from"),
    )
    consensus_beam: int = Field(
        20, ge=2, le=50, description=N_("captions of an image that agree on the best")
    )
    reranking: tuple[float, ...] = Field(
        (0.6, 1.0), description=N_("how much the less likely ones count, to choose from")
    )
    neighbours: tuple[int, ...] = Field(
        (10, 15, 20),
        description=N_("similar training images whose captions are asked too, to choose from"),
    )
    trust: tuple[float, ...] = Field(
        (10.0, 20.0, 40.0), description=N_("how much these captions count, to choose from")
    )


def learn(
    context: RunContext, material: _shared.Material, settings: Learning, keys: int
) -> Captioner:
    """Train on the training images, and keep of each net the pass whose greedy captions of the development images
    agree best.

    After each pass the loss on the development images and that agreement, CIDEr-D, join the history. What was learnt
    is kept: other searches need no other training. The captioner remembers the training images.
    """
    train = material.data.train
    vocabulary = Vocabulary.most_frequent(train.rows()[1], at_least=settings.at_least)
    seen = (lambda maps: maps) if keys else (lambda maps: pooled(maps)[:, None])
    views = [seen(each) for each in (material.maps["train"], *material.views)]
    shape = Shape(len(vocabulary), views[0].shape[2], settings.embedding, settings.hidden, keys)
    recipe = Recipe(
        **settings.model_dump(include={"epochs", "images", "dropout", "smoothing", "rate"})
    )
    words = vocabulary.encode_groups(train.captions)
    captioner = Captioner("attention" if keys else "modern", vocabulary, {}, material.features)
    nets = []
    for place in range(settings.nets):
        seed, curve = context.seed + SEEDS_APART * place, f"train-{place + 1}" if place else "train"
        fresh = attention.initial(
            shape, seeding.make_generator(seed, "caption", "weights"), views[0]
        )
        key = [
            asdict(recipe),
            asdict(shape),
            settings.views,
            seed,
            words,
            [each[::500] for each in views],
        ]
        memory = context.checkpoint("captioner", *key, fresh["words"])
        lesson = _Lesson(
            context, replace(captioner, arrays=fresh), material, seen, recipe, seed, curve
        )
        kept = context.cached("captioner", key, partial(lesson.learnt, views, words, memory))
        nets.append(lesson.told(kept))
    album = Album.of(pooled(material.maps["train"]), words)
    return replace(captioner, arrays=ensemble.joined(nets), album=album)


@dataclass(frozen=True)
class _Lesson:
    """One net's training: ``seen`` makes of a region map what it sees, ``curve`` names its history."""

    context: RunContext
    captioner: Captioner
    material: _shared.Material
    seen: Callable[[np.ndarray], np.ndarray]
    recipe: Recipe
    seed: int
    curve: str

    def learnt(
        self, views: list[np.ndarray], words: np.ndarray, memory: Checkpoint
    ) -> dict[str, np.ndarray]:
        """The weights of the best pass and, under "history", a row for each: number, loss, dev loss, dev CIDEr-D."""
        dev, vocabulary, context = self.material.data.dev, self.captioner.vocabulary, self.context
        maps, dev_words = (
            self.seen(self.material.maps["dev"]),
            vocabulary.encode_groups(dev.captions),
        )
        with context.progress(context.experiment.title, total=self.recipe.epochs) as step:

            def after(epoch: int, loss: float, weights: attention.Parameters) -> None:
                now = {name: np.array(array) for name, array in weights.items()}
                captions = (
                    replace(self.captioner, arrays=now).write(maps, Search(1)).best(vocabulary)
                )
                dev_loss = training.mean_loss(now, maps, dev_words)
                dev_cider = cider(captions, dev.captions).value
                if dev_cider > max((row[HISTORY[3]] for row in memory.rows), default=-np.inf):
                    memory.arrays.update(now)
                row = dict(zip(HISTORY, (epoch, loss, dev_loss, dev_cider), strict=True))
                context.log_and_checkpoint(memory, self.curve, **row)
                step(1, loss=loss, dev_loss=dev_loss, dev_cider_d=dev_cider)

            context.resume(memory, step, self.curve)
            training.train(
                self.captioner.arrays, views, words, self.recipe, self.seed, after, memory
            )
        return {
            **memory.arrays,
            "history": np.array([[row[name] for name in HISTORY] for row in memory.rows]),
        }

    def told(self, kept: dict[str, np.ndarray]) -> attention.Parameters:
        """The net of what was kept; its history is logged where it was not learnt just now, and the pass told."""
        rows = kept["history"]
        if not self.context.history(self.curve):
            for row in rows.tolist():
                self.context.log(self.curve, **dict(zip(HISTORY, row, strict=True)))
        note = _(
            "Kept: pass {n} of {epochs}, whose greedy captions of the development images have the greatest CIDEr-D."
        )
        self.context.note(
            note.format(n=int(rows[rows[:, 3].argmax(), 0]), epochs=self.recipe.epochs)
        )
        return {name: array for name, array in kept.items() if name != "history"}


def choose_search(
    context: RunContext, captioner: Captioner, material: _shared.Material, settings: Learning
) -> Search:
    """The beam, length normalisation, consensus and neighbours whose captions of the development images have the
    greatest sum of BLEU-1 to 4 and CIDEr-D.
    """
    dev, maps = material.part("dev")
    plain = [Search(beam, alpha=alpha) for beam in settings.beams for alpha in settings.alphas]
    wide = Search(settings.consensus_beam, alpha=0.5)
    found = {search: captioner.write(maps, search) for search in (Search(1, alpha=0.0), *plain)}
    agreed = [replace(wide, consensus=temperature) for temperature in settings.consensus]
    agreed += [
        replace(search, neighbours=number, trust=trust)
        for search, number, trust in product(agreed, settings.neighbours, settings.trust)
    ]
    if agreed:
        found[wide] = captioner.write(maps, wide)
        judged = captioner.judged(
            maps, found[wide], max((search.neighbours for search in agreed), default=0)
        )
        found |= {search: reranking.reranked(judged, search) for search in agreed}
    rows, best = [], (-np.inf, plain[0])
    for search, captions in (
        (search, each.best(captioner.vocabulary)) for search, each in found.items()
    ):
        scores = [*bleu(captions, dev.captions, "standard"), cider(captions, dev.captions)]
        values = [score.value for score in scores]
        rows.append([search.describe(), *(round(value, 4) for value in values)])
        if search.beam > 1:
            best = max(best, (sum(values), search), key=lambda pair: pair[0])
    context.table(
        "search",
        title=N_("Searches tried on the development images"),
        columns=[N_("search"), *(f"BLEU-{n} standard" for n in range(1, 5)), "CIDEr-D"],
        rows=rows,
        caption=N_(
            "The one whose five scores add up to most is used on the test images; greedy is shown beside it."
        ),
    )
    context.note(_("Chosen: {search}.").format(search=best[1].describe()))
    return best[1]


def score(context: RunContext, captioner: Captioner, material: _shared.Material) -> Found:
    """The captions of the test images, scored; the captioner is kept with its card."""
    test, maps = material.part("test")
    found = captioner.write(maps)
    _shared.score_captions(
        context, found.best(captioner.vocabulary), test.captions, captioner.search.describe()
    )
    replace(captioner, card=_shared.card_of(context, material)).save(context.path("captioner"))
    return found


def claim_better(context: RunContext, key: str, text: str) -> None:
    """Whether BLEU-4 is above the report's."""
    ours, theirs = context.scores["bleu_4"].value, caption.REPORT[3]
    verdict = "undecided" if context.is_sample else "confirmed" if ours > theirs else "refuted"
    context.claim(key, verdict, text.format(value=ours, published=theirs))


def show(
    context: RunContext, captioner: Captioner, material: _shared.Material, found: Found
) -> None:
    """How it learnt, every caption writer side by side, and the gallery."""
    with context.figure(
        "learning",
        title=N_("Learning"),
        caption=N_("Training loss with dropout and smoothing, development loss without."),
    ) as axes:
        keys = {"loss": _("training"), "dev_loss": _("development")}
        curves.learning_curves(
            context.history("train"), keys, y_label=_("loss (nats a word)"), ax=axes
        )
    maps, captions = material.maps["test"], found.best(captioner.vocabulary)
    own = {captioner.search: captions}
    for search in (replace(captioner.search, neighbours=0), Search(1)):
        own.setdefault(search, captioner.write(maps, search).best(captioner.vocabulary))
    name = _("this captioner, {search}")
    writers = {name.format(search=search.describe()): each for search, each in own.items()}
    words = captioner.vocabulary.encode_groups(material.data.train.captions)
    trigram = Trigram(words.reshape(-1, words.shape[-1]), captioner.vocabulary).caption()
    _shared.beside_the_baselines(context, material, writers, trigram)
    _shared.gallery(context, material, captions)
