"""Train the recipe of a race with many seeds, and measure the seconds of each.

``docs/tools/race.md`` has the rules. Every seed starts from images in memory and includes building,
tracing and compiling the net (from the warm cache), training, and reading the test images once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from etabli.core.atomic_files import atomic_write, lock_folder
from etabli.core.environment import describe_machine, installed_versions
from etabli.core.errors import BadSetting, CorruptFile, UnknownName
from etabli.core.hashing import compute_digest
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent, Step
from etabli.data.catalog import inventory
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.tp2 import _shared
from etabli.models.vision import augmentation, digit_classifiers
from etabli.pipelines._output import RUNS
from etabli.pipelines.race.recipe import ON_SAMPLE, Recipe, read_recipe
from etabli.pipelines.race.record import Race, SeedTime, list_rows
from etabli.training import keras_trainer

if TYPE_CHECKING:
    import keras

__all__ = ["DATA_SETS", "RECORD", "TABLE", "TARGET", "race"]

DATA_SETS = ("mnist",)
TARGET = 0.994
RECORD = "race.json"
TABLE = "race.md"
_VALIDATION = 10_000  # the last training images of MNIST; a sixth of other data

Fetch = Callable[[list[str], Source], None]


@dataclass(frozen=True)
class _Parts:
    """The images of a race: (N, H, W, 1) float32, and class indices."""

    images: np.ndarray
    labels: np.ndarray
    held_images: np.ndarray
    held_labels: np.ndarray
    n_classes: int


def race(
    dataset: str = "mnist",
    *,
    target: float = TARGET,
    seeds: int = 20,
    recipe: Path | str | Recipe | None = None,
    validation: bool = False,
    data: str = "full",
    out: Path | str | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    fetch: Fetch | None = None,
) -> tuple[Race, Path]:
    """Train a recipe with many seeds, and return accuracies, seconds, and the folder.

    Seeds that the folder has are kept: the same call resumes after an interruption.

    Args:
        dataset: "mnist".
        target: Mean accuracy to reach on the test images.
        seeds: Number of seeds, from 0.
        recipe: A recipe or its JSON file; default: the fastest that is known here, with smaller
            batches on sample data.
        validation: Train without the last training images and evaluate on these; the test images
            are not read.
        data: "full" or "sample"; the target is not about sample data.
        out: The folder; default: one named after the data and the recipe.
        overwrite: Whether a record of another recipe may be replaced.
        reporter: Shows the progress.
        fetch: Called with missing data sets.

    Returns:
        The record and the folder with ``race.json`` and ``race.md``.

    Raises:
        BadSetting: A number is out of range, or the folder holds another race.
        CorruptFile: The recipe cannot be read.
        DataMissing: MNIST or the recipe is missing.
        UnknownName: There is no such data set or setting.
    """
    if dataset not in DATA_SETS:
        raise UnknownName(_("data set"), dataset, DATA_SETS)
    if not 0 < target <= 1 or seeds < 1:
        raise BadSetting(
            _("a number is out of range"),
            expected="0 < target <= 1, seeds >= 1",
            got=f"target={target}, seeds={seeds}",
        )
    source = Source(data)  # type: ignore[arg-type]  # Source checks it
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    if recipe is None and source.is_sample:
        chosen = ON_SAMPLE
    if fetch is not None and not source.is_sample:
        fetch([dataset] if inventory.compute_download_size([dataset], source) else [], source)
    digits = mnist.load(source)
    folder = Path(out) if out is not None else _default_folder(dataset, chosen, source, validation)
    reporter = reporter or Silent()
    with lock_folder(folder):
        record = _open_record(folder, digits, chosen, validation, target, overwrite)
        missing = sorted(set(range(seeds)) - {each.seed for each in record.seeds})
        if missing:
            parts = _split(digits, validation)
            if not record.cold_compile:
                with reporter.task(_("compiling"), None):
                    record.cold_compile, record.warm_compile = _measure_compilation(chosen, parts)
            _run_seeds(record, missing, parts, folder, reporter)
        if len(record.seeds) > seeds:  # an earlier race had more
            record = record.model_copy(update={"seeds": record.seeds[:seeds]})
        else:
            _write(record, folder)
    return record, folder


def _default_folder(dataset: str, recipe: Recipe, source: Source, validation: bool) -> Path:
    """Return a folder of the recipe and the data, so that the same command resumes."""
    words = ["race", dataset, *(["sample"] if source.is_sample else [])]
    words += [*(["validation"] if validation else []), compute_digest(recipe.model_dump())[:8]]
    return RUNS / "-".join(words)


def _open_record(
    folder: Path, digits: Digits, recipe: Recipe, validation: bool, target: float, overwrite: bool
) -> Race:
    """Return the record of the folder where it is of the same race, else a new one."""
    fresh = Race(
        data=digits.name,
        data_digest=digits.digest,
        images="validation" if validation else "test",
        train_size=len(digits.train_images) - (_count_validation(digits) if validation else 0),
        target=target,
        recipe=recipe,
        machine=describe_machine(),
        packages=installed_versions(),
        cold_compile=0.0,
        warm_compile=0.0,
    )
    path = folder / RECORD
    if overwrite or not path.exists():
        return fresh
    try:
        found = Race.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise CorruptFile(
            _("{path} cannot be read as the record of a race").format(path=path),
            fix=_("Choose another folder with --out, or replace it with --overwrite."),
        ) from error
    if not found.is_same(fresh):
        raise BadSetting(
            _("{folder} already holds a race of another recipe, data, machine or version").format(
                folder=folder
            ),
            fix=_("Choose another folder with --out, or replace it with --overwrite."),
        )
    return found.model_copy(update={"target": target})


def _count_validation(digits: Digits) -> int:
    return min(_VALIDATION, len(digits.train_images) // 6)


def _split(digits: Digits, validation: bool) -> _Parts:
    if validation:
        digits = _shared.split_training_set(
            digits, len(digits.train_images) - _count_validation(digits)
        )
    height, width = digits.image_shape
    images, held = (
        mnist.flatten(each).reshape(-1, height, width, 1)
        for each in (digits.train_images, digits.test_images)
    )
    return _Parts(images, digits.train_labels, held, digits.test_labels, len(digits.classes))


def _run_seeds(
    record: Race, seeds: Sequence[int], parts: _Parts, folder: Path, reporter: Reporter
) -> None:
    """Train the missing seeds; the record is written after each of them."""
    label, epochs = _("seeds of the race"), record.recipe.epochs
    with reporter.task(label, epochs * len(seeds)) as step:
        for seed in seeds:
            record.seeds.append(_run_seed(record.recipe, parts, seed, step))
            record.seeds.sort(key=lambda each: each.seed)
            _write(record, folder)
            step(0, seed=seed, test_accuracy=record.mean)


def _run_seed(recipe: Recipe, parts: _Parts, seed: int, step: Step) -> SeedTime:
    wall, processor = time.perf_counter(), time.process_time()
    net = _train(recipe, parts, seed, recipe.epochs, lambda row: step(1))
    right = _predict(recipe, net, parts.held_images).argmax(axis=1) == parts.held_labels
    return SeedTime(
        seed=seed,
        accuracy=float(right.mean()),
        wall_seconds=round(time.perf_counter() - wall, 3),
        processor_seconds=round(time.process_time() - processor, 3),
    )


def _train(
    recipe: Recipe,
    parts: _Parts,
    seed: int,
    epochs: int,
    on_epoch: Callable[[keras_trainer.Row], None] | None = None,
) -> "keras.Model":
    """Return the net of a seed after ``epochs`` of the recipe's."""
    net = digit_classifiers.build_small_cnn(
        seed,
        layers=recipe.layers,
        shape=(*parts.images.shape[1:3], 1),
        dropout=recipe.dropout,
        classes=parts.n_classes,
        name="race",
    )
    recipe.compile(net, len(parts.images))
    keras_trainer.fit(
        net,
        parts.images,
        recipe.prepare_labels(parts.labels, parts.n_classes),
        epochs=epochs,
        batch_size=recipe.batch_size,
        seed=seed,
        augment=recipe.choose_augmentation(),
        on_epoch=on_epoch,
    )
    return net


