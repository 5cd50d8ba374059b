"""Transfer learning: a linear classifier on deep features, for your own labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.core.seeding import make_generator
from etabli.data.formats import image_source
from etabli.data.formats.image_source import ImageSource
from etabli.data.formats.labeled_images import LabeledImages
from etabli.features.looks import load_looks
from etabli.features.store import Features
from etabli.features.weights import build_net_of
from etabli.models.vision import linear_head
from etabli.models.vision.linear_head import LinearClassifier
from etabli.models.vision.spectrum import Spectrum, estimate_spectrum
from etabli.models.vision.streamed_rows import StreamedRows
from etabli.pipelines import _splits, extract
from etabli.pipelines._classifier import (
    ClassifierResult,
    make_card,
    name_output,
    store_training_images,
    write_report,
)
from etabli.pipelines._output import open_output, refuse_finished_model
from etabli.pipelines._splits import MANY, Parts
from etabli.pipelines.evaluate import Evaluation, Task, score
from etabli.saved_models import classifier

L2_GRID = (1.0, 0.3, 0.1, 0.03, 0.01)
EXCLUSIVE_L2_GRID = (10.0, 3.0, *L2_GRID)
JUDGING_FOLDS = 5
_MOST_INSPECTED = 20_000  # of the images whose features do not fit into memory
Rows = np.ndarray | StreamedRows


def transfer(
    source: Path | str,
    labels: Path | str | None = None,
    out: Path | str | None = None,
    *,
    task: str = "auto",
    balance: bool = False,
    backbone: str | None = None,
    weights: Path | str | None = "imagenet",
    validation_fraction: float | None = None,
    seed: int = 0,
    stream: bool | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **source_options: Any,
) -> ClassifierResult:
    """Train a linear classifier on deep features and save it with its backbone.

    One label an image: softmax (multinomial logistic regression). Several: one-vs-rest. The L2
    regularization, and thresholds of several labels, are chosen by cross-validation on the training
    images (of 100,000 and more, on a held-out tenth), or on the validation split of the source. The
    scores are those of held-out images; where these are few, of cross-validation, and all images
    train the model.

    Args:
        source: A folder that ``etabli features`` wrote, of the layer "pool"; or labeled images,
            whose features are then extracted first.
        labels: Labeled images as ``image_source.read`` takes them; by default where the features
            were extracted from.
        out: The folder of the model; by default one named after the source.
        task: "single", "multi", or "auto" for what the labels are.
        balance: Whether all classes count alike, however many images each has.
        backbone: For images: the net; None is the best whose weights are here.
        weights: The weights that the features are extracted with.
        validation_fraction: Share of the images that is held out; None is a fifth, or
            cross-validation where that leaves a class fewer than ten.
        seed: Which images those are.
        stream: Whether the features are read from their files in every step, and not held in
            memory; None does so where they would need more than half of what is free.
        overwrite: Replace a model in ``out``.
        reporter: Shows the progress.
        source_options: Further arguments of ``image_source.read``, such as splits.

    Raises:
        BadSetting: The features are not pooled or were extracted with other weights, or ``out``
            holds a model.
        DataMissing: No image has both features and a label, or none is held out.
    """
    reporter = reporter or Silent()
    out = Path(out) if out is not None else name_output(source)
    refuse_finished_model(out, overwrite)

    def check(images: LabeledImages) -> None:
        """Raise what the training would raise, before features are extracted."""
        kind = _splits.resolve_task(images, task)
        _splits.split(images, kind, validation_fraction, seed, needs_validation=False)

    given = _open(source, labels, task, backbone, weights, reporter, check, source_options)
    images, recipe = given.source.images, given.features.recipe
    kind = _splits.resolve_task(images, task)
    parts = _splits.split(images, kind, validation_fraction, seed, needs_validation=False)
    with open_output(out, overwrite):
        net, size, model = build_net_of(given.features, weights)
        streams = _needs_stream(given.features, reporter) if stream is None else stream
        fit = _Fit(given.features, kind, balance, seed, reporter, streams)
        # More threads wait for each other where other programs compute: the products are small.
        with threadpool_limits(1):
            head, l2, evaluation = fit.run(parts, parts.remarks)
        how = "by cross-validation" if len(parts.train) < MANY else "on a held-out tenth"
        how = "on the validation images" if parts.validation else how
        kinds = {"single": "softmax", "multi": "one-vs-rest"}
        weighting = ", classes balanced" if balance else ""
        keys = ("backbone", "weights", "layer", "size", "precision")
        card = make_card(
            net,
            size,
            parts,
            evaluation,
            title=f"{net.name}, linear classifier on {images.title}",
            training=f"frozen features, {kinds[kind]}{weighting}, L2 {l2:g} {how}, seed {seed}",
            chosen=f"L2{', thresholds' if kind == 'multi' else ''}: {how}",
            features={key: recipe[key] for key in keys}
            | {"folder": str(given.features.folder.absolute())},
        )
        parts.write(out)
        store_training_images(out, parts.train, fit.rows(parts.train), seed)
        inspected = None
        if streams and len(images) > _MOST_INSPECTED:
            rows = make_generator(seed, "inspected").choice(len(images), _MOST_INSPECTED, False)
            inspected = images.select(np.sort(rows))
        report = write_report(
            out,
            evaluation,
            given.source,
            parts=parts,
            features=given.features,
            looks=load_looks(given.features, (inspected or images).names),
            title=card.title,
            inspected=inspected,
            reporter=reporter,
        )
        classifier.save(out, linear_head.attach_head(model, head, activation=card.activation), card)
    return ClassifierResult(
        out, card, evaluation.unscored, {"l2": l2, "task": kind}, given.skipped, evaluation, report
    )


@dataclass(frozen=True)
class _Given:
    """Features and labels of the same images."""

    features: Features
    source: ImageSource
    skipped: tuple[str, ...] = ()


def _open(
    source: Path | str,
    labels: Path | str | None,
    task: str,
    backbone: str | None,
    weights: Path | str | None,
    reporter: Reporter,
    check: Callable[[LabeledImages], None],
    options: dict[str, Any],
) -> _Given:
    """Open the features of a source, or extract them, and read the labels of their images."""
    skipped: tuple[str, ...] = ()
    if extract.is_features(source):
        features = Features(source)
        labels = labels or features.source
        if labels is None:
            raise BadSetting(
                _("{folder} does not say where its images are").format(folder=source),
                fix=_("Pass them, with their labels, as --labels."),
            )
        read = image_source.read(labels, task=task, known=features.names, **options)
    else:
        if not Path(source).exists():
            raise DataMissing(_("there is no folder {path}").format(path=source))
        read = image_source.read(labels or source, task=task, **options)
        read.report(reporter.print_line)
        check(read.images)
        features = extract.extract_labeled(read.images, backbone, weights, reporter)
        skipped = tuple(f"{each.name}: {each.reason}" for each in features.unreadable)
    recipe = features.recipe
    if recipe["layer"] != "pool":
        raise BadSetting(
            _("a linear classifier needs pooled features"),
            expected="--layer pool",
            got=recipe["layer"],
        )
    known = set(features.names)
    images = read.images
    kept = [row for row, name in enumerate(images.names) if name in known]
    if not kept:
        raise DataMissing(
            _("no image has both features and a label"),
            expected=_("names such as {name}").format(name=next(iter(features.names), "?")),
            fix=_("Pass to --labels the images that 'etabli features' read."),
        )
    if len(kept) < len(images):
        read = replace(read, images=images.select(kept))
    if extract.is_features(source):
        read.report(reporter.print_line)
    return _Given(features, read, skipped)


def _needs_stream(features: Features, reporter: Reporter) -> bool:
    """Return, and say, whether features would need more than half of the free memory."""
    needed, free = 4 * 4 * np.prod(features.shape, dtype=float), psutil.virtual_memory().available
    if needed <= free / 2:
        return False
    text = _(
        "The features would take {needed:.1f} of {free:.1f} GB of free memory in training: they "
        "stay in their files, and are read in every step."
    )
    reporter.print_line(text.format(needed=needed / 1e9, free=free / 1e9))
    return True


class _Fit:
    """Fits a linear classifier and has it evaluated.

    Where classes are exclusive, the L2 regularization is that with the least cross-entropy of
    held-out logits after their confidence is corrected, and the classifier gets that correction.
    """

    def __init__(
        self,
        features: Features,
        task: Task,
        balance: bool,
        seed: int,
        reporter: Reporter,
        streams: bool = False,
    ) -> None:
        self.streams = streams
        self.features, self.task, self.balance, self.seed = features, task, balance, seed
        self.is_exclusive, self.reporter = task == "single", reporter
        self.grid = EXCLUSIVE_L2_GRID if self.is_exclusive else L2_GRID
        self.spectrum: Spectrum | None = None

    def run(
        self, parts: Parts, remarks: Sequence[str]
    ) -> tuple[LinearClassifier, float, Evaluation]:
        """Return the classifier, its L2 regularization, and its evaluation."""
        train, rows = parts.train, self.rows(parts.train)
        self.spectrum = self._estimate_spectrum(rows)
        by_folds = self._judge_by_folds(rows, train.labels) if parts.test is None else None
        chosen = self._choose(rows, train.labels, parts.validation)
        head = self._fit(rows, train.labels, chosen.l2).scale(chosen.scale)
        thresholds = np.full(len(train.classes), 0.5)
        if not self.is_exclusive:
            thresholds = linear_head.choose_thresholds(
                chosen.labels, linear_head.compute_probabilities(chosen.logits, False)
            )
        judged = parts.test or train
        logits = head.logits(self.rows(judged)) if by_folds is None else by_folds
        evaluation = score(
            judged,
            linear_head.compute_probabilities(logits, self.is_exclusive),
            self.task,
            thresholds,
            seed=self.seed,
            ranks=logits,
            remarks=remarks,
        )
        return head, chosen.l2, evaluation

    def rows(self, images: LabeledImages) -> Rows:
        """Return the features of images, in memory or in their files."""
        if self.streams:
            return self.features.stream(images.names)
        return self.features.array(images.names, "float32")

    def _estimate_spectrum(self, rows: Rows) -> Spectrum:
        """Estimate the spectrum, which only sets the speed: some rows of many are enough."""
        if not isinstance(rows, StreamedRows):
            return estimate_spectrum(rows)
        generator, count = make_generator(self.seed, "spectrum"), min(len(rows), _MOST_INSPECTED)
        return estimate_spectrum(rows[generator.choice(len(rows), count, False)].array())

    def _weights(self, labels: np.ndarray) -> np.ndarray | None:
        return linear_head.balance_weights(labels, self.is_exclusive) if self.balance else None

    def _fit(self, rows: Rows, labels: np.ndarray, l2: float) -> LinearClassifier:
        return linear_head.fit(
            rows,
            labels,
            l2,
            is_exclusive=self.is_exclusive,
            weights=self._weights(labels),
            spectrum=self.spectrum,
        )

    def _choose(
        self, rows: Rows, labels: np.ndarray, validation: LabeledImages | None
    ) -> "_Chosen":
        """Choose the L2 regularization on the validation images, or by cross-validation.

        Of many images a tenth is held out instead.
        """
        if validation is not None:
            held = self.rows(validation)
            found: dict[float, np.ndarray] = {}
            with self.reporter.task(_("validation"), len(self.grid)) as step:
                for l2 in self.grid:
                    found[l2] = self._fit(rows, labels, l2).logits(held)
                    step(1, l2=l2)
                chosen = self._pick(validation.labels, found)
                step(0, l2=chosen.l2)
            return chosen
        if len(labels) >= MANY:
            with self.reporter.task(_("validation"), len(self.grid)) as step:
                chosen = self._hold_out(rows, labels, step)
                step(0, l2=chosen.l2)
            return chosen
        fold_of = self._draw_folds(labels)
        total = (int(fold_of.max()) + 1) * len(self.grid)
        with self.reporter.task(_("cross-validation"), total) as step:
            chosen = self._cross_validate(rows, labels, fold_of, step)
            step(0, l2=chosen.l2)
        return chosen

    def _hold_out(self, rows: Rows, labels: np.ndarray, step: Callable[..., None]) -> "_Chosen":
        """Choose on a tenth of the images."""
        outside = self._draw_folds(labels, 10) == 0
        found = linear_head.hold_out(
            rows,
            labels,
            outside,
            self.grid,
            is_exclusive=self.is_exclusive,
            weights=self._weights(labels),
            spectrum=self.spectrum,
            progress=step,
        )
        return self._pick(labels[outside], found)

    def _cross_validate(
        self,
        rows: Rows,
        labels: np.ndarray,
        fold_of: np.ndarray,
        step: Callable[..., None] | None = None,
    ) -> "_Chosen":
        found = linear_head.cross_validate(
            rows,
            labels,
            fold_of,
            self.grid,
            is_exclusive=self.is_exclusive,
            weights=self._weights(labels),
            spectrum=self.spectrum,
            progress=step,
        )
        return self._pick(labels, found, fold_of)

    def _pick(
        self,
        labels: np.ndarray,
        found: dict[float, np.ndarray],
        fold_of: np.ndarray | None = None,
    ) -> "_Chosen":
        """Return the L2 regularization whose held-out logits have the least loss."""
        if self.is_exclusive:
            weights = self._weights(labels)
            scaled = {
                l2: linear_head.choose_scale(labels, each, weights) for l2, each in found.items()
            }
            best = min(scaled, key=lambda l2: scaled[l2][1])
            return _Chosen(best, scaled[best][0], found[best] * scaled[best][0], labels)
        means = linear_head.average_folds(
            labels,
            found,
            np.zeros(len(labels), int) if fold_of is None else fold_of,
            lambda truth, logits: -linear_head.binary_cross_entropy(truth, logits),
        )
        best = max(means, key=lambda l2: means[l2])
        return _Chosen(best, 1.0, found[best], labels)

    def _draw_folds(self, labels: np.ndarray, folds: int = 4, purpose: str = "folds") -> np.ndarray:
        """Return the fold of each image; the images of an exclusive class are spread evenly."""
        generator, count = make_generator(self.seed, purpose), len(labels)
        folds = min(folds, max(2, count // 2))
        if not self.is_exclusive:
            return generator.permutation(np.arange(count) % folds)
        fold_of = np.empty(count, int)
        fold_of[np.lexsort((generator.random(count), labels.argmax(axis=1)))] = (
            np.arange(count) % folds
        )
        return fold_of

    def _judge_by_folds(self, rows: Rows, labels: np.ndarray) -> np.ndarray:
        """Return the logits of each image by a classifier that was trained without its fold."""
        fold_of = self._draw_folds(labels, JUDGING_FOLDS, "judging folds")
        logits = np.empty(labels.shape, np.float32)
        folds = range(int(fold_of.max()) + 1)
        with self.reporter.task(_("evaluating by cross-validation"), len(folds)) as step:
            for fold in folds:
                inside, outside = fold_of != fold, fold_of == fold
                inner = self._draw_folds(labels[inside])
                chosen = self._cross_validate(rows[inside], labels[inside], inner)
                head = self._fit(rows[inside], labels[inside], chosen.l2)
                logits[outside] = head.scale(chosen.scale).logits(rows[outside])
                step(1, l2=chosen.l2)
        return logits


@dataclass(frozen=True)
class _Chosen:
    """The L2 regularization, the factor of the logits, the scaled logits and labels held out."""

    l2: float
    scale: float
    logits: np.ndarray
    labels: np.ndarray
