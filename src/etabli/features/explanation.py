"""Where in an image a classifier found its answer, and which training images are most like it.

With the mean m of feature maps f(x, y), a linear classifier has the logit W m + b, the mean over
the places of W f(x, y), plus b: the class activation map (Zhou et al. 2016, "Learning deep features
for discriminative localization", equation 2). Fine-tuned models have a logit for each place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.data.formats import images
from etabli.data.formats.labeled_images import PRESENT, LabeledImages
from etabli.models.vision.streamed_rows import StreamedRows
from etabli.saved_models.classifier import ImageClassifier
from etabli.saved_models.training_images import TrainingImages

__all__ = ["Explainer", "Explanation", "pack_training_images"]

_MOST_STORED = 5000


@dataclass(frozen=True, eq=False)
class Explanation:
    """Probabilities (K,), a map (h, w) of each class (K, h, w), and the pooled features (D,)."""

    probabilities: np.ndarray
    maps: np.ndarray
    features: np.ndarray


class Explainer:
    """A classifier with its maps and features as further outputs."""

    def __init__(self, model: ImageClassifier) -> None:
        """Raise ``BadSetting`` for a model whose maps cannot be seen, such as an ONNX file."""
        import keras

        self.card = model.card
        net: Any = model.net
        names = {layer.name for layer in getattr(net, "layers", ())}
        if not {"classes", "pool", "probabilities"} <= names:
            raise BadSetting(
                _("--explain has no access to the layers of this model"),
                expected=_(
                    "a model that 'etabli transfer' or 'etabli finetune' made of a net of "
                    "keras.applications"
                ),
            )
        dense = net.get_layer("classes")
        by_place = "classes_by_place" in names
        maps = net.get_layer("classes_by_place" if by_place else "pool")
        maps = maps.output if by_place else maps.input
        self._kernel = None if by_place else np.asarray(dense.kernel)
        self._net = keras.Model(net.inputs[0], [net.outputs[0], maps, dense.input])

    def explain(self, pixels: np.ndarray) -> Explanation:
        """Explain the prediction for an image (height, width, 3) of the size of the input."""
        batch = pixels[None].astype(np.float32)
        probabilities, maps, features = (
            np.asarray(each)[0] for each in self._net.predict_on_batch(batch)
        )
        if self._kernel is not None:
            maps = maps @ self._kernel
        return Explanation(probabilities, np.moveaxis(maps, -1, 0), features)

    def read(self, path: Path | str) -> np.ndarray:
        """Read an image as the model takes it."""
        return images.read(path, self.card.input_size)


def pack_training_images(
    data: LabeledImages, features: np.ndarray | StreamedRows, generator: np.random.Generator
) -> TrainingImages:
    """Return the names, paths, labels and features of training images, at most 5,000.

    Args:
        data: The images.
        features: Their pooled features (N, D).
        generator: Draws the images where there are more.
    """
    rows = np.arange(len(data))
    if len(rows) > _MOST_STORED:
        rows = np.sort(generator.choice(len(rows), _MOST_STORED, replace=False))
    chosen = features[rows]
    chosen = chosen.array() if isinstance(chosen, StreamedRows) else chosen
    unit = chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-12)
    labels = [
        ", ".join(data.classes[k] for k in np.flatnonzero(data.labels[row] == PRESENT))
        for row in rows
    ]
    names: Sequence[str] = [data.names[row] for row in rows]
    paths = [str(data.paths[row].absolute()) for row in rows]
    return TrainingImages(tuple(names), tuple(paths), tuple(labels), unit.astype(np.float16))
