"""Data augmentation of small grayscale images: shifts by whole pixels and smooth warps."""

from collections.abc import Callable

import numpy as np

_BLOCK = 2000  # images warped at once


def random_shift(
    images: np.ndarray, generator: np.random.Generator, max_shift: int = 1
) -> np.ndarray:
    """Shift each image (H, W, ...) by up to ``max_shift`` pixels per axis; fill with zeros."""
    _n, height, width = images.shape[:3]
    margins = [(0, 0), (max_shift, max_shift), (max_shift, max_shift)] + [(0, 0)] * (
        images.ndim - 3
    )
    padded = np.pad(images, margins)
    moves = generator.integers(0, 2 * max_shift + 1, size=(len(images), 2))
    moved = np.empty_like(images)
    for down in range(2 * max_shift + 1):
        for right in range(2 * max_shift + 1):
            these = (moves == (down, right)).all(axis=1)
            moved[these] = padded[these, down : down + height, right : right + width]
    return moved


def average_over_shifts(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, pixels: int = 1
) -> np.ndarray:
    """Return the mean prediction for images (N, H, W, C), shifted by nothing and in four ways."""
    if not pixels:
        return predict(images)
    ways = ((0, 0), (pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
    margin = (pixels, pixels)
    padded = np.pad(images, ((0, 0), margin, margin, (0, 0)))
    height, width = images.shape[1:3]
    views = (
        padded[:, pixels + down : pixels + down + height, pixels + right : pixels + right + width]
        for down, right in ways
    )
    return np.mean([predict(view) for view in views], axis=0)


def random_warp(
    images: np.ndarray,
    generator: np.random.Generator,
    *,
    degrees: float = 10.0,
    scale: float = 0.1,
    shear: float = 0.1,
    shift: float = 2.0,
    elastic: float = 1.0,
    strength: float = 1.0,
) -> np.ndarray:
    """Rotate, scale, shear, shift and elastically deform each image at random.

    Pixels are interpolated bilinearly; outside of the image they are zero.

    Args:
        images: (N, H, W, 1).
        generator: Draws one transformation per image, uniformly within plus or minus the arguments.
        degrees: Rotation.
        scale: Relative change of the size.
        shear: Shear factor.
        shift: Pixels.
        elastic: Standard deviation, in pixels, of a smooth field: Gaussian bumps on a coarse grid
            with normal weights (after Simard, Steinkraus, Platt 2003, section 2).
        strength: A factor of all of them.
    """
    degrees, scale, shear, shift, elastic = (
        strength * each for each in (degrees, scale, shear, shift, elastic)
    )
    count, height, width = images.shape[:3]
    maps = _affine_maps(count, generator, degrees, scale, shear)
    moves = generator.uniform(-shift, shift, (count, 2)).astype(np.float32)
    grid, bumps = _grid(height, width)
    weights = generator.normal(0, elastic, (count, 2, len(bumps))).astype(np.float32)
    result = np.empty_like(images)
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        coordinates = maps[part] @ grid + moves[part, :, None] + weights[part] @ bumps
        coordinates += np.array([[(height - 1) / 2], [(width - 1) / 2]], np.float32)
        result[part] = _interpolate(images[part].reshape(-1, height, width), coordinates).reshape(
            -1, *images.shape[1:]
        )
    return result


def _affine_maps(
    count: int, generator: np.random.Generator, degrees: float, scale: float, shear: float
) -> np.ndarray:
    angle = np.deg2rad(generator.uniform(-degrees, degrees, count))
    factors = generator.uniform(1 - scale, 1 + scale, (count, 2))
    slant = generator.uniform(-shear, shear, count)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(
        -1, 2, 2
    )
    stretch = np.zeros((count, 2, 2))
    stretch[:, 0, 0], stretch[:, 1, 1], stretch[:, 0, 1] = factors[:, 0], factors[:, 1], slant
    return (turn @ stretch).astype(np.float32)


def _grid(height: int, width: int, knots: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return centered coordinates (2, P) and the bumps (knots^2, P) of a unit-variance field."""
    rows, columns = np.indices((height, width), dtype=np.float32).reshape(2, -1)
    coordinates = np.stack([rows - (height - 1) / 2, columns - (width - 1) / 2])
    at = (np.arange(knots) + 0.5) / knots
    centers = np.stack(np.meshgrid(at * height, at * width, indexing="ij"), -1).reshape(-1, 2)
    reach = height / knots
    far = (rows - centers[:, :1]) ** 2 + (columns - centers[:, 1:]) ** 2
    bumps = np.exp(-far / (2 * reach**2))
    return coordinates.astype(np.float32), (bumps / np.sqrt((bumps**2).sum(axis=0).mean())).astype(
        np.float32
    )


def _interpolate(images: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Interpolate images (N, H, W) bilinearly at coordinates (N, 2, P), with zeros outside."""
    count, height, width = images.shape
    framed = np.pad(images, ((0, 0), (1, 2), (1, 2)))
    rows = np.clip(coordinates[:, 0] + 1, 0, height + 1)
    columns = np.clip(coordinates[:, 1] + 1, 0, width + 1)
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    down, right = rows - top, columns - left
    stride = width + 3
    first = (
        top * stride + left + (np.arange(count, dtype=np.int32) * (height + 3) * stride)[:, None]
    )
    flat = framed.ravel()
    upper = flat[first] * (1 - right) + flat[first + 1] * right
    lower = flat[first + stride] * (1 - right) + flat[first + stride + 1] * right
    return upper * (1 - down) + lower * down
