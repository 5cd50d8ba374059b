"""What ``caption-modern`` and ``attention`` share: settings, training, choice of the search."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from pydantic import Field

from etabli.core import seeding
from etabli.core.cache import Arrays
from etabli.core.i18n import N_, _
from etabli.data.formats.caption_folder import CaptionedImages
from etabli.experiments.claims import Condition
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.tp5 import _shared
from etabli.metrics.bleu import bleu
from etabli.metrics.caption_tokens import tokenize
from etabli.metrics.cider import cider, cider_d
from etabli.metrics.neighborhood_hit import bootstrap_interval
from etabli.models.captioning import attention, ensemble, reranking
from etabli.models.captioning import train as training
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.baselines import Trigram
from etabli.models.captioning.beam_search import SearchConfig, SearchResult
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.train import TrainConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.saved_models.captioner import Captioner, KnownData, pool_regions
from etabli.viz import curves

SEED_STEP = 1000
"""Distance between the seeds of the members of an ensemble."""
HISTORY = ("epoch", "loss", "dev_loss", "dev_cider_d")


class CaptionerSettings(SettingsModel):
    """Settings of a captioner with learned word embeddings."""

    min_count: int = Field(
        5, ge=1, le=1000, description=N_("occurrences a word needs to be in the vocabulary")
    )
    embedding: int = Field(256, ge=4, le=4096, description=N_("dimension of the word embeddings"))
    units: int = Field(384, ge=4, le=4096, description=N_("hidden units of the GRU"))
    epochs: int = Field(10, ge=1, le=1000, description=N_("training epochs; the best one is kept"))
    batch_size: int = Field(
        16, ge=1, le=1000, description=N_("batch size: images, with all their captions")
    )
    dropout: float = Field(
        0.4, ge=0, lt=1, description=N_("dropout rate of the inputs and outputs")
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description=N_("label smoothing"))
    learning_rate: float = Field(
        0.001, gt=0, le=1, description=N_("peak learning rate of Adam, with cosine decay")
    )
    views: tuple[str, ...] = Field(
        ("flip", "crop-1", "crop-2"),
        description=N_("augmentations of the training images: flip, or crop- and a number"),
    )
    n_ensemble: int = Field(
        1, ge=1, le=10, description=N_("members of the ensemble, which differ by their seed")
    )
    beams: tuple[int, ...] = Field(
        (3, 5), min_length=1, description=N_("beam sizes to choose from")
    )
    alphas: tuple[float, ...] = Field(
        (0.6, 0.8, 1.0),
        min_length=1,
        description=N_("exponents of the length normalization to choose from"),
    )
    reranking_beam: int = Field(20, ge=2, le=50, description=N_("beam size for reranking"))
    reranking_temperature: tuple[float, ...] = Field(
        (0.6, 1.0),
        description=N_("temperatures of the reranking to choose from; none: no reranking"),
    )
    neighbors: tuple[int, ...] = Field(
        (10, 15, 20),
        description=N_("numbers of nearest training images for reranking to choose from"),
    )
    retrieval_weight: tuple[float, ...] = Field(
        (10.0, 20.0, 40.0),
        description=N_("weights of the captions of the nearest training images to choose from"),
    )
    compare: bool = Field(
        True, description=N_("also train the simpler captioner that the claim is about")
    )


ON_SAMPLE: dict[str, object] = {
    "min_count": 1,
    "embedding": 48,
    "units": 64,
    "epochs": 24,
    "learning_rate": 0.01,
    "dropout": 0.1,
    "batch_size": 8,
    "beams": (3,),
    "alphas": (0.7,),
    "reranking_beam": 5,
    "reranking_temperature": (1.0,),
    "neighbors": (3,),
    "retrieval_weight": (10.0,),
    "views": (),
}
"""Settings on sample data that both experiments share."""


IMPROVES = {
    "confirmed_if": (Condition("gain_low", ">", 0),),
    "refuted_if": (Condition("gain_high", "<", 0),),
}
"""The conditions of a claim that ``compare`` decides: the interval of the gain excludes 0."""


def run(
    context: RunContext, settings: CaptionerSettings, attention_dim: int
) -> tuple[Captioner, _shared.CaptionSplits, SearchResult]:
    """Train a captioner, choose its search, and score and save it; return the test captions too.

    Args:
        context: the run that receives scores and model.
        settings: the settings of the experiment.
        attention_dim: dimension of the attention; 0: no attention, the mean of the region map.
    """
    splits = _shared.load_splits(context, settings.views)
    captioner = train(context, splits, settings, attention_dim)
    captioner, found = finish(context, captioner, splits, settings)
    return captioner, splits, found


def finish(
    context: RunContext,
    captioner: Captioner,
    splits: _shared.CaptionSplits,
    settings: CaptionerSettings,
) -> tuple[Captioner, SearchResult]:
    """Choose the search of a trained captioner, and score and save it.

    Args:
        context: the run that receives scores and model.
        captioner: the captioner.
        splits: the data, with the region maps that the captioner reads.
        settings: the searches to choose from.

    Returns:
        The captioner with its search, and the captions of the test images.
    """
    captioner = replace(captioner, search=choose_search(context, captioner, splits, settings))
    test, maps = splits.split("test")
    found = captioner.write(maps)
    captions = found.best(captioner.vocabulary)
    _shared.score_captions(context, captions, test.captions, captioner.search.describe())
    card = _shared.make_card(context, splits)
    replace(captioner, card=card).save(context.path("captioner"))
    return captioner, found


def compare(
    context: RunContext,
    claim: str,
    captions: Sequence[str],
    simpler: Captioner,
    splits: _shared.CaptionSplits,
    settings: CaptionerSettings,
) -> None:
    """Compare with a simpler captioner, image by image, and evaluate the claim that it is worse.

    Both read the same features, and the search of each was chosen among the same ones on the
    development set; the interval is that of the paired bootstrap over the test images.

    Args:
        context: the run that receives the scores and the claim.
        claim: key of the claim, with the conditions ``IMPROVES``.
        captions: captions of the test images.
        simpler: the captioner to compare with.
        splits: the data.
        settings: the searches to choose from.
    """
    search = choose_search(context, simpler, splits, settings, is_shown=False)
    test, maps = splits.split("test")
    others = simpler.write(maps, search).best(simpler.vocabulary)
    ours, theirs = (cider_d(*tokenize(each, test.captions)) for each in (captions, others))
    low, high = bootstrap_interval(ours - theirs, context.seed)
    score = cider(others, test.captions, decoding=search.describe(), net=simpler.architecture)
    context.score("cider_d_baseline", score)
    gain = float((ours - theirs).mean())
    context.claim(
        claim,
        _(
            "CIDEr-D {ours:.3f}, of the simpler captioner with the same features {theirs:.3f}: "
            "{gain:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
        ).format(ours=ours.mean(), theirs=theirs.mean(), gain=gain, low=low, high=high),
        gain_low=low,
        gain_high=high,
    )


def train(
    context: RunContext,
    splits: _shared.CaptionSplits,
    settings: CaptionerSettings,
    attention_dim: int,
    is_shown: bool = True,
) -> Captioner:
    """Train every member of the ensemble; return the captioner with caption retrieval.

    Args:
        context: the run.
        splits: the data.
        settings: training configuration.
        attention_dim: dimension of the attention; 0: no attention, the mean of the region map.
        is_shown: whether the histories and the epochs that were kept are recorded.
    """
    train_set = splits.data.train
    vocabulary = Vocabulary.most_frequent(train_set.rows()[1], min_count=settings.min_count)
    words = vocabulary.encode_groups(train_set.captions)

    def read(maps: np.ndarray) -> np.ndarray:
        return maps if attention_dim else pool_regions(maps)[:, None]

    maps = [read(each) for each in (splits.maps["train"], *splits.views)]
    shape = ModelConfig(
        len(vocabulary), maps[0].shape[2], settings.embedding, settings.units, attention_dim
    )
    config = TrainConfig(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        dropout=settings.dropout,
        smoothing=settings.label_smoothing,
        learning_rate=settings.learning_rate,
    )
    captioner = Captioner("attention" if attention_dim else "gru", vocabulary, {}, splits.features)
    members, dev, read_dev = [], splits.data.dev, read(splits.maps["dev"])

    def dev_maps(_weights: attention.Parameters) -> np.ndarray:
        return read_dev

    for number in range(settings.n_ensemble):
        seed, curve = (
            context.seed + SEED_STEP * number,
            f"train-{number + 1}" if number else "train",
        )
        curve = curve if is_shown else ""
        generator = seeding.make_generator(seed, "caption", "weights")
        new = replace(captioner, arrays=attention.init_weights(shape, generator, maps[0]))
        every = [each[::500] for each in maps]
        key = [asdict(config), asdict(shape), settings.views, seed, words, every]
        member = context.cached(
            "captioner",
            key,
            partial(
                train_member, context, new, dev, dev_maps, maps, words, config, seed, curve, key
            ),
        )
        history = member.pop("history")
        members.append(member)
        if not is_shown:
            continue
        if not context.history(curve):
            for row in history.tolist():
                context.log(curve, **dict(zip(HISTORY, row, strict=True)))
        note_kept(context, history, config.epochs)
    retrieval = CaptionRetrieval.from_features(pool_regions(splits.maps["train"]), words)
    known = KnownData.from_training(splits.maps["train"], words, len(vocabulary))
    arrays = ensemble.merge_weights(members)
    return replace(captioner, arrays=arrays, retrieval=retrieval, known=known)


def note_kept(context: RunContext, history: np.ndarray, epochs: int) -> None:
    """Say which epoch of a training was kept."""
    context.note(
        _(
            "Kept: epoch {n} of {epochs}, with the highest CIDEr-D on the development set (greedy)."
        ).format(n=int(history[history[:, 3].argmax(), 0]), epochs=epochs)
    )


def train_member(
    context: RunContext,
    captioner: Captioner,
    dev: CaptionedImages,
    dev_maps_of: Callable[[attention.Parameters], np.ndarray],
    views: list[np.ndarray],
    words: np.ndarray,
    config: TrainConfig,
    seed: int,
    curve: str,
    key: list[object],
    **options: Any,
) -> Arrays:
    """Train one network, and keep the epoch with the highest CIDEr-D on the development set.

    Args:
        context: the run that shows progress and logs the history.
        captioner: the captioner with the initial weights.
        dev: the development set.
        dev_maps_of: from the weights to what the network reads of the images of that set.
        views: what the training reads of the training images and of their augmented views.
        words: (N, R, T + 1) training captions as word numbers.
        config: training configuration.
        seed: seed of this member.
        curve: name of the history; empty for a captioner to compare with, which has none.
        key: all that makes two trainings different.
        options: further arguments of ``etabli.models.captioning.train.train``.

    Returns:
        Weights of the best epoch, and "history" (epochs, 4) with the columns ``HISTORY``.
    """
    vocabulary = captioner.vocabulary
    dev_words = vocabulary.encode_groups(dev.captions)
    checkpoint = context.checkpoint("captioner", *key, captioner.arrays["words"])
    title = context.experiment.title if curve else N_("the simpler captioner, to compare with")
    with context.progress(title, total=config.epochs, is_epochs=True) as step:

        def after_epoch(epoch: int, loss: float, weights: attention.Parameters) -> None:
            now = {name: np.array(array) for name, array in weights.items()}
            dev_maps = dev_maps_of(now)
            found = replace(captioner, arrays=now).write(dev_maps, SearchConfig(1))
            dev_loss = training.mean_loss(now, dev_maps, dev_words)
            # Where CIDEr-D is undefined (one image), all epochs are alike and the first is kept.
            dev_cider = float(np.nan_to_num(cider(found.best(vocabulary), dev.captions).value))
            if dev_cider > max((row["dev_cider_d"] for row in checkpoint.rows), default=-np.inf):
                checkpoint.arrays.update(now)
            row = dict(zip(HISTORY, (epoch, loss, dev_loss, dev_cider), strict=True))
            context.log_and_checkpoint(checkpoint, curve, **row)
            step(1, loss=loss, dev_loss=dev_loss, dev_cider_d=dev_cider)

        context.resume(checkpoint, step, curve)
        weights = captioner.arrays
        training.train(weights, views, words, config, seed, after_epoch, checkpoint, **options)
    history = np.array([[row[name] for name in HISTORY] for row in checkpoint.rows])
    return {**checkpoint.arrays, "history": history}


def choose_search(
    context: RunContext,
    captioner: Captioner,
    splits: _shared.CaptionSplits,
    settings: CaptionerSettings,
    is_shown: bool = True,
) -> SearchConfig:
    """Return the search with the greatest sum of BLEU-1 to 4 and CIDEr-D on the development set."""
    dev, maps = splits.split("dev")
    plain = [
        SearchConfig(beam, alpha=alpha) for beam in settings.beams for alpha in settings.alphas
    ]

    # All rerankings start from one wide beam, whose captions are compared once.
    wide = SearchConfig(settings.reranking_beam, alpha=0.5)
    reranked = [
        replace(wide, reranking_temperature=temperature)
        for temperature in settings.reranking_temperature
    ]
    reranked += [
        replace(search, neighbors=number, retrieval_weight=weight)
        for search, number, weight in product(
            reranked, settings.neighbors, settings.retrieval_weight
        )
    ]
    beams = [SearchConfig(1, alpha=0.0), *plain, *([wide] if reranked else [])]
    found = dict(zip(beams, captioner.write_each(maps, beams), strict=True))
    if reranked:
        most = max(search.neighbors for search in reranked)
        judged = captioner.judge(maps, found[wide], most)
        found |= {search: reranking.rerank(judged, search) for search in reranked}

    rows, sums = [], {}
    for search, each in found.items():
        captions = each.best(captioner.vocabulary)
        scores = [*bleu(captions, dev.captions, "standard"), cider(captions, dev.captions)]
        values = [score.value for score in scores]
        rows.append([search.describe(), *map(_shared.round_score, values)])
        sums[search] = float(np.nansum(values))
    best = max(
        (search for search in sums if search.beam > 1), key=sums.__getitem__, default=plain[0]
    )
    if not is_shown:
        return best
    context.table(
        "search",
        title=N_("Searches compared on the development set"),
        columns=[N_("search"), *(f"BLEU-{n} standard" for n in range(1, 5)), "CIDEr-D"],
        rows=rows,
        caption=N_(
            "The search with the greatest sum of the five scores is used on the test set; "
            "greedy search is listed for comparison."
        ),
    )
    context.note(_("Chosen: {search}.").format(search=best.describe()))
    note_edges(context, best, settings)
    return best


def note_edges(context: RunContext, best: SearchConfig, settings: CaptionerSettings) -> None:
    """Say which chosen values are the largest or the smallest of those to choose from."""
    grids: dict[str, tuple[float, Sequence[float]]] = {"beams": (best.beam, settings.beams)}
    if best.reranking_temperature:
        grids = {
            "reranking_temperature": (best.reranking_temperature, settings.reranking_temperature),
            "neighbors": (best.neighbors, settings.neighbors if best.neighbors else ()),
            "retrieval_weight": (
                best.retrieval_weight,
                settings.retrieval_weight if best.neighbors else (),
            ),
        }
    else:
        grids["alphas"] = best.alpha, settings.alphas
    context.note_edges(grids)


def show(
    context: RunContext, captioner: Captioner, splits: _shared.CaptionSplits, found: SearchResult
) -> None:
    """Show the learning curves, all captioners, and the gallery."""
    with context.figure(
        "learning",
        title=N_("Training"),
        caption=N_(
            "Training loss with dropout and label smoothing, development loss without either."
        ),
    ) as axes:
        names = {"loss": _("training"), "dev_loss": _("development")}
        curves.plot_learning_curves(
            context.history("train"), names, y_label=_("loss (nats per word)"), ax=axes
        )
    maps, vocabulary = splits.maps["test"], captioner.vocabulary
    captions = {captioner.search: found.best(vocabulary)}
    for search in (replace(captioner.search, neighbors=0), SearchConfig(1)):
        if search in captions:
            continue
        if search.reranking_temperature:  # the same beams, ranked without the training images
            ranked = reranking.rerank(captioner.judge(maps, found.by_score()), search)
        else:
            ranked = captioner.write(maps, search)
        captions[search] = ranked.best(vocabulary)
    name = _("this captioner, {search}")
    captioners = {name.format(search=search.describe()): each for search, each in captions.items()}
    words = vocabulary.encode_groups(splits.data.train.captions)
    trigram = Trigram(words.reshape(-1, words.shape[-1]), vocabulary).caption()
    _shared.show_baselines(context, splits, captioners, trigram)
    _shared.show_gallery(context, splits, captions[captioner.search])
