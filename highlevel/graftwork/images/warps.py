"""Images read at other places than their pixels': moved, turned, tilted, stirred."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, linalg, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import random
from graftgrad.spec import is_floating

from ..seeds import start_of
from .filters import bell, smoothed
from .layout import as_before, batch_of

_PLACES = {"float16": "float32", "bfloat16": "float32"}  # pixels are counted in full precision


def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Move, turn, scale and shear images.

    Column x and row y of the result are read at column a₀·x + a₁·y + a₂ and row b₀·x + b₁·y + b₂.

    Args:
        images: one image or a batch.
        transform: a₀, a₁, a₂, b₀, b₁, b₂ and two numbers that are not used; (8,), or (N, 8) with
            one row for each image.
        interpolation: "bilinear" or "nearest".
        fill_mode: beyond the edge: "constant", `fill_value`; "nearest", the last pixel; "wrap",
            the image again; "mirror", the image turned round at its last pixel; "reflect", the
            image turned round at its edge.
        fill_value: what lies beyond the edge with "constant".
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images, or there is not one transform for each.
        ConfigError: there is no such interpolation or fill_mode.
    """
    x, back = batch_of("affine_transform", images, data_format)
    matrix = graftgrad.as_tensor(transform)
    matrix = matrix if is_floating(matrix.dtype) else matrix.to("float32")
    y = ops.affine_transform(x, matrix, interpolation, fill_mode, fill_value)
    return back(as_before(y, x))


def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Tilt images: four points are brought to four others, and straight lines stay straight.

    Args:
        images: one image or a batch.
        start_points: column and row of four points, (4, 2) or (N, 4, 2).
        end_points: where they come to, of the same shape.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies beyond the edge.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images, or the points do not fit.
        ConfigError: there is no such interpolation.
    """
    x, back = batch_of("perspective_transform", images, data_format)
    starts, ends = (graftgrad.as_tensor(one).to("float32") for one in (start_points, end_points))
    fit = starts.shape == ends.shape and starts.shape in ((4, 2), (x.shape[0], 4, 2), (1, 4, 2))
    expect(fit, "perspective_transform",
           "start_points and end_points must be (4, 2), or (N, 4, 2) for N images",
           images=x.spec, start_points=starts.spec, end_points=ends.spec)  # fmt: skip
    numbers = ops.reshape(homography(starts, ends), (-1, 1, 1, 8))
    n, h, w, _ = x.shape
    i = ops.reshape(graftgrad.arange(h).to("float32"), (1, h, 1))
    j = ops.reshape(graftgrad.arange(w).to("float32"), (1, 1, w))
    depth = numbers[..., 6] * j + numbers[..., 7] * i + 1.0
    columns = (numbers[..., 0] * j + numbers[..., 1] * i + numbers[..., 2]) / depth
    rows = (numbers[..., 3] * j + numbers[..., 4] * i + numbers[..., 5]) / depth
    rows, columns = (ops.broadcast_to(one, (n, h, w)) for one in (rows, columns))
    y = ops.read_images(x, rows, columns, interpolation, "constant", fill_value)
    return back(as_before(y, x))


def homography(start_points: Tensor, end_points: Tensor) -> Tensor:
    """Return the eight numbers that bring end points back to start points, (…, 8).

    x = (t₀·u + t₁·v + t₂) / (t₆·u + t₇·v + 1), y = (t₃·u + t₄·v + t₅) / (t₆·u + t₇·v + 1)

    Args:
        start_points: (x, y) of four points, (…, 4, 2).
        end_points: (u, v) of the same points, (…, 4, 2).
    """
    x, y = start_points[..., 0], start_points[..., 1]
    u, v = end_points[..., 0], end_points[..., 1]
    none, one = u * 0.0, u * 0.0 + 1.0
    across = ops.stack([u, v, one, none, none, none, -x * u, -x * v], -1)
    down = ops.stack([none, none, none, u, v, one, -y * u, -y * v], -1)
    equations = ops.concatenate([across, down], -2)
    wanted = ops.expand_dims(ops.concatenate([x, y], -1), -1)
    return ops.squeeze(linalg.solve(equations, wanted), -1)


def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Stir images: every pixel is read a little beside its place, neighbours alike.

    Along rows and along columns: shift = alpha · sigma · N(0, 1), blurred with a bell of width
    sigma. Simard, Steinkraus and Platt 2003.

    Args:
        images: one image or a batch.
        alpha: how strong.
        sigma: how far neighbours move alike, in pixels.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies beyond the edge, as in `affine_transform`.
        fill_value: what lies beyond the edge with "constant".
        seed: a number that makes it repeatable, or a SeedGenerator.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: they are no images.
        ConfigError: there is no such interpolation or fill_mode.
    """
    x, back = batch_of("elastic_transform", images, data_format)
    kind = _PLACES.get(str(x.dtype), str(x.dtype)) if is_floating(x.dtype) else "float32"
    noise = random.normal(start_of(seed), (*x.shape[:3], 2), dtype=kind)
    width = graftgrad.tensor(float(sigma), kind)
    shift = drift(noise, graftgrad.tensor(float(alpha), kind), width, int(6 * float(sigma)) | 1)
    return back(as_before(shifted(x, shift, interpolation, fill_mode, fill_value), x))


def drift(noise: Tensor, alpha: Tensor, sigma: Tensor, size: int) -> Tensor:
    """Return by how far pixels move, (N, H, W, 2): rows first.

    Args:
        noise: standard normal numbers, (N, H, W, 2).
        alpha: how strong, ().
        sigma: the width of the bell, ().
        size: how many pixels it covers at most, an odd number.
    """
    # The bell ends at three widths, so it may be narrower than `size`.
    weights = bell(size, sigma, ops.floor(ops.floor(6.0 * sigma) / 2.0))
    return alpha * smoothed(smoothed(noise * sigma, weights, 0), weights, 1)


def shifted(
    x: Tensor, shift: Tensor, interpolation: str, fill_mode: str, fill_value: float
) -> Tensor:
    """Read every pixel of (N, H, W, C) beside its place, by `shift` (N, H, W, 2), rows first."""
    h, w = x.shape[1:3]
    rows = shift[..., 0] + ops.reshape(graftgrad.arange(h).to(shift.dtype), (1, h, 1))
    columns = shift[..., 1] + ops.reshape(graftgrad.arange(w).to(shift.dtype), (1, 1, w))
    return ops.read_images(x, rows, columns, interpolation, fill_mode, fill_value)


def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Tensor:
    """Read an array at coordinates, between its elements too.

    Args:
        inputs: an array of any rank.
        coordinates: one for each axis, (rank, …).
        order: 0 for the nearest element, 1 to weigh the neighbours linearly.
        fill_mode: what lies beyond the edge, as in `affine_transform`.
        fill_value: what lies beyond the edge with "constant".
    Raises:
        ShapeError: there is not one coordinate for each axis.
        ConfigError: there is no such order or fill_mode.
    """
    x = graftgrad.as_tensor(inputs)
    if isinstance(coordinates, (list, tuple)):
        places = ops.stack([_real(one) for one in coordinates])
    else:
        places = _real(coordinates)
    expect(places.ndim >= 2, "map_coordinates", "coordinates must have 2 axes or more",
           error=ConfigError, coordinates=places.spec)  # fmt: skip
    return as_before(ops.map_coordinates(x, places, order, fill_mode, fill_value), x)


def _real(value: Any) -> Tensor:
    one = graftgrad.as_tensor(value)
    return one if is_floating(one.dtype) else one.to("float32")
