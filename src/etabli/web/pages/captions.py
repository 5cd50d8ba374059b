"""Captions of a photo with their scores, and the attention over the photo for each word."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, NoParams
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.pages.digits import encode_bytes
from etabli.web.pages.photo import decode_photo
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.saved_models.captioner import Captioner

N_CAPTIONS = 4


class PhotoCaptioner:
    """A captioner of practical 5 with its feature extractor, which takes images of ``size``."""

    def __init__(
        self,
        captioner: "Captioner",
        extract: Callable[[np.ndarray], np.ndarray],
        size: tuple[int, int],
    ) -> None:
        self.captioner, self.extract, self.size = captioner, extract, size
        self.search = replace(captioner.search, beam=max(N_CAPTIONS, captioner.search.beam))
        self._lock = threading.Lock()
        self.caption(np.full((*size, 3), 127, np.uint8))  # compile before the first photo

    def caption(self, pixels: np.ndarray) -> dict[str, object]:
        """Return the best captions: words, score and, with attention, a map for each word."""
        with self._lock:
            maps = self.extract(pixels)
            found = self.captioner.write(maps, self.search)
            codes, scores = found.words[0, :N_CAPTIONS], found.scores[0, :N_CAPTIONS]
            attention = self.captioner.attention_weights(np.repeat(maps, len(codes), axis=0), codes)
        captions: list[dict[str, object]] = []
        for k, score in enumerate(scores):
            words = self.captioner.vocabulary.decode(codes[k]).split()
            captions.append({"words": words, "score": float(score)})
            if attention is not None:
                weights = attention[k, : len(words)]
                scale = np.maximum(weights.max(axis=1, keepdims=True), 1e-9)
                captions[k]["maps"] = [encode_bytes(row) for row in weights / scale]
        side = round(maps.shape[1] ** 0.5)
        return {"grid": [side, side], "captions": captions}


def _load(found: TrainedModel) -> PhotoCaptioner:
    """Load the captioner of a run, with the feature extractor it was trained with."""
    from etabli.saved_models import captioner as saved_captioner

    captioner = saved_captioner.load(found.folder / "captioner")
    return PhotoCaptioner(captioner, *open_feature_extractor(captioner.features))


def open_feature_extractor(
    kind: str,
) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, int]]:
    """Return a function from pixels to region maps (1, 49, D), and the image size that it takes."""
    from etabli.features import regions

    if kind == "cells":
        size = (regions.IMAGE_SIZE, regions.IMAGE_SIZE)
        return lambda pixels: regions.compute_cells(pixels)[None].astype(np.float16), size

    from etabli.data.catalog.source import Source
    from etabli.features.engines import open_engine
    from etabli.models.vision.backbones import get_backbone

    net = get_backbone(kind)
    engine = open_engine(net.build(Source.full().file("weights", *net.weights.files)), batch_size=1)

    def extract(pixels: np.ndarray) -> np.ndarray:
        maps = np.asarray(engine(pixels[None]))
        return maps.reshape(1, -1, maps.shape[-1]).astype(np.float16)

    return extract, net.input_size


MODELS = (
    ModelSpec(
        "captions",
        "tp5.attention",
        ("captioner/card.json", "captioner/model.safetensors"),
        _load,
    ),
)


def caption(state: PlaygroundState, _params: NoParams, body: bytes) -> dict[str, object]:
    """Return several captions of a photo."""
    captioner: PhotoCaptioner = state.models.get("captions")
    return captioner.caption(decode_photo(body, captioner.size))


ENDPOINTS = [
    Endpoint(
        "/api/captions", caption, method="POST", upload=True, summary=N_("Captions of a photo")
    ),
]