def _predict(recipe: Recipe, net: "keras.Model", images: np.ndarray) -> np.ndarray:
    return augmentation.average_over_shifts(
        lambda views: keras_trainer.predict(net, views), images, recipe.test_shifts
    )


def _measure_compilation(recipe: Recipe, parts: _Parts) -> tuple[float, float]:
    """Return the seconds of an update and a prediction, with an empty and a filled cache."""
    few = slice(0, recipe.batch_size)
    first = _Parts(
        parts.images[few],
        parts.labels[few],
        parts.held_images[:1000],
        parts.held_labels[:1000],
        parts.n_classes,
    )

    def run() -> float:
        started = time.perf_counter()
        _predict(recipe, _train(recipe, first, 0, 1), first.held_images)
        return time.perf_counter() - started

    run()  # imports, and fills the cache
    with _without_compilation_cache():
        cold = run()
    run()
    return round(cold, 3), round(run(), 3)


@contextmanager
def _without_compilation_cache() -> Iterator[None]:
    """Let JAX compile everything again; with another backend nothing is compiled."""
    from etabli.training.backend import is_jax_backend

    if not is_jax_backend():
        yield
        return
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    def switch(enabled: bool) -> None:
        jax.config.update("jax_enable_compilation_cache", enabled)
        compilation_cache.reset_cache()

    switch(False)
    try:
        yield
    finally:
        switch(True)


def _write(record: Race, folder: Path) -> None:
    with atomic_write(folder / RECORD) as stream:
        stream.write(record.model_dump_json(indent=1) + "\n")
    with atomic_write(folder / TABLE) as stream:
        stream.write("".join(f"| {name} | {value} |\n" for name, value in list_rows(record)))
