"""The MNIST sample: scikit-learn's 1,797 handwritten digits, resized to 28 x 28, as IDX files.

Source: Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits" (UCI), part of scikit-learn.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage

from etabli.data.formats import idx
from etabli.data.formats.mnist import FILES, IMAGE_SIZE

VERSION = 1
BOX = 20  # MNIST draws each digit in a 20 x 20 box and centers its mass in 28 x 28
TEST_SIZE = 360


def make(folder: Path) -> None:
    """Write the four IDX files, gzip, under MNIST's names: 1,437 training and 360 test digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    scans, labels = load_digits(return_X_y=True)
    images = enlarge(scans.reshape(-1, 8, 8) / 16)
    split = train_test_split(
        images, labels.astype(np.uint8), test_size=TEST_SIZE, stratify=labels, random_state=0
    )
    parts = dict(
        zip(("train_images", "test_images", "train_labels", "test_labels"), split, strict=True)
    )
    for part, name in FILES.items():
        idx.write(folder / f"{name}.gz", parts[part])


def enlarge(scans: np.ndarray) -> np.ndarray:
    """Resize ``(N, 8, 8)`` in [0, 1] to ``(N, 28, 28)`` uint8 by cubic splines, centered."""
    spread = np.stack(
        [ndimage.zoom(row, BOX / 8, order=3, grid_mode=True, mode="nearest") for row in np.eye(8)]
    )
    boxes = np.clip(np.einsum("iy,nij,jx->nyx", spread, scans, spread), 0, 1)
    return np.stack([_center(box) for box in np.rint(255 * boxes).astype(np.uint8)])


def _center(box: np.ndarray) -> np.ndarray:
    """Place the box in a 28 x 28 image, its center of mass in the middle (whole pixels)."""
    margin = IMAGE_SIZE - BOX
    middle = (IMAGE_SIZE - 1) / 2
    corner = [int(np.clip(np.rint(middle - at), 0, margin)) for at in ndimage.center_of_mass(box)]
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    image[corner[0] : corner[0] + BOX, corner[1] : corner[1] + BOX] = box
    return image
