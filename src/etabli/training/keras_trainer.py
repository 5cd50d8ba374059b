"""Training a compiled Keras classifier: live numbers, early stop, checkpoints that resume to the same result.

On JAX the epochs run in our own loop (`jax_loop`), elsewhere in Keras' own. Both see the same batches: the order of
epoch e is drawn from (seed, e) alone, and so is its augmentation, so that a resumed training needs no other memory.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.training import checkpoint as checkpoints
from etabli.training import data_parallel
from etabli.training.backend import is_jax_backend

if TYPE_CHECKING:
    import keras

Row = dict[str, float]
Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, eq=False)
class Course:
    """What a training is made of. ``labels`` are class indices, or one-hot rows where the loss asks for them."""

    images: np.ndarray
    labels: np.ndarray
    epochs: int
    batch_size: int
    seed: int
    augment: Augment | None = None

    def batches(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """The order of the examples in an epoch (from 0)."""
        return make_generator(self.seed, "order", str(epoch)).permutation(len(self.images))

    def seen(self, epoch: int) -> np.ndarray:
        """The images as an epoch sees them."""
        if self.augment is None:
            return self.images
        return self.augment(self.images, make_generator(self.seed, "augment", str(epoch)))


def fit(
    model: "keras.Model", images: np.ndarray, labels: np.ndarray, *, epochs: int, batch_size: int, seed: int = 0,
    augment: Augment | None = None, validation: tuple[np.ndarray, np.ndarray] | None = None,
    on_epoch: Callable[[Row], bool | None] | None = None, checkpoint: Path | str | None = None,
    on_resume: Callable[[list[Row]], None] | None = None,
) -> list[Row]:  # fmt: skip
    """Train a compiled model in place; returns one row an epoch: epoch, loss, accuracy, seconds (and val_...).

    After each epoch ``on_epoch`` gets the row; where it returns True the training stops. ``checkpoint`` is a file
    that holds the training after its last whole epoch: an interrupted training goes on from there, to the same
    weights bit for bit, and ``on_resume`` gets the rows of the epochs that are behind it; a file of another training
    is not read. Under ``spread.over`` every batch is dealt out.
    """
    if len(images) != len(labels) or len(images) == 0:
        raise BadArray(
            _("images and labels do not belong together"), got=f"{len(images)}, {len(labels)}"
        )
    if epochs < 1 or batch_size < 1:
        raise BadSetting(_("a training needs at least one epoch of batches of at least one image"))
    data_parallel.check_batch_size(batch_size)
    course = Course(images, labels, epochs, batch_size, seed, augment)
    model.optimizer.build(model.trainable_variables)
    recipe = checkpoints.recipe(
        model, epochs=epochs, batch_size=batch_size, seed=seed, n=len(images)
    )
    if checkpoint:
        data_parallel.broadcast_file(checkpoint)
    rows = checkpoints.load(model, checkpoint, recipe) if checkpoint else []

    if rows and on_resume:
        on_resume(rows)

    def ended(row: Row) -> bool:
        if validation is not None:
            loss, accuracy = evaluate(model, *validation)
            row.update(val_loss=loss, val_accuracy=accuracy)
        rows.append(row)
        stop = data_parallel.broadcast_from_main(bool(on_epoch and on_epoch(row)))
        if checkpoint and data_parallel.is_main_process():
            checkpoints.save(model, checkpoint, recipe, rows)
        return stop

    if len(rows) < epochs:
        (_jax if is_jax_backend() else _keras)(model, course, len(rows), ended)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return rows


def predict(model: "keras.Model", images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """(N, K): the model's outputs, in batches."""
    return np.asarray(model.predict(images, batch_size=batch_size, verbose=0))


def evaluate(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """(mean cross-entropy in nats, share of right classes) on labels given as class indices."""
    probabilities = predict(model, images)
    right = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1.0)
    return float(-np.log(right).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def patience(epochs: int, key: str = "val_loss") -> Callable[[Row], bool]:
    """An ``on_epoch`` that stops when ``key`` has not fallen below its lowest for so many epochs."""
    best: list[float] = []

    def stop(row: Row) -> bool:
        best.append(row[key])
        return len(best) - 1 - int(np.argmin(best)) >= epochs

    return stop


def _jax(model: "keras.Model", course: Course, done: int, ended: Callable[[Row], bool]) -> None:
    from etabli.training.jax_trainer import JaxLoop

    loop = JaxLoop(model, course)
    for epoch in range(done, course.epochs):
        started = time.perf_counter()
        loss, accuracy = loop.epoch(epoch)
        loop.write_back()
        if ended(_row(epoch, loss, accuracy, started)):
            break


def _keras(model: "keras.Model", course: Course, done: int, ended: Callable[[Row], bool]) -> None:
    import keras

    class Batches(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__()
            self.deal(done)

        def deal(self, epoch: int) -> None:
            self.order, self.images = course.order(epoch), course.seen(epoch)

        def __len__(self) -> int:
            return course.batches()

        def __getitem__(self, index: int):
            chosen = self.order[index * course.batch_size : (index + 1) * course.batch_size]
            return self.images[chosen], course.labels[chosen]

    batches = Batches()

    class Ended(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None) -> None:
            self.started = time.perf_counter()
            batches.deal(epoch)

        def on_epoch_end(self, epoch, logs=None) -> None:
            self.model.stop_training = ended(
                _row(epoch, logs["loss"], logs["accuracy"], self.started)
            )

    model.fit(
        batches,
        epochs=course.epochs,
        initial_epoch=done,
        shuffle=False,
        verbose=0,
        callbacks=[Ended()],
    )


def _row(epoch: int, loss: float, accuracy: float, started: float) -> Row:
    seconds = round(time.perf_counter() - started, 3)
    return {
        "epoch": epoch + 1,
        "loss": float(loss),
        "accuracy": float(accuracy),
        "seconds": seconds,
    }
