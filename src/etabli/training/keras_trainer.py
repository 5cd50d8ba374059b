"""Training of compiled Keras classifiers: a row of metrics per epoch, early stopping, checkpoints.

On JAX the epochs run in the loop of ``jax_trainer``, elsewhere in Keras' own; both read the same
batches.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.training import data_parallel
from etabli.training.backend import is_jax_backend, reuse_freed_memory
from etabli.training.checkpoint import Checkpoint, model_digest, model_state, restore_model
from etabli.training.data_loader import Augment, DataLoader
from etabli.training.jax_trainer import JaxTrainer

if TYPE_CHECKING:
    import keras

__all__ = ["Row", "early_stopping", "evaluate", "fit", "predict", "score_probabilities"]

Row = dict[str, float]


def fit(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    augment: Augment | None = None,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    on_epoch: Callable[[Row], bool | None] | None = None,
    checkpoint: Path | str | None = None,
    on_resume: Callable[[list[Row]], None] | None = None,
) -> list[Row]:
    """Train a compiled model in place and return one row of metrics per epoch.

    Within ``data_parallel.use_devices`` every batch is sharded.

    Args:
        model: The compiled model.
        images: N inputs.
        labels: N class indices, or one-hot rows where the loss asks for them.
        epochs: Number of epochs.
        batch_size: Images per update.
        seed: Seed of the order and the augmentation of each epoch.
        augment: Function (images, generator) -> images of an epoch.
        validation: Images and class indices to evaluate on after every epoch.
        on_epoch: Called with the row after every epoch; training stops where it returns True.
        checkpoint: File to resume from after an interruption, to the same weights bit for bit.
        on_resume: Called with the rows of the epochs that the checkpoint holds.

    Returns:
        Rows with epoch, loss, accuracy and seconds, and with ``validation`` val_loss and
        val_accuracy.

    Raises:
        BadArray: Where images and labels differ in number.
        BadSetting: Where epochs or batch size are out of range.
    """
    if len(images) != len(labels) or len(images) == 0:
        raise BadArray(_("images and labels differ in number"), got=f"{len(images)}, {len(labels)}")
    if epochs < 1 or batch_size < 1:
        raise BadSetting(_("training needs at least one epoch and a batch size of at least 1"))
    data_parallel.check_batch_size(batch_size)
    model.optimizer.build(model.trainable_variables)
    settings = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "n": len(images)}
    saved = Checkpoint(checkpoint, model_digest(model, **settings))
    restore_model(model, saved)
    rows = saved.rows
    if rows and on_resume:
        on_resume(rows)

    def finish_epoch(epoch: int, loss: float, accuracy: float, started: float) -> bool:
        seconds = round(time.perf_counter() - started, 3)
        row = {"epoch": epoch + 1, "loss": loss, "accuracy": accuracy, "seconds": seconds}
        if validation is not None:
            row["val_loss"], row["val_accuracy"] = evaluate(model, *validation)
        rows.append(row)
        stops = data_parallel.broadcast_from_main(bool(on_epoch and on_epoch(row)))
        if checkpoint:
            saved.save(epoch + 1, model_state(model))
        return stops

    if saved.epoch < epochs:
        loader = DataLoader(images, labels, batch_size, seed, augment)
        run = _run_jax if is_jax_backend() else _run_keras
        run(model, loader, range(saved.epoch, epochs), finish_epoch)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return rows


def predict(model: "keras.Model", images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Return the model's outputs (N, K), computed in batches."""
    return np.asarray(model.predict(images, batch_size=batch_size, verbose=0))


def evaluate(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return mean cross-entropy (nats) and accuracy on labels given as class indices."""
    return score_probabilities(predict(model, images), labels)


def score_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return mean cross-entropy (nats) and accuracy of probabilities (N, K) of class indices."""
    right = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1.0)
    return float(-np.log(right).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def early_stopping(patience: int, key: str = "val_loss") -> Callable[[Row], bool]:
    """Return an ``on_epoch`` that stops after ``patience`` epochs without a new minimum of
    ``key``."""
    values: list[float] = []

    def should_stop(row: Row) -> bool:
        values.append(row[key])
        return len(values) - 1 - int(np.argmin(values)) >= patience

    return should_stop


FinishEpoch = Callable[[int, float, float, float], bool]


def _run_jax(model: "keras.Model", loader: DataLoader, epochs: range, finish: FinishEpoch) -> None:
    reuse_freed_memory()
    trainer = JaxTrainer(model, loader)
    for epoch in epochs:
        started = time.perf_counter()
        loss, accuracy = trainer.train_epoch(epoch)
        trainer.write_back()
        if finish(epoch, float(loss), float(accuracy), started):
            break


def _run_keras(
    model: "keras.Model", loader: DataLoader, epochs: range, finish: FinishEpoch
) -> None:
    import keras

    class Batches(keras.utils.PyDataset):
        def prepare(self, epoch: int) -> None:
            self.order, self.images = loader.shuffle(epoch), loader.load_images(epoch)

        def __len__(self) -> int:
            return loader.count_batches()

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            chosen = self.order[index * loader.batch_size : (index + 1) * loader.batch_size]
            return self.images[chosen], loader.labels[chosen]

    batches = Batches()
    batches.prepare(epochs.start)  # Keras reads a batch before the first epoch begins

    class FinishEpochCallback(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            self.started = time.perf_counter()
            batches.prepare(epoch)

        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            numbers = logs or {}
            self.model.stop_training = finish(
                epoch, float(numbers["loss"]), float(numbers["accuracy"]), self.started
            )

    model.fit(
        batches,
        epochs=epochs.stop,
        initial_epoch=epochs.start,
        shuffle=False,
        verbose=0,
        callbacks=[FinishEpochCallback()],
    )
