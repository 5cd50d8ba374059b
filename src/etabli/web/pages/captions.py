"""Captions of a photo with their scores, and the attention over the photo for each word."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, NoParams, Params
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.own_models import OwnName
from etabli.web.pages.digits import encode_bytes
from etabli.web.pages.photo import decode_photo, describe_familiarity
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.features.imagenet import ImageNetHead
    from etabli.saved_models.captioner import Captioner

N_CAPTIONS = 4


class PhotoCaptioner:
    """A captioner of practical 5 with its feature extractor, which takes images of ``size``.

    With ``head``, captions are compared with the ImageNet classes of the same features.
    """

    def __init__(
        self,
        captioner: "Captioner",
        extract: Callable[[np.ndarray], np.ndarray],
        size: tuple[int, int],
        head: "ImageNetHead | None" = None,
    ) -> None:
        from etabli.features import caption_check

        self.captioner, self.extract, self.size, self.head = captioner, extract, size, head
        self.search = replace(captioner.search, beam=max(N_CAPTIONS, captioner.search.beam))
        self.familiarity = caption_check.fit_familiarity(captioner)
        self._lock = threading.Lock()
        # Compile before the first photo.
        self.caption(np.full((*size, 3), 127, np.uint8), anyway=True)

    def caption(self, pixels: np.ndarray, anyway: bool = False) -> dict[str, object]:
        """Return the best captions: words, score, notes and, with attention, a map for each word.

        There is none for an image that is far from the training images, unless ``anyway``.
        """
        from etabli.features.caption_check import write_checked
        from etabli.saved_models.captioner import pool_regions

        with self._lock:
            maps = self.extract(pixels)
            side = round(maps.shape[1] ** 0.5)
            familiarity = describe_familiarity(self.familiarity, pool_regions(maps))
            answer: dict[str, object] = {"familiarity": familiarity, "grid": [side, side]}
            if familiarity and familiarity["is_far"] and not anyway:
                return {**answer, "captions": []}
            found = write_checked(self.captioner, maps, self.search, self.head)[0][:N_CAPTIONS]
            codes = np.stack([each.words for each in found])
            attention = self.captioner.attention_weights(np.repeat(maps, len(codes), axis=0), codes)
        captions: list[dict[str, object]] = []
        for k, each in enumerate(found):
            words = each.text.split()
            captions.append({"words": words, "score": each.score, "notes": each.describe()})
            if attention is not None:
                weights = attention[k, : len(words)]
                scale = np.maximum(weights.max(axis=1, keepdims=True), 1e-9)
                captions[k]["maps"] = [encode_bytes(row) for row in weights / scale]
        return {**answer, "captions": captions}

    def describe(self) -> dict[str, object]:
        """Return what the captioner was trained on, and how many words it has."""
        card = self.captioner.card
        return {
            "words": len(self.captioner.vocabulary) - 2,  # without <start> and <end>
            "images": card.get("images"),
            "kind": card.get("trained_on", ""),
        }


def _load(found: TrainedModel) -> PhotoCaptioner:
    """Load the captioner of a run."""
    return _open(found.folder / "captioner")


def _open(folder: Path) -> PhotoCaptioner:
    """Load a captioner, with the feature extractor it was trained with."""
    from etabli.core.errors import DataMissing
    from etabli.data.catalog.source import Source
    from etabli.features import regions
    from etabli.features.imagenet import ImageNetHead
    from etabli.saved_models import captioner as saved_captioner

    captioner = saved_captioner.load(folder)
    is_net, head = captioner.features == "mobilenet_v2", None
    weights = Source.full().file("weights", *regions.WEIGHTS) if is_net else None
    if is_net:
        with contextlib.suppress(DataMissing):
            head = ImageNetHead.load()
    return PhotoCaptioner(captioner, *regions.open_extractor(captioner.features, weights), head)


MODELS = (
    ModelSpec(
        "captions",
        "tp5.attention",
        ("captioner/card.json", "captioner/model.safetensors"),
        _load,
    ),
)


class CaptionerParams(Params):
    """The captioner: "" is that of a run, "own:" and a name one of ``etabli caption train``."""

    net: Literal[""] | OwnName = ""


class CaptionParams(CaptionerParams):
    """Whether an image that the captioner does not know is captioned all the same."""

    anyway: bool = False


def _get_captioner(state: PlaygroundState, net: str) -> PhotoCaptioner:
    if net:
        found = state.own_models.get("captioner", net.removeprefix("own:"), _open)
    else:
        found = state.models.get("captions")
    assert isinstance(found, PhotoCaptioner)
    return found


def list_own(state: PlaygroundState, _params: NoParams) -> dict[str, str]:
    """Return the names of the captioners of ``etabli caption train`` by their key."""
    return {f"own:{name}": name for name in state.own_models.find("captioner")}


def describe(state: PlaygroundState, params: CaptionerParams) -> dict[str, object]:
    """Return what a captioner knows."""
    return _get_captioner(state, params.net).describe()


def caption(state: PlaygroundState, params: CaptionParams, body: bytes) -> dict[str, object]:
    """Return several captions of a photo."""
    captioner = _get_captioner(state, params.net)
    return captioner.caption(decode_photo(body, captioner.size), params.anyway)


ENDPOINTS = [
    Endpoint("/api/captions/own", list_own, summary=N_("Your captioners of etabli caption train")),
    Endpoint("/api/captions", describe, CaptionerParams, summary=N_("What the captioner knows")),
    Endpoint(
        "/api/captions",
        caption,
        CaptionParams,
        method="POST",
        upload=True,
        summary=N_("Captions of a photo"),
    ),
]
