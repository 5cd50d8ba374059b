"""tp5.caption-tuned: a captioner with attention whose image net is trained for captions too.

    etabli run tp5.caption-tuned --data full

The part of the net up to ``stage`` is frozen; its output for every image, in several views, is
computed once and stored. The part above is trained together with the captioner, at a smaller
learning rate. Then captions are drawn from the captioner and rewarded by their CIDEr-D against the
captions of the training image. The development set chooses the epoch and the search. Unless
``compare`` is false, the same captioner is also trained on frozen features, and the two are
compared image by image.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
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
from etabli.models.captioning import attention, self_critical, tuning
from etabli.models.captioning.attention import ModelConfig, Parameters
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.vision import backbones
from etabli.saved_models.captioner import NET, Captioner, KnownData, pool_regions
from etabli.training import keras_io


class Settings(_captioner.CaptionerSettings):
    """The captioner with attention, and how its image net is trained."""

    epochs: int = Field(7, ge=1, le=1000, description=N_("training epochs; the best one is kept"))
    attention_dim: int = Field(256, ge=2, le=4096, description=N_("dimension of the attention"))
    stage: str = Field(
        "auto", description=N_("last frozen stage of the image net; auto: that of the net")
    )
    encoder_rate: float = Field(
        0.1, gt=0, le=1, description=N_("share of the learning rate at the image net's top layer")
    )
    lower_rate: float = Field(
        0.3, gt=0, le=1, description=N_("share of that rate at the lowest trained layer")
    )
    reward_epochs: int = Field(
        4, ge=0, le=1000, description=N_("epochs on drawn captions, rewarded by CIDEr-D; 0: none")
    )
    reward_learning_rate: float = Field(
        1e-4, gt=0, le=1, description=N_("peak learning rate of these epochs")
    )
    reward_dropout: float = Field(0.0, ge=0, lt=1, description=N_("dropout rate of these epochs"))
    draws: int = Field(5, ge=2, le=50, description=N_("captions drawn for each image"))


@dataclass(frozen=True)
class Stored:
    """The outputs of the last frozen layer: of each set, and of views of the training images."""

    data: flickr8k.Flickr8k
    net: Any
    tail: tuning.Tail
    sets: dict[str, np.ndarray]
    views: list[np.ndarray]
    features: str

    def splits(self, weights: Parameters, has_views: bool) -> _shared.CaptionSplits:
        """Return the data with the region maps that the tail computes with some weights."""
        maps_of = partial(self.tail.compute_maps, weights)
        maps = {name: maps_of(each) for name, each in self.sets.items()}
        views = [maps_of(each) for each in self.views] if has_views else []
        return _shared.CaptionSplits(self.data, maps, self.features, views)


def run(context: RunContext, settings: Settings) -> None:
    stored = load_stored(context, settings)
    captioner, weights = train(context, stored, settings)
    stored.tail.assign(weights)
    net = keras_io.save(stored.net, context.path("captioner") / NET)
    splits = stored.splits(weights, has_views=False)
    words = captioner.vocabulary.encode_groups(splits.data.train.captions)
    captioner = replace(
        captioner,
        features=str(net),
        retrieval=CaptionRetrieval.from_features(pool_regions(splits.maps["train"]), words),
        known=KnownData.from_training(splits.maps["train"], words, len(captioner.vocabulary)),
    )
    captioner, found = _captioner.finish(context, captioner, splits, settings)
    if settings.compare:
        frozen = stored.splits(stored.tail.weights, has_views=True)
        simpler = _captioner.train(context, frozen, settings, settings.attention_dim, False)
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
            dtype="float16",
            progress=step,
        )
        return found.array(names[:count])

    total = len(paths) + n_train * len(settings.views)
    with context.progress(N_("frozen part of the image net"), total=total) as step:
        plain = extract("plain", len(paths), step)
        views = [extract(view, n_train, step) for view in settings.views]
    net = backbone.build(weights)
    layer = backbones.feature_layer_name(backbone, stage)
    ends = np.cumsum([len(split) for split in splits.values()])
    sets = dict(zip(splits, np.split(plain, ends[:-1]), strict=True))
    tail = tuning.Tail(net, layer, settings.lower_rate)
    return Stored(data, net, tail, sets, views, f"{name}, trained above {stage}")


def train(context: RunContext, stored: Stored, settings: Settings) -> tuple[Captioner, Parameters]:
    """Train captioner and tail; return the captioner without retrieval, and all weights.

    The epoch with the highest CIDEr-D on the development set is kept, over both trainings.
    """
    tail, captions = stored.tail, stored.data.train.captions
    vocabulary = Vocabulary.most_frequent(stored.data.train.rows()[1], min_count=settings.min_count)
    words = vocabulary.encode_groups(captions)
    some = tail.compute_maps(tail.weights, stored.sets["train"][:: max(1, len(words) // 1000)])
    shape = ModelConfig(
        len(vocabulary), some.shape[2], settings.embedding, settings.units, settings.attention_dim
    )
    generator = make_generator(context.seed, "caption", "weights")
    start = attention.init_weights(shape, generator, some)
    captioner = Captioner("attention", vocabulary, {**start, **tail.weights}, stored.features)
    config = TrainConfig(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        dropout=settings.dropout,
        smoothing=settings.label_smoothing,
        learning_rate=settings.learning_rate,
    )
    rates = tuning.share_rates(tail, start, settings.encoder_rate)
    fit = partial(_fit, context, stored, words, rates)
    best, top = fit(captioner, config, "train", {"loss": tuning.make_joint_loss(tail, config)})
    if settings.reward_epochs:
        config = replace(
            config,
            epochs=settings.reward_epochs,
            learning_rate=settings.reward_learning_rate,
            dropout=settings.reward_dropout,
        )
        captioner = replace(captioner, arrays=best)
        options = _reward_options(context, stored, vocabulary, words, config, settings.draws)
        other, other_top = fit(captioner, config, "reward", options)
        best = other if other_top > top else best
    decoder, _tail = tuning.split_weights(best)
    return replace(captioner, arrays=decoder), best


def _reward_options(
    context: RunContext,
    stored: Stored,
    vocabulary: Vocabulary,
    words: np.ndarray,
    config: TrainConfig,
    draws: int,
) -> dict[str, Any]:
    """Return the loss and the targets of the training on drawn captions."""
    reward = self_critical.CiderReward(words, len(vocabulary))
    marks = vocabulary.start, vocabulary.end
    sampler = self_critical.make_sampler(stored.tail.apply, *marks, draws, config.steps + 1)
    return {
        "loss": self_critical.make_loss(stored.tail.apply, config),
        "targets_of": self_critical.make_targets(reward, sampler, context.seed),
    }


def _fit(
    context: RunContext,
    stored: Stored,
    words: np.ndarray,
    rates: dict[str, float],
    captioner: Captioner,
    config: TrainConfig,
    curve: str,
    options: dict[str, Any],
) -> tuple[Parameters, float]:
    """Return the weights with the highest CIDEr-D on the development set, and that score."""
    views = [stored.sets["train"], *stored.views]
    every = [each[::500] for each in views]
    key: list[object] = [vars(config), rates, curve, words, every, captioner.arrays]
    member = _captioner.train_member(
        context,
        captioner,
        stored.data.dev,
        lambda weights: stored.tail.compute_maps(weights, stored.sets["dev"]),
        views,
        words,
        config,
        context.seed,
        curve,
        key,
        rates=rates,
        **options,
    )
    history = member.pop("history")
    _captioner.note_kept(context, history, config.epochs)
    return member, float(history[:, 3].max())


EXPERIMENT = ExperimentSpec(
    name="tp5.caption-tuned",
    title=N_("A captioner whose image net is trained too"),
    measures=N_("BLEU and CIDEr-D of captions with an image net trained for captions"),
    source=N_("practical 5, exercise 4, after Rennie et al. 2017"),
    settings=Settings,
    run=run,
    headline="cider_d",
    on_sample={
        **_captioner.ON_SAMPLE,
        "attention_dim": 32,
        "epochs": 16,
        "encoder_rate": 0.03,
        "reward_epochs": 2,
        "reward_learning_rate": 0.001,
    },
    data=("flickr8k", "weights"),
    minutes=30.0,
    memory_mb=6000,
    claims=(
        Claim(
            "tuning_improves",
            N_("a better model would improve the captions: an image net trained for captions"),
            where=N_("practical 5, exercise 4"),
            data=("flickr8k",),
            **_captioner.IMPROVES,
        ),
    ),
)
