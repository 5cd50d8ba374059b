"""tp5.caption-tuned: a captioner with attention whose image encoder is trained for captions too.

    etabli run tp5.caption-tuned --data full

The part of the net up to ``stage`` is frozen; its output for every image, in several views, is
computed once and stored. The part above is trained together with the captioner, at a smaller
learning rate. The development set chooses the epoch and the search. Unless ``compare`` is false,
the same captioner is also trained with the whole image encoder frozen, and the two are compared
image by image.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_
from etabli.core.seeding import make_generator
from etabli.data.formats import flickr8k
from etabli.experiments.claims import Claim
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp5 import _captioner, _shared
from etabli.features import finetune_data
from etabli.features.extraction import extract_to_cache
from etabli.features.regions import WEIGHTS
from etabli.models.captioning import attention, tuning
from etabli.models.captioning.attention import ModelConfig, Parameters
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.vision import backbones
from etabli.saved_models.captioner import NET, Captioner, KnownData, pool_regions
from etabli.training import keras_io


class Settings(_captioner.CaptionerSettings):
    """The captioner with attention, and how its image encoder is trained."""

    epochs: int = Field(7, ge=1, le=1000, description=N_("training epochs; the best one is kept"))
    image_size: int = Field(320, ge=32, le=1024, description=N_("side of the input, in pixels"))
    attention_dim: int = Field(256, ge=2, le=4096, description=N_("dimension of the attention"))
    reranking_beam: int = Field(40, ge=2, le=50, description=N_("beam size for reranking"))
    stage: str = Field(
        "auto", description=N_("last frozen stage of the image encoder; auto: that of the net")
    )
    encoder_rate: float = Field(
        0.1, gt=0, le=1, description=N_("share of the learning rate at the encoder's top layer")
    )
    lower_rate: float = Field(
        0.3, gt=0, le=1, description=N_("share of that rate at the lowest trained layer")
    )


@dataclass(frozen=True)
class Stored:
    """The outputs of the last frozen layer: of each set, and of views of the training images."""

    data: flickr8k.Flickr8k
    net: Any
    tail: tuning.Tail
    sets: dict[str, np.ndarray]
    views: list[np.ndarray]
    features: str

    def splits(self, weights: Parameters) -> _shared.CaptionSplits:
        """Return the data with the region maps that the tail computes with some weights."""
        maps = {name: self.tail.compute_maps(weights, each) for name, each in self.sets.items()}
        return _shared.CaptionSplits(self.data, maps, self.features, [])


def run(context: RunContext, settings: Settings) -> None:
    stored = load_stored(context, settings)
    captioner, weights, splits = train(context, stored, settings)
    stored.tail.assign(weights)
    net = keras_io.save(stored.net, context.path("captioner") / NET)
    captioner = replace(captioner, features=str(net))
    captioner, found = _captioner.finish(context, captioner, splits, settings)
    if settings.compare:
        simpler, _weights, frozen = train(context, stored, settings, is_tail_frozen=True)
        captions = found.best(captioner.vocabulary)
        _captioner.compare(context, "tuning_improves", captions, simpler, frozen, settings)
    if context.is_first_seed:
        _captioner.show(context, captioner, splits, found)


def load_stored(context: RunContext, settings: Settings) -> Stored:
    """Compute the output of the frozen part for every image and view, or read it from the cache.

    The net is MobileNetV2; on sample data a small one with random weights.
    """
    data = flickr8k.load(context.source)
    name = "small_residual" if context.is_sample else "mobilenet_v2"
    weights = None if context.is_sample else context.source.file("weights", *WEIGHTS)
    stage, backbone = (
        finetune_data.resolve_stage(name, settings.stage),
        backbones.get_backbone(name),
    )
    size = (settings.image_size, settings.image_size)
    splits = {"train": data.train, "dev": data.dev, "test": data.test}
    paths = [path for split in splits.values() for path in split.paths]
    names = [each for split in splits.values() for each in split.names]
    n_train = len(data.train)

    def extract(view: str, count: int, step: Callable[[int], None]) -> np.ndarray:
        found = extract_to_cache(
            "drawn-scenes" if context.is_sample else "flickr8k",
            paths[:count],
            name,
            names=names[:count],
            weights=weights,
            layer=stage,
            view=view,
            size=size,
            dtype="float16",
            progress=step,
        )
        return found.array(names[:count])

    total = len(paths) + n_train * len(settings.views)
    with context.progress(N_("frozen part of the image encoder"), total=total) as step:
        plain = extract("plain", len(paths), step)
        views = [extract(view, n_train, step) for view in settings.views]
    net = backbone.build(weights, size=size)
    layer = backbones.feature_layer_name(backbone, stage)
    ends = np.cumsum([len(split) for split in splits.values()])
    sets = dict(zip(splits, np.split(plain, ends[:-1]), strict=True))
    tail = tuning.Tail(net, layer, settings.lower_rate)
    return Stored(data, net, tail, sets, views, f"{name}, trained above {stage}")


def train(
    context: RunContext, stored: Stored, settings: Settings, *, is_tail_frozen: bool = False
) -> tuple[Captioner, Parameters, _shared.CaptionSplits]:
    """Train captioner and tail; keep the epoch with the highest CIDEr-D on the development set.

    Args:
        context: The run.
        stored: The data, and the outputs of the frozen part.
        settings: How to train.
        is_tail_frozen: Whether only the captioner is trained, from the same images and views; its
            history is not shown.

    Returns:
        The captioner with caption retrieval, the weights of both, and the data with the region maps
        that these compute.
    """
    tail = stored.tail
    vocabulary = Vocabulary.most_frequent(stored.data.train.rows()[1], min_count=settings.min_count)
    words = vocabulary.encode_groups(stored.data.train.captions)
    some = tail.compute_maps(tail.weights, stored.sets["train"][:: max(1, len(words) // 1000)])
    shape = ModelConfig(
        len(vocabulary), some.shape[2], settings.embedding, settings.units, settings.attention_dim
    )
    start = attention.init_weights(shape, make_generator(context.seed, "caption", "weights"), some)
    config = TrainConfig(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        dropout=settings.dropout,
        smoothing=settings.label_smoothing,
        learning_rate=settings.learning_rate,
    )
    captioner = Captioner("attention", vocabulary, {**start, **tail.weights}, stored.features)
    views = [stored.sets["train"], *stored.views]
    rates = tuning.share_rates(tail, start, settings.encoder_rate)
    key = [asdict(config), rates, is_tail_frozen, words, [each[::500] for each in views]]
    weights = _captioner.train_member(
        context,
        captioner,
        stored.data.dev,
        lambda weights: tail.compute_maps(weights, stored.sets["dev"]),
        views,
        words,
        config,
        context.seed,
        "" if is_tail_frozen else "train",
        key,
        rates=rates,
        loss=tuning.make_joint_loss(tail, config, is_tail_frozen),
    )
    history = weights.pop("history")
    if not is_tail_frozen:
        _captioner.note_kept(context, history, config.epochs)
    decoder, _tail = tuning.split_weights(weights)
    splits = stored.splits(weights)
    captioner = replace(
        captioner,
        arrays=decoder,
        retrieval=CaptionRetrieval.from_features(pool_regions(splits.maps["train"]), words),
        known=KnownData.from_training(splits.maps["train"], words, len(vocabulary)),
    )
    return captioner, weights, splits


EXPERIMENT = ExperimentSpec(
    name="tp5.caption-tuned",
    title=N_("A captioner whose image encoder is trained too"),
    measures=N_("BLEU and CIDEr-D of captions with an image encoder trained for captions"),
    source=N_("practical 5, exercise 4"),
    settings=Settings,
    run=run,
    headline="cider_d",
    seeds=3,
    on_sample={
        **_captioner.ON_SAMPLE,
        "attention_dim": 32,
        "epochs": 16,
        "encoder_rate": 0.03,
        "image_size": 96,
    },
    data=("flickr8k", "weights"),
    minutes=35.0,
    memory_mb=9000,
    claims=(
        Claim(
            "tuning_improves",
            N_("a better model would improve the captions: an image encoder trained for captions"),
            where=N_("practical 5, exercise 4"),
            data=("flickr8k",),
            **_captioner.IMPROVES,
        ),
    ),
)
