"""The examples of a training and the order in which each epoch reads them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from etabli.core.seeding import make_generator

__all__ = ["Augment", "DataLoader"]

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, eq=False)
class DataLoader:
    """N examples, read in batches.

    ``labels`` are class indices, or one-hot rows where the loss asks for them.

    The order of an epoch and its augmentation are drawn from (seed, epoch) alone, so that a resumed
    training needs no state of a generator.
    """

    images: np.ndarray
    labels: np.ndarray
    batch_size: int
    seed: int
    augment: Augment | None = None

    def count_batches(self) -> int:
        """Return the number of batches of an epoch, a shorter last one included."""
        return -(-len(self.images) // self.batch_size)

    def shuffle(self, epoch: int) -> np.ndarray:
        """Return the order (N,) of the examples in an epoch (from 0)."""
        return make_generator(self.seed, "order", str(epoch)).permutation(len(self.images))

    def load_images(self, epoch: int) -> np.ndarray:
        """Return the images of an epoch, augmented."""
        if self.augment is None:
            return self.images
        return self.augment(self.images, make_generator(self.seed, "augment", str(epoch)))
