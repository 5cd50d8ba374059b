"""A captioner trained on a folder of your own images with captions."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting, DataMissing, EtabliError, UnknownName
from etabli.core.hashing import compute_digest
from etabli.core.i18n import N_, _
from etabli.core.paths import user_cache
from etabli.core.progress import Reporter, Silent, Step
from etabli.core.seeding import make_generator
from etabli.data.formats import caption_folder, images
from etabli.data.formats.caption_folder import CaptionedImages
from etabli.features.regions import KINDS, extract_region_maps
from etabli.metrics.bleu import bleu
from etabli.metrics.cider import cider
from etabli.models.captioning import attention, train
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.pipelines._output import (
    STATE,
    keep_state,
    open_output,
    refuse_finished_model,
    start_from_state,
)
from etabli.pipelines._settings import (
    change_settings,
    check_ranges,
    require_more_epochs,
    require_trainable,
)
from etabli.pipelines.caption_write import find_extractor_weights
from etabli.report.numbers import format_score
from etabli.saved_models import captioner as saved_captioner
from etabli.saved_models.captioner import (
    Captioner,
    KnownData,
    digest_vocabulary,
    pool_regions,
)
from etabli.training.checkpoint import Checkpoint, checkpoint_path

__all__ = ["MAX_WORDS", "CaptionerConfig", "train_captioner"]

MAX_WORDS = 40
VALIDATION_SHARE, VALIDATED_FROM = 0.1, 100  # by default, from this many images on
FREQUENT_FROM = 5000  # captions from which on a word must occur five times
YOUR_OWN = N_("Trained on your own images and captions; their terms of use apply.")


@dataclass(frozen=True)
class CaptionerConfig:
    """Training configuration of a captioner.

    Attributes:
        features: kind of image features; None: MobileNetV2 if its weights are there, else "cells".
        epochs: training epochs.
        units: hidden units of the GRU.
        attention_dim: dimension of the attention; 0: no attention.
        neighbors: nearest training images whose captions rerank; 0: none, and none is stored.
        seed: seed of weights and order.
        validation_fraction: share of the images held out for validation where the caption file has
            no validation split; None: 0.1 from 100 images on, else 0.
    """

    features: str | None = None
    epochs: int = 15
    units: int = 256
    attention_dim: int = 128
    neighbors: int = 0
    seed: int = 0
    validation_fraction: float | None = None

    def __post_init__(self) -> None:
        if self.features not in (None, *KINDS):
            raise UnknownName(_("kind of image features"), str(self.features), KINDS)
        check_ranges(self, _RANGES)


_RANGES = (
    ("epochs", 1, 100_000),
    ("units", 1, 8192),
    ("attention_dim", 0, 8192),
    ("neighbors", 0, 1000),
    ("seed", 0, 2**63),
    ("validation_fraction", 0.0, 0.9),
)
_MAY_CHANGE = ("epochs", "neighbors")  # with resume


def train_captioner(
    folder: Path | str,
    out: Path | str,
    config: CaptionerConfig | Mapping[str, object] | None = None,
    *,
    captions: Path | str | None = None,
    weights: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> tuple[Captioner, list[str]]:
    """Train a captioner on the images of a folder and their captions, and save it.

    All words are in the vocabulary if captions are few, words of five occurrences if they are many.
    With validation images, the weights of the epoch with the lowest validation loss are kept, and
    the captioner is scored on the test images of the file, or else on the validation images. An
    interrupted training resumes after its last whole epoch.

    Args:
        folder: images, with a caption file or a text file next to each image.
        out: folder of the captioner.
        config: training configuration, or only the values that differ from the defaults; with
            ``resume`` from those of the captioner.
        captions: the caption file; by default it is looked for in the folder.
        weights: weights file of MobileNetV2; by default that of the data folder.
        resume: train the finished captioner in ``out`` further, until it has ``epochs`` epochs.
        overwrite: replace a captioner that is already in ``out``.
        reporter: shows the progress.
        say: receives each of the sentences at once.

    Returns:
        The captioner, and sentences that the user should read.

    Raises:
        BadSetting: ``out`` holds a model already, and neither ``overwrite`` nor ``resume`` is set,
            or it was trained on other images and captions.
        DataMissing: there are no images, captions or weights, or no captioner to train further.
        CorruptFile: the caption file is damaged, or no image can be read.
    """
    out = Path(out)
    former = _read_former(out) if resume else None
    changes = asdict(config) if isinstance(config, CaptionerConfig) else dict(config or {})
    chosen = change_settings(CaptionerConfig, changes, former and former["settings"], _MAY_CHANGE)
    refuse_finished_model(out, overwrite or resume, _can_train_further(out))
    notes = _Notes(say)
    data = caption_folder.read_folder(folder, captions)
    for remark in data.remarks:
        notes.append(remark)
    data = _drop_unreadable(data, notes)
    rows = _divide(data, chosen, notes)
    features, weights = _choose_features(chosen.features, weights, notes)
    chosen = replace(chosen, features=features)
    with open_output(out, overwrite, resume=resume) as checkpoints:
        digest = compute_digest([data.names, data.captions, features, *map(list, rows.values())])
        done = _check_former(former, digest, chosen, out) if former else 0
        cache = user_cache() / "features" / f"own-{Path(folder).resolve().name}-{features}"
        maps = extract_region_maps(data.paths, data.names, features, cache, weights=weights)
        sets = {name: _Part(data.select(rows[name]), maps[rows[name]]) for name in rows}
        path = checkpoint_path(checkpoints, digest, replace(chosen, neighbors=0), done)
        if done:
            start_from_state(out, path, done)
        checkpoint = Checkpoint(path)
        captioner = _train(sets, chosen, checkpoint, reporter or Silent(), notes)
        captioner.card.update(
            {"trained_on": str(folder), "data": digest, "settings": asdict(chosen)}
        )
        if held_out := next((name for name in ("test", "validation") if len(rows[name])), None):
            captioner.card["scores"] = _score(captioner, sets[held_out], held_out, notes)
        keep_state(checkpoint, out)
        captioner.save(out)
    return captioner, notes


def _read_former(out: Path) -> dict[str, Any]:
    """Return the card of the captioner that is trained further."""
    card = saved_captioner.load(out).card
    require_trainable(out, _can_train_further(out))
    return card


def _can_train_further(out: Path) -> bool:
    """Return whether a folder has a captioner with its settings and the state of its training."""
    try:
        return "settings" in saved_captioner.load(out).card and (out / STATE).is_file()
    except (EtabliError, OSError):
        return False


def _check_former(card: dict[str, Any], digest: str, config: CaptionerConfig, out: Path) -> int:
    """Return the epochs that a captioner has; raise where these images or epochs do not fit it."""
    if card["data"] != digest:
        raise BadSetting(
            _("the captioner in {folder} was trained on other images or captions").format(
                folder=out
            ),
            expected=card["trained_on"],
            fix=_("Give the same ones, or train another model without --resume."),
        )
    done = int(card["settings"]["epochs"])
    require_more_epochs(out, done, config.epochs)
    return done


class _Notes(list[str]):
    """Sentences for the user, each said when it arises: a training takes long."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self.say = say

    def append(self, sentence: str) -> None:
        super().append(sentence)
        self.say(sentence)


