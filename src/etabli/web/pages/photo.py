"""Photos from outside: decoded within bounds, held in memory for one answer, written nowhere."""

from __future__ import annotations

import io

from pydantic import Field
from starlette.responses import Response

from etabli.core.i18n import N_
from etabli.web.api import Endpoint, Question
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

MAX_PIXELS = 40_000_000


class Seeded(Question):
    """Which of the drawn scenes."""

    seed: int = Field(0, ge=0, le=2**31 - 1)


def decoded(body: bytes) -> np.ndarray:
    """The picture (height, width, 3) uint8, upright; refuses what is no picture and what is too large."""
    from etabli.data.formats import images

    return images.read(body, max_pixels=MAX_PIXELS)


def as_jpeg(pixels: np.ndarray, longest: int = 320) -> Response:
    """A picture of the training set, small."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((longest, longest))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return Response(
        stream.getvalue(),
        media_type="image/jpeg",
        headers={"cache-control": "private, max-age=3600"},
    )


def scene(studio: Studio, question: Seeded) -> Response:
    """A scene drawn for who has no photo at hand."""
    from etabli.core import seeding
    from etabli.data.synthetic.scenes import draw_scene

    drawn = draw_scene(
        seeding.make_generator(question.seed, "playground", "scene"), (320, 320), (2, 4)
    )
    stream = io.BytesIO()
    drawn.image.save(stream, "PNG")
    return Response(stream.getvalue(), media_type="image/png")


ENDPOINTS = [Endpoint("/api/photo/scene", scene, Seeded, says=N_("A drawn scene"))]
