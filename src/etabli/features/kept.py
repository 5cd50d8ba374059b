"""Features in the user's cache: extracted once, found again by everything that made them."""

from collections.abc import Sequence
from pathlib import Path

from etabli.data.source import user_cache
from etabli.features.extraction import extract, request_of
from etabli.features.store import Features

__all__ = ["kept"]


def kept(
    collection: str,
    images: Sequence[Path | str],
    backbone: str,
    *,
    names: Sequence[str] | None = None,
    weights: Path | str | None = None,
    layer: str = "pool",
    view: str = "plain",
    **options: object,
) -> Features:
    """``extract`` into a folder of the cache whose name follows from the collection and the whole request.

    Where another process is making the same features, they are waited for.
    """
    given = sorted((key, value) for key, value in options.items() if key != "progress")
    mark = request_of(backbone, weights, layer, view, given, [str(path) for path in images])
    folder = user_cache() / "features" / f"{collection}-{backbone}-{layer}-{view}-{mark}"
    return extract(images, backbone, folder, names=names, weights=weights, layer=layer, view=view, wait=True, **options)
