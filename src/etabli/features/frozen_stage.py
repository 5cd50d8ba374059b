"""Outputs of the frozen part of a net for several views of every image."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from etabli.core.environment import count_cores
from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.features.extraction import extract_to_cache
from etabli.features.pipeline import NamedImage, make_reader
from etabli.training import data_parallel

_CHUNK = 256


class _Views(ABC):
    """Views "plain", "flip" and some crops of N images.

    Called with image indices and a generator, it returns one view of each at random; without a
    generator the plain one.
    """

    def __init__(self, crops: int) -> None:
        self.views = ["plain", "flip", *(f"crop-{number}" for number in range(crops))]

    @abstractmethod
    def _read(self, view: int, indices: np.ndarray) -> np.ndarray: ...

    def __call__(
        self, indices: np.ndarray, generator: np.random.Generator | None = None
    ) -> np.ndarray:
        if generator is None:
            return self._read(0, indices)
        chosen = generator.integers(len(self.views), size=len(indices))
        # Of a batch that several processes share, each reads only its local rows.
        local = np.zeros(len(indices), bool)
        local[data_parallel.local_rows(len(indices))] = True
        out: np.ndarray | None = None
        for view in np.unique(chosen[local]):
            here = local & (chosen == view)
            rows = self._read(view, np.asarray(indices)[here])
            if out is None:
                out = np.zeros((len(indices), *rows.shape[1:]), rows.dtype)
            out[here] = rows
        assert out is not None
        return out

    def logits(
        self, indices: np.ndarray, logits_of: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return the mean of the logits of each image and of its mirror image."""
        chunks = [indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK)]
        return np.concatenate(
            [
                (logits_of(self._read(0, chunk)) + logits_of(self._read(1, chunk))) / 2
                for chunk in chunks
            ]
        )


class FrozenFeatures(_Views):
    """Stored outputs of a layer; options are those of ``extract``. See ``_Views`` for calls."""

    def __init__(
        self,
        collection: str,
        paths: Sequence[Path],
        names: Sequence[str],
        backbone: str,
        layer: str,
        *,
        crops: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(crops)
        self.stores = []
        for view in self.views:
            stored = extract_to_cache(
                collection, paths, backbone, names=names, layer=layer, view=view, dtype="float16",
                **options,
            )  # fmt: skip
            if stored.unreadable:
                reason = stored.unreadable[0].reason.rstrip(".")
                raise DataMissing(_("an image cannot be read: {reason}").format(reason=reason))
            self.stores.append(stored)

    def _read(self, view: int, indices: np.ndarray) -> np.ndarray:
        return self.stores[view].rows(indices)


class ImageViews(_Views):
    """The pixels themselves, where the whole net is trained.

    They are decoded on demand and kept, as long as they fit into a quarter of the free memory.
    """

    def __init__(
        self, paths: Sequence[Path], names: Sequence[str], size: tuple[int, int], crops: int = 0
    ) -> None:
        super().__init__(crops)
        self.images = [NamedImage(name, path) for name, path in zip(names, paths, strict=True)]
        self.readers = [make_reader(view, size) for view in self.views]
        self._kept: dict[tuple[int, int], np.ndarray] = {}
        self._may_keep = psutil.virtual_memory().available // 4 // (3 * size[0] * size[1])

    def _read(self, view: int, indices: np.ndarray) -> np.ndarray:
        with ThreadPoolExecutor(count_cores()) as pool:
            return np.stack(list(pool.map(lambda index: self._pixels(view, int(index)), indices)))

    def _pixels(self, view: int, index: int) -> np.ndarray:
        found = self._kept.get((view, index))
        if found is None:
            found = self.readers[view](self.images[index])
            if len(self._kept) < self._may_keep:
                self._kept[view, index] = found
        return found
