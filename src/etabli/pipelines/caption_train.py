"""A folder of one's own pictures with captions in, a captioner out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import N_, _
from etabli.core.paths import user_cache
from etabli.core.seeding import make_generator
from etabli.data.formats import caption_folder as captions_of
from etabli.features.regions import KINDS, region_maps
from etabli.models.captioning import attention, train
from etabli.models.captioning.attention import Shape
from etabli.models.captioning.beam_search import Search
from etabli.models.captioning.reranking import Album
from etabli.models.captioning.train import Recipe
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.pipelines.caption_write import eyes
from etabli.saved_models.captioner import Captioner, digest, pooled
from etabli.training.checkpoint import Checkpoint, checkpoint_path

__all__ = ["LONGEST", "Lesson", "teach"]

LONGEST = 40
YOUR_OWN = N_("Trained on your own pictures and captions: their terms are its terms.")


@dataclass(frozen=True)
class Lesson:
    """How to learn: kind of image features (None: the best there is), epochs, units, numbers to a key, seed; how many
    similar pictures' captions are asked when it writes (0: none, and it remembers no picture)."""

    features: str | None = None
    epochs: int = 15
    hidden: int = 256
    keys: int = 128
    seed: int = 0
    neighbours: int = 0

    def __post_init__(self) -> None:
        if (
            self.features not in (None, *KINDS)
            or min(self.epochs, self.hidden) < 1
            or min(self.keys, self.neighbours) < 0
        ):
            raise BadSetting(
                _("this lesson cannot be"),
                expected=_(
                    "features {kinds}; epochs and hidden of 1 or more, keys and neighbours of 0 or more"
                ).format(kinds=", ".join(KINDS)),
                got=self,
            )


def teach(
    folder: Path,
    lesson: Lesson,
    weights: Path | None = None,
    after_epoch: Callable[[float], None] = lambda loss: None,
    unfinished: Path | None = None,
) -> tuple[Captioner, list[str]]:
    """Learn from the pictures of ``folder`` and its ``metadata.jsonl``: a captioner, and what is worth knowing.

    Words seen once are learnt too where there are few captions, from five occurrences on where there are many. A
    caption of more than ``LONGEST`` words is learnt up to there. An interrupted training goes on from what it wrote
    into the folder ``unfinished``.
    """
    data = captions_of.read_folder(folder)
    notes: list[str] = []
    kind, weights = _eyes(lesson.features, weights, notes)
    cache = user_cache() / "features" / f"own-{Path(folder).resolve().name}-{kind}"
    maps = region_maps(data.paths, data.names, kind, cache, weights=weights)
    maps = maps if lesson.keys else pooled(maps)[:, None]
    every = data.rows()[1]
    vocabulary = Vocabulary.most_frequent(every, at_least=5 if len(every) >= 5000 else 1)
    long = sum(len(caption.split()) > LONGEST for caption in every)
    if long:
        notes.append(
            _("{n} captions have more than {m} words and are learnt up to there.").format(
                n=long, m=LONGEST
            )
        )
    shape = Shape(len(vocabulary), maps.shape[2], 128, lesson.hidden, lesson.keys)
    fresh = attention.initial(shape, make_generator(lesson.seed, "caption", "weights"), maps)
    recipe = Recipe(
        epochs=lesson.epochs, images=min(32, max(4, len(data) // 20)), steps=LONGEST, rate=2e-3
    )
    words = vocabulary.encode_groups(data.captions)
    memory = Checkpoint(
        unfinished
        and checkpoint_path(
            unfinished, replace(lesson, neighbours=0), data.names, words, kind, fresh["words"]
        )
    )
    for row in memory.rows:
        after_epoch(row["loss"])

    def after(epoch: int, loss: float, _weights: attention.Parameters) -> None:
        memory.rows.append({"loss": float(loss)})
        after_epoch(loss)

    learnt = train.train(fresh, maps, words, recipe, lesson.seed, after, memory)
    card = {
        "trained_on": str(folder),
        "images": len(data),
        "captions": len(every),
        "words": len(vocabulary),
        "words_digest": digest(vocabulary),
        "image_features": kind,
        "use": YOUR_OWN,
        "seed": lesson.seed,
        "training_loss": [round(row["loss"], 4) for row in memory.rows],
    }
    name = "attention" if lesson.keys else "modern"
    search, album = Search(beam=3, steps=LONGEST + 1), None
    if lesson.neighbours:
        # What the development images of Flickr8k chose in practical 5 (decision 0021).
        search = Search(
            20, LONGEST + 1, 0.5, consensus=0.6, neighbours=lesson.neighbours, trust=20.0
        )
        album = Album.of(pooled(maps), words)
    return Captioner(name, vocabulary, learnt, kind, search, card, album), notes


def _eyes(features: str | None, weights: Path | None, notes: list[str]) -> tuple[str, Path | None]:
    """The kind of features and its weights: the pretrained net's where they are there, else cells, and said."""
    if features == "cells":
        return "cells", None
    try:
        return "mobilenet_v2", weights or eyes("mobilenet_v2")
    except DataMissing:
        if features:
            raise
        notes.append(
            _(
                "The weights of MobileNetV2 are not there: the captioner sees colours and edges only, no things."
            )
        )
        return "cells", None
