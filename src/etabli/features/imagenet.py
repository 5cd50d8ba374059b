"""The thousand ImageNet classes on the features of MobileNetV2, with class activation maps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.data.formats import text_file
from etabli.models.vision.backbones import BACKBONES, build_imagenet_head

CONVERTED, OFFICIAL = BACKBONES["mobilenet_v2"].weights.files
HEADS = {
    CONVERTED: ("mobilenet_v2_imagenet_head.npz", "imagenet_labels.txt"),
    OFFICIAL: (OFFICIAL.replace("_no_top", ""), "imagenet_class_index.json"),
}
"""The files of the last layer and of the names that belong to each file of the net."""
N_CLASSES = 1000


@dataclass(frozen=True, eq=False)
class ImageNetHead:
    """The last layer of MobileNetV2: names of K classes, kernel (D, K), bias (K,).

    Class 0 is "background", as in the TensorFlow Lite model; in Keras it has
    probability 0.
    """

    names: tuple[str, ...]
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def load(cls) -> "ImageNetHead":
        """Load the layer that belongs to the net in the data folder.

        Raises:
            DataMissing: The data folder does not contain it.
            CorruptFile: A file is not what its name says.
        """
        place = Source.full()
        net = _find_net(place.path("weights"))
        head, names = (place.file("weights", name) for name in HEADS[net])
        return _read_official(head, names) if net == OFFICIAL else _read_converted(head, names)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities (N, K) of pooled features (N, D)."""
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
    net = _find_net(folder)
    files = [folder / name for name in (*HEADS[net], net)]
    return files if all(path.is_file() for path in files) else None


def _find_net(folder: Path) -> str:
    return CONVERTED if (folder / CONVERTED).is_file() else OFFICIAL


def _read_converted(head: Path, names: Path) -> ImageNetHead:
    with np.load(head, allow_pickle=False) as stored:
        return ImageNetHead(tuple(text_file.read(names).lines), stored["kernel"], stored["bias"])


def _read_official(head: Path, names: Path) -> ImageNetHead:
    """Read the last layer from the file that Keras publishes, and the names from its index."""
    import h5py

    found: dict[str, np.ndarray] = {}

    def keep(_name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape[-1:] == (N_CLASSES,):
            found["kernel" if item.ndim == 2 else "bias"] = np.asarray(item, np.float32)

    try:
        with h5py.File(head, "r") as file:
            file.visititems(keep)
        index = parse_json(names.read_bytes())
        words = [index[str(k)][1].replace("_", " ") for k in range(N_CLASSES)]
        kernel, bias = found["kernel"], found["bias"]
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{head} or {names} is damaged").format(head=head.name, names=names.name),
            got=type(error).__name__,
            fix=_("Remove both, then: etabli data fetch weights"),
        ) from error
    kernel = np.concatenate([np.zeros((len(kernel), 1), np.float32), kernel], axis=1)
    return ImageNetHead(("background", *words), kernel, np.append(np.float32(-np.inf), bias))