def _drop_unreadable(data: CaptionedImages, notes: list[str]) -> CaptionedImages:
    """Leave out the images that cannot be decoded, and note it; raise if none can."""

    def find_error(path: Path) -> EtabliError | None:
        try:
            images.read(path, (16, 16))
        except EtabliError as error:
            return error
        return None

    with ThreadPoolExecutor() as pool:
        errors = list(pool.map(find_error, data.paths))
    rows = [row for row, error in enumerate(errors) if error is None]
    if first := next(filter(None, errors), None):
        if not rows:
            raise first
        text = _("Images left out, which cannot be read: {n}. The first: {reason}")
        notes.append(text.format(n=len(data) - len(rows), reason=first))
    return data.select(rows)


@dataclass(frozen=True)
class _Part:
    """The images of one of the three sets and their region maps (N, L, D)."""

    images: CaptionedImages
    maps: np.ndarray


def _divide(
    data: CaptionedImages, config: CaptionerConfig, notes: list[str]
) -> dict[str, np.ndarray]:
    """Return the rows of training, validation and test images: by the file, else by a share."""
    splits = np.array(data.splits or [""] * len(data))
    train = np.flatnonzero(splits == ("train" if "train" in splits else ""))
    if not len(train):
        notes.append(_("The caption file has no training images: all of its images are used."))
        splits, train = np.full(len(data), ""), np.arange(len(data))
    elif count := int((splits == "").sum()) if "train" in splits else 0:
        notes.append(_("Images in no split, which are left out: {n}.").format(n=count))
    validation = np.flatnonzero(splits == "validation")
    share = config.validation_fraction
    if share is None:
        share = VALIDATION_SHARE if len(train) >= VALIDATED_FROM else 0.0
    count = min(max(1, round(share * len(train))), len(train) - 1) if share else 0
    if count and not len(validation):
        order = make_generator(config.seed, "caption", "validation").permutation(train)
        validation, train = np.sort(order[:count]), np.sort(order[count:])
        notes.append(_("Images held out for validation: {n}.").format(n=count))
    return {"train": train, "validation": validation, "test": np.flatnonzero(splits == "test")}


