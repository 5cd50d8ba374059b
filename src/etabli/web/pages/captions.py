"""Captions of a photo: several with their scores, and where the net looked when it wrote each word."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import replace

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Nothing
from etabli.web.model_cache import Found, Tool
from etabli.web.pages.photo import decoded
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

CANDIDATES = 4


class Describer:
    """A captioner of practical 5 with what makes its image features."""

    def __init__(self, captioner: object, see: Callable[[np.ndarray], np.ndarray]) -> None:
        self.captioner, self.see = captioner, see
        self.search = replace(captioner.search, beam=max(CANDIDATES, captioner.search.beam))
        self._lock = threading.Lock()
        self.describe(
            np.full((64, 64, 3), 127, np.uint8)
        )  # compiles, so that the first photo need not wait

    def describe(self, pixels: np.ndarray) -> dict[str, object]:
        """The best captions; for each its words, its score and, with attention, a map for every word."""
        with self._lock:
            maps = self.see(pixels)
            found = self.captioner.write(maps, self.search)
            words, scores = found.words[0, :CANDIDATES], found.scores[0, :CANDIDATES]
            looks = self.captioner.looks(np.repeat(maps, len(words), axis=0), words)
        side = round(maps.shape[1] ** 0.5)
        captions = [
            self._told(words[k], float(scores[k]), None if looks is None else looks[k])
            for k in range(len(words))
        ]
        return {"grid": [side, side], "captions": captions}

    def _told(
        self, numbers: np.ndarray, score: float, looks: np.ndarray | None
    ) -> dict[str, object]:
        spoken = self.captioner.vocabulary.decode(numbers).split()
        told: dict[str, object] = {"words": spoken, "score": score}
        if looks is not None:
            told["maps"] = [_bytes_of(looks[place]) for place in range(len(spoken))]
        return told


def _bytes_of(weights: np.ndarray) -> str:
    """The regions' weights between none and the heaviest, as bytes."""
    scaled = np.rint(255 * weights / max(float(weights.max()), 1e-9)).astype(np.uint8)
    return base64.b64encode(scaled.tobytes()).decode()


def load(found: Found) -> Describer:
    """The captioner of a run, with the eyes that it learnt with."""
    from etabli.saved_models import captioner as saved_captioner

    captioner = saved_captioner.load(found.piece / "captioner")
    return Describer(captioner, eyes(captioner.features))


def eyes(kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """From a picture (height, width, 3) to its region maps (1, 49, D), made as the captioner's own were."""
    from PIL import Image

    from etabli.features import regions

    def squashed(pixels: np.ndarray, side: int) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))

    if kind == "cells":
        return lambda pixels: regions.cells(squashed(pixels, regions.SIDE))[None].astype(np.float16)

    from etabli.data.catalog.source import Source
    from etabli.experiments.tp5._shared import WEIGHTS
    from etabli.features.engines import open_engine
    from etabli.models.vision.backbones import backbone

    net = backbone(kind)
    engine = open_engine(net.build(Source.full().file("weights", *WEIGHTS)), batch_size=1)

    def see(pixels: np.ndarray) -> np.ndarray:
        maps = np.asarray(engine(squashed(pixels, net.input_size[0])[None]))
        return maps.reshape(1, -1, maps.shape[-1]).astype(np.float16)

    return see


TOOLS = (
    Tool(
        "captions",
        "tp5.attention",
        ("captioner/captioner.json", "captioner/captioner.safetensors"),
        load,
    ),
)


def describe(studio: Studio, question: Nothing, body: bytes) -> dict[str, object]:
    """Several captions of a photo."""
    describer: Describer = studio.shelf.get("captions")
    return describer.describe(decoded(body))


ENDPOINTS = [
    Endpoint(
        "/api/captions", describe, Nothing, "POST", upload=True, says=N_("Captions of a photo")
    ),
]
