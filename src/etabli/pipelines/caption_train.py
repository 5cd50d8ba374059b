"""A captioner trained on a folder of your own images with captions."""

from dataclasses import dataclass, replace
from pathlib import Path

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import N_, _
from etabli.core.paths import user_cache
from etabli.core.progress import Reporter, Silent
from etabli.core.seeding import make_generator
from etabli.data.formats import caption_folder
from etabli.features.regions import KINDS, extract_region_maps
from etabli.models.captioning import attention, train
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.pipelines._output import open_output
from etabli.pipelines.caption_write import find_extractor_weights
from etabli.saved_models.captioner import Captioner, digest_vocabulary, pool_regions
from etabli.training.checkpoint import Checkpoint, checkpoint_path

__all__ = ["MAX_WORDS", "CaptionerConfig", "train_captioner"]

MAX_WORDS = 40
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
    """

    features: str | None = None
    epochs: int = 15
    units: int = 256
    attention_dim: int = 128
    neighbors: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            self.features not in (None, *KINDS)
            or min(self.epochs, self.units) < 1
            or min(self.attention_dim, self.neighbors) < 0
        ):
            raise BadSetting(
                _("the training configuration of the captioner is out of range"),
                expected=_(
                    "features {kinds}; epochs and units >= 1, attention_dim and neighbors >= 0"
                ).format(kinds=", ".join(KINDS)),
                got=self,
            )


def train_captioner(
    folder: Path | str,
    out: Path | str,
    config: CaptionerConfig | None = None,
    *,
    weights: Path | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> tuple[Captioner, list[str]]:
    """Train a captioner on the images of a folder and its ``metadata.jsonl``, and save it.

    All words are in the vocabulary if captions are few, words of five occurrences if they are many.
    An interrupted training resumes after its last whole epoch.

    Args:
        folder: images, and ``metadata.jsonl`` with ``file_name`` and ``captions``.
        out: folder of the captioner.
        config: training configuration.
        weights: weights file of MobileNetV2; by default that of the data folder.
        overwrite: replace a captioner that is already in ``out``.
        reporter: shows the progress.

    Returns:
        The captioner, and sentences that the user should read.

    Raises:
        BadSetting: ``out`` holds a model already, and ``overwrite`` is not set.
        DataMissing: there are no images, captions or weights.
    """
    config, out = config or CaptionerConfig(), Path(out)
    data = caption_folder.read_folder(folder)
    notes: list[str] = []
    features, weights = _choose_features(config.features, weights, notes)
    captions = data.rows()[1]
    long = sum(len(caption.split()) > MAX_WORDS for caption in captions)
    if long:
        notes.append(
            _("{n} captions have more than {m} words; the words after that are ignored.").format(
                n=long, m=MAX_WORDS
            )
        )
    with open_output(out, overwrite) as checkpoints:
        cache = user_cache() / "features" / f"own-{Path(folder).resolve().name}-{features}"
        maps = extract_region_maps(data.paths, data.names, features, cache, weights=weights)
        maps = maps if config.attention_dim else pool_regions(maps)[:, None]
        min_count = 5 if len(captions) >= FREQUENT_FROM else 1
        vocabulary = Vocabulary.most_frequent(captions, min_count=min_count)
        words = vocabulary.encode_groups(data.captions)
        size = ModelConfig(len(vocabulary), maps.shape[2], 128, config.units, config.attention_dim)
        generator = make_generator(config.seed, "caption", "weights")
        initial = attention.init_weights(size, generator, maps)
        key = replace(config, neighbors=0), data.names, words, features, initial["words"]
        checkpoint = Checkpoint(checkpoint_path(checkpoints, *key))
        train_config = TrainConfig(
            epochs=config.epochs,
            batch_size=min(32, max(4, len(data) // 20)),
            steps=MAX_WORDS,
            learning_rate=2e-3,
        )
        label = _("training the captioner")
        with (reporter or Silent()).task(label, config.epochs) as step:
            for row in checkpoint.rows:
                step(1, loss=row["loss"])

            def after_epoch(_epoch: int, loss: float, _weights: attention.Parameters) -> None:
                checkpoint.rows.append({"loss": float(loss)})
                step(1, loss=loss)

            trained = train.train(
                initial, maps, words, train_config, config.seed, after_epoch, checkpoint
            )
        card: dict[str, object] = {
            "trained_on": str(folder),
            "images": len(data),
            "captions": len(captions),
            "words": len(vocabulary),
            "words_digest": digest_vocabulary(vocabulary),
            "image_features": features,
            "use": YOUR_OWN,
            "seed": config.seed,
            "training_loss": [round(row["loss"], 4) for row in checkpoint.rows],
        }
        search, retrieval = SearchConfig(beam=3, steps=MAX_WORDS + 1), None
        if config.neighbors:
            # The search that the development set of Flickr8k chose in practical 5 (decision 0021).
            search = SearchConfig(
                20,
                MAX_WORDS + 1,
                0.5,
                reranking_temperature=0.6,
                neighbors=config.neighbors,
                retrieval_weight=20.0,
            )
            retrieval = CaptionRetrieval.from_features(pool_regions(maps), words)
        architecture = "attention" if config.attention_dim else "gru"
        captioner = Captioner(architecture, vocabulary, trained, features, search, card, retrieval)
        captioner.save(out)
    return captioner, notes


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
