"""Uploaded photos: decoded within bounds, kept in memory for one request, never stored."""

import io
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from starlette.responses import Response

from etabli.core.i18n import N_
from etabli.metrics.novelty import Familiarity
from etabli.web.api import Endpoint, Params

if TYPE_CHECKING:
    from etabli.data.synthetic.scenes import Scene

MAX_PIXELS = 50_000_000
MAX_JPEG_PIXELS = 100_000_000  # decoded at a reduced size
MAX_WEBP_PIXELS = 20_000_000  # its decoder takes 16 bytes a pixel


class SceneParams(Params):
    """The seed of a synthetic scene."""

    seed: int = Field(0, ge=0, le=2**31 - 1)


def decode_photo(body: bytes, size: tuple[int, int]) -> np.ndarray:
    """Return the photo as a net sees it, (height, width, 3) uint8, resized while decoding."""
    from etabli.data.formats import images

    most = MAX_PIXELS
    if body.startswith(b"\xff\xd8\xff"):
        most = MAX_JPEG_PIXELS
    elif body[8:12] == b"WEBP":
        most = MAX_WEBP_PIXELS
    return images.read(body, size, max_pixels=most)


def describe_familiarity(
    familiarity: Familiarity | None, features: np.ndarray
) -> dict[str, object] | None:
    """Return an image's distance from the training images, the limit, and whether it is far."""
    if familiarity is None:
        return None
    distance = float(familiarity.measure(features)[0])
    limit = familiarity.limit
    return {"distance": distance, "limit": limit, "is_far": distance > limit}


def draw_scene(_state: object, params: SceneParams) -> Response:
    """Return a synthetic scene, for those who have no photo at hand."""
    stream = io.BytesIO()
    _draw(params.seed).image.save(stream, "PNG")
    return Response(stream.getvalue(), media_type="image/png")


def list_objects(_state: object, params: SceneParams) -> dict[str, object]:
    """Return what is in the synthetic scene of a seed, from left to right."""
    scene = _draw(params.seed)
    shown = sorted(scene.objects, key=lambda each: each.center)
    return {"objects": [f"{each.color} {each.kind}" for each in shown]}


def _draw(seed: int) -> "Scene":
    """Draw a scene as those that the shipped captioner was trained on."""
    from etabli.core import seeding
    from etabli.data.synthetic.scene_captions import SIDE, draw_clear_scene

    generator = seeding.make_generator(seed, "playground", "scene")
    count = int(generator.integers(1, 4))
    while True:  # until every object can be seen
        scene = draw_clear_scene(generator, 3 * SIDE, (count, count))
        if len(scene.objects) == count:
            return scene


ENDPOINTS = [
    Endpoint("/api/photo/scene", draw_scene, SceneParams, summary=N_("A synthetic scene")),
    Endpoint(
        "/api/photo/scene/objects",
        list_objects,
        SceneParams,
        summary=N_("What is in a synthetic scene"),
    ),
]
