"""What the frozen part of a net says of every image, in several views, ready to train the part above it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.features.extraction import kept
from etabli.features.pipeline import Picture, reader
from etabli.training import data_parallel

__all__ = ["Pixels", "StageMaps"]

_CHUNK = 256


class StageMaps:
    """Stored maps of N images in the views "plain" and "flip", and for training in some crops.

    Called with places and a generator it gives one view of each at random; without a generator the plain one.
    """

    def __init__(
        self,
        collection: str,
        paths: Sequence[Path],
        names: Sequence[str],
        backbone: str,
        layer: str,
        *,
        crops: int = 0,
        progress: Callable[[str, int, int], None] | None = None,
        **options: object,
    ) -> None:
        self.views = ["plain", "flip", *(f"crop-{number}" for number in range(crops))]
        self.stores = []
        for view in self.views:
            told = (
                (lambda done, total, view=view: progress(view, done, total)) if progress else None
            )
            made = kept(
                collection, paths, backbone, names=names, layer=layer, view=view, dtype="float16",
                progress=told, **options,
            )  # fmt: skip
            if made.unreadable:
                first = made.unreadable[0]
                raise DataMissing(
                    _("an image cannot be read: {reason}").format(reason=first.reason.rstrip("."))
                )
            self.stores.append(made)

    def __call__(self, places: np.ndarray, draws: np.random.Generator | None = None) -> np.ndarray:
        return _drawn(self._view, len(self.stores), places, draws)

    def logits(
        self, places: np.ndarray, logits_of: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """The mean of the logits of an image and of its mirror image."""
        return _both_sides(self._view, places, logits_of)

    def _view(self, view: int, places: np.ndarray) -> np.ndarray:
        return self.stores[view].rows(places)


class Pixels:
    """The same for a whole net that learns: pictures decoded when they are asked for."""

    def __init__(
        self, paths: Sequence[Path], names: Sequence[str], size: tuple[int, int], crops: int = 0
    ) -> None:
        self.pictures = [Picture(name, path) for name, path in zip(names, paths, strict=True)]
        self.readers = [
            reader(view, size) for view in ("plain", "flip", *(f"crop-{n}" for n in range(crops)))
        ]

    def __call__(self, places: np.ndarray, draws: np.random.Generator | None = None) -> np.ndarray:
        return _drawn(self._view, len(self.readers), places, draws)

    def logits(
        self, places: np.ndarray, logits_of: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """The mean of the logits of an image and of its mirror image."""
        return _both_sides(self._view, places, logits_of)

    def _view(self, view: int, places: np.ndarray) -> np.ndarray:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as pool:
            return np.stack(
                list(pool.map(self.readers[view], (self.pictures[place] for place in places)))
            )


def _drawn(
    view: Callable, count: int, places: np.ndarray, draws: np.random.Generator | None
) -> np.ndarray:
    if draws is None:
        return view(0, places)
    chosen = draws.integers(count, size=len(places))
    mine = np.zeros(len(places), bool)
    mine[data_parallel.local_rows(len(places))] = (
        True  # of a batch that several processes share, only one's own part is read
    )
    out = None
    for number in np.unique(chosen[mine]):
        here = mine & (chosen == number)
        rows = view(number, np.asarray(places)[here])
        out = np.zeros((len(places), *rows.shape[1:]), rows.dtype) if out is None else out
        out[here] = rows
    return out


def _both_sides(
    view: Callable, places: np.ndarray, logits_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    chunks = [places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK)]
    return np.concatenate(
        [(logits_of(view(0, chunk)) + logits_of(view(1, chunk))) / 2 for chunk in chunks]
    )
