"""The thousand ImageNet classes on the features of MobileNetV2, with class activation maps."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.data.catalog.source import Source
from etabli.data.formats import text_file

HEAD, LABELS = "mobilenet_v2_imagenet_head.npz", "imagenet_labels.txt"


@dataclass(frozen=True, eq=False)
class ImageNetHead:
    """The last layer of MobileNetV2: names of K classes, kernel (D, K), bias (K,)."""

    names: tuple[str, ...]
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def load(cls) -> "ImageNetHead":
        """Load it from the data folder. Raises ``DataMissing`` where it is not there."""
        place = Source.full()
        names = text_file.read(place.file("weights", LABELS)).lines
        with np.load(place.file("weights", HEAD), allow_pickle=False) as stored:
            return cls(tuple(names), stored["kernel"], stored["bias"])

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities (N, K) of pooled features (N, D)."""
        from etabli.models.vision.backbones import build_imagenet_head

        return build_imagenet_head(self.kernel, self.bias)(features)

    def activation_maps(self, maps: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return the class activation maps (C, L) of classes (C,) for region maps (L, D).

        Their mean over the regions is the logit without its bias. Zhou et al. 2016, "Learning deep
        features for discriminative localization", equation 2.
        """
        return (maps.astype(np.float32) @ self.kernel[:, classes]).T


def find_weights_files() -> list[Path] | None:
    """Return the files of head, names and net; None where one of them is not in the data folder."""
    folder = Source.full().path("weights")
    if not (folder / HEAD).is_file():
        return None
    from etabli.features.regions import WEIGHTS

    files = [folder / HEAD, folder / LABELS]
    files += [folder / name for name in WEIGHTS if (folder / name).is_file()][:1]
    return files if len(files) == 3 and files[1].is_file() else None