def _train(
    sets: dict[str, _Part],
    config: CaptionerConfig,
    checkpoint: Checkpoint,
    reporter: Reporter,
    notes: list[str],
) -> Captioner:
    """Train on the training images; keep the best epoch if there are validation images."""
    data, maps = sets["train"].images, _read_maps(sets["train"].maps, config)
    captions = data.rows()[1]
    _note_long_captions(captions, notes)
    min_count = 5 if len(captions) >= FREQUENT_FROM else 1
    vocabulary = Vocabulary.most_frequent(captions, min_count=min_count)
    words = vocabulary.encode_groups(data.captions)
    size = ModelConfig(len(vocabulary), maps.shape[2], 128, config.units, config.attention_dim)
    generator = make_generator(config.seed, "caption", "weights")
    initial = attention.init_weights(size, generator, maps)
    train_config = TrainConfig(
        epochs=config.epochs,
        batch_size=min(32, max(4, len(data) // 20)),
        steps=MAX_WORDS,
        learning_rate=2e-3,
    )
    with reporter.task(_("training the captioner"), config.epochs) as step:
        for row in checkpoint.rows:
            step(1, **row)
        after_epoch = _follow(sets["validation"], vocabulary, config, checkpoint, step)
        trained = train.train(
            initial, maps, words, train_config, config.seed, after_epoch, checkpoint
        )
    if checkpoint.arrays:
        losses = [row["validation_loss"] for row in checkpoint.rows]
        text = _("Kept: epoch {n} of {epochs}, with the lowest validation loss.")
        notes.append(text.format(n=int(np.argmin(losses)) + 1, epochs=config.epochs))
    card: dict[str, object] = {
        "images": len(data),
        "captions": len(captions),
        "words": len(vocabulary),
        "words_digest": digest_vocabulary(vocabulary),
        "image_features": config.features,
        "use": YOUR_OWN,
        "seed": config.seed,
        "training_loss": [round(row["loss"], 4) for row in checkpoint.rows],
    }
    return Captioner(
        "attention" if config.attention_dim else "gru",
        vocabulary,
        checkpoint.arrays or trained,
        config.features or "",
        _make_search(config.neighbors),
        card,
        CaptionRetrieval.from_features(pool_regions(maps), words) if config.neighbors else None,
        KnownData.from_training(sets["train"].maps, words, len(vocabulary)),
    )


def _note_long_captions(captions: list[str], notes: list[str]) -> None:
    if long := sum(len(caption.split()) > MAX_WORDS for caption in captions):
        text = _("Captions of more than {m} words: {n}; the words after that are ignored.")
        notes.append(text.format(n=long, m=MAX_WORDS))


def _make_search(neighbors: int) -> SearchConfig:
    if not neighbors:
        return SearchConfig(beam=3, steps=MAX_WORDS + 1)
    # The search that the development set of Flickr8k chose in practical 5 (decision 0021).
    return SearchConfig(
        20,
        MAX_WORDS + 1,
        0.5,
        reranking_temperature=0.6,
        neighbors=neighbors,
        retrieval_weight=20.0,
    )


def _read_maps(maps: np.ndarray, config: CaptionerConfig) -> np.ndarray:
    return maps if config.attention_dim else pool_regions(maps)[:, None]


def _follow(
    part: _Part,
    vocabulary: Vocabulary,
    config: CaptionerConfig,
    checkpoint: Checkpoint,
    step: Step,
) -> Callable[[int, float, attention.Parameters], None]:
    """Return what follows an epoch: log its losses, and keep the weights of the best one."""
    maps = _read_maps(part.maps, config) if len(part.images) else part.maps
    words = vocabulary.encode_groups(part.images.captions) if len(part.images) else None

    def after_epoch(_epoch: int, loss: float, weights: attention.Parameters) -> None:
        row = {"loss": float(loss)}
        if words is not None:
            row["validation_loss"] = train.mean_loss(weights, maps, words[..., : MAX_WORDS + 1])
            known = [each["validation_loss"] for each in checkpoint.rows]
            if row["validation_loss"] < min(known, default=np.inf):
                checkpoint.arrays.update({name: np.array(w) for name, w in weights.items()})
        checkpoint.rows.append(row)
        step(1, **row)

    return after_epoch


def _score(
    captioner: Captioner, part: _Part, name: str, notes: list[str]
) -> dict[str, dict[str, object]]:
    """Score captions of images that were not trained on: BLEU-4 and CIDEr-D; note both."""
    found = captioner.write(part.maps).best(captioner.vocabulary)
    references = part.images.captions
    scores = {"bleu_4": bleu(found, references, "standard")[3], "cider_d": cider(found, references)}
    values = {key: None if score.is_undefined else score.value for key, score in scores.items()}
    shown = [format_score(key, value) for key, value in values.items()]
    text = _("On {n} {split} images: BLEU-4 {bleu}, CIDEr-D {cider}.")
    split = _("test") if name == "test" else _("validation")
    notes.append(text.format(n=len(part.images), split=split, bleu=shown[0], cider=shown[1]))
    return {
        key: {
            "value": values[key],
            "recipe": score.with_recipe(split=name).signature,
        }
        for key, score in scores.items()
    }


def _choose_features(
    features: str | None, weights: Path | None, notes: list[str]
) -> tuple[str, Path | None]:
    """Return the kind of features and its weights file: MobileNetV2 if available, else "cells"."""
    if features == "cells":
        return "cells", None
    try:
        return "mobilenet_v2", weights or find_extractor_weights("mobilenet_v2")
    except DataMissing:
        if features:
            raise
        notes.append(
            _("There are no weights of MobileNetV2: the image features are colors and edges only.")
        )
        return "cells", None
