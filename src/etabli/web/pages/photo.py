"""Uploaded photos: decoded within bounds, kept in memory for one request, never stored."""

import io

import numpy as np
from pydantic import Field
from starlette.responses import Response

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Params

MAX_PIXELS, MAX_JPEG_PIXELS = 50_000_000, 100_000_000  # a JPEG is decoded at a reduced size


class SceneParams(Params):
    """The seed of a synthetic scene."""

    seed: int = Field(0, ge=0, le=2**31 - 1)


def decode_photo(body: bytes, size: tuple[int, int]) -> np.ndarray:
    """Return the photo as a net sees it, (height, width, 3) uint8, resized while decoding."""
    from etabli.data.formats import images

    is_jpeg = body.startswith(b"\xff\xd8\xff")
    return images.read(body, size, max_pixels=MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS)


def draw_scene(_state: object, params: SceneParams) -> Response:
    """Return a synthetic scene, for those who have no photo at hand."""
    from etabli.core import seeding
    from etabli.data.synthetic import scenes

    generator = seeding.make_generator(params.seed, "playground", "scene")
    stream = io.BytesIO()
    scenes.draw_scene(generator, (320, 320), (2, 4)).image.save(stream, "PNG")
    return Response(stream.getvalue(), media_type="image/png")


ENDPOINTS = [
    Endpoint("/api/photo/scene", draw_scene, SceneParams, summary=N_("A synthetic scene")),
]
