"""Reading at places that are data: against PyTorch's and Keras' values."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import ConfigError, ShapeError
from graftgrad.ops.grid import (
    affine_grid,
    affine_transform,
    grid_sample,
    map_coordinates,
    read_images,
)
from support.case import CaseChecks, attribute, between, case
from support.golden import GoldenCase, cases


class TestGrid(CaseChecks):
    CASES: ClassVar = [
        case(grid_sample, x=(2, 4, 3, 2), grid=between((2, 3, 2, 2), -1.2, 1.2)),
        case(grid_sample, x=(1, 5, 4, 1), grid=between((1, 2, 3, 2), -0.9, 0.9), mode="bicubic",
             padding_mode="border", align_corners=True),
        case(grid_sample, x=(1, 5, 4, 1), grid=between((1, 2, 3, 2), -1.9, 1.9), mode="bicubic",
             padding_mode="reflection"),
        case(grid_sample, x=(1, 3, 4, 2), grid=between((1, 2, 2, 2), -1.2, 1.2), mode="nearest",
             gradient=["x"]),
        case(grid_sample, x=(1, 3, 2, 4, 2), grid=between((1, 2, 1, 2, 3), -1.5, 1.5),
             padding_mode="reflection"),
        case(affine_grid, theta=(2, 2, 3), size=attribute((2, 3, 4, 1))),
        case(map_coordinates, x=(4, 3), coordinates=between((2, 5), -1.0, 4.0), order=1,
             fill_value=0.5),
        case(map_coordinates, x=(3, 2, 4), coordinates=between((3, 2, 2), -4.0, 7.0), order=1,
             fill_mode="mirror"),
        case(affine_transform, x=(2, 3, 4, 2), transform=between((2, 8), -0.6, 0.6)),
    ]  # fmt: skip


OPS = {"grid_sample": grid_sample, "affine_grid": affine_grid}


@pytest.mark.parametrize("golden", cases("torch_images", *OPS), ids=str)
def test_agrees_with_pytorch(golden: GoldenCase) -> None:
    given = {n: graftgrad.tensor(a, requires_grad=True) for n, a in golden.group("operand").items()}
    y = OPS[golden.class_name](**given, **golden.settings)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-10, atol=1e-12)
    leaves = list(given.values())
    found = engine.grad(y, leaves, graftgrad.tensor(golden["cotangent"]), allow_unused=True)
    for name, g in zip(given, found, strict=True):
        wanted = golden[f"gradient/{name}"]
        mine = np.zeros_like(wanted) if g is None else g.numpy()
        np.testing.assert_allclose(mine, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "golden", cases("keras_images", "map_coordinates", "affine_transform"), ids=str
)
def test_agrees_with_keras(golden: GoldenCase) -> None:
    op = {"map_coordinates": map_coordinates, "affine_transform": affine_transform}
    given = {n: graftgrad.tensor(a) for n, a in golden.group("operand").items()}
    y = op[golden.class_name](**given, **golden.settings)
    np.testing.assert_allclose(y.numpy(), golden["output"], rtol=1e-10, atol=1e-12)


def test_an_affine_grid_that_changes_nothing_reads_the_image_itself() -> None:
    x = graftgrad.tensor(np.random.default_rng(0).normal(size=(2, 5, 4, 3)))
    theta = graftgrad.tensor(np.tile(np.eye(2, 3), (2, 1, 1)))
    for corners in (False, True):
        grid = affine_grid(theta, x.shape, corners)
        for mode in ("bilinear", "nearest", "bicubic"):
            y = grid_sample(x, grid, mode, align_corners=corners)
            np.testing.assert_allclose(y.numpy(), x.numpy(), rtol=1e-12, atol=1e-12)


def test_no_places_and_no_images() -> None:
    x = graftgrad.tensor(np.ones((2, 3, 3, 1)), requires_grad=True)
    y = grid_sample(x, graftgrad.tensor(np.zeros((2, 0, 4, 2))))
    assert y.shape == (2, 0, 4, 1)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros(x.shape))
    none = grid_sample(x[:0].detach(), graftgrad.tensor(np.zeros((0, 2, 4, 2))))
    assert none.shape == (0, 2, 4, 1)


def test_coordinates_may_be_a_list() -> None:
    x = graftgrad.tensor(np.arange(12.0).reshape(3, 4))
    rows, columns = graftgrad.tensor([0.0, 1.5]), graftgrad.tensor([3.0, 0.5])
    np.testing.assert_allclose(map_coordinates(x, [rows, columns], 1).numpy(), [3.0, 6.5])


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: grid_sample(make(1, 4, 1), make(1, 4, 1)), ShapeError,
         r"grid_sample: x must be images \(N, H, W, C\) or volumes"),
        (lambda: grid_sample(make(1, 4, 4, 1), make(1, 4, 4, 3)), ShapeError,
         r"grid_sample: grid must have 2 coordinates at each place"),
        (lambda: grid_sample(make(1, 4, 4, 1), make(2, 4, 4, 2)), ShapeError, r"for each of x"),
        (lambda: grid_sample(make(1, 2, 4, 4, 1), make(1, 2, 4, 4, 3), "bicubic"), ConfigError,
         r"grid_sample: mode must be one of bilinear, nearest; got mode='bicubic'"),
        (lambda: grid_sample(make(1, 4, 4, 1), make(1, 4, 4, 2), padding_mode="wrap"), ConfigError,
         r"grid_sample: padding_mode must be one of zeros, border, reflection"),
        (lambda: affine_grid(make(1, 2, 2), (1, 4, 4, 1)), ShapeError,
         r"affine_grid: theta must be \(1, 2, 3\) for such a size"),
        (lambda: map_coordinates(make(3, 3), make(3, 4), 1), ShapeError,
         r"map_coordinates: there must be one coordinate for each axis"),
        (lambda: map_coordinates(make(3), make(1, 4), 3), ConfigError,
         r"map_coordinates: order must be 0 or 1; got order=3"),
        (lambda: map_coordinates(make(3), make(1, 4), 1, "zeros"), ConfigError,
         r"map_coordinates: fill_mode must be one of constant, nearest"),
        (lambda: affine_transform(make(1, 4, 4, 1), make(6)), ShapeError,
         r"affine_transform: transform must be \(8,\), or \(N, 8\) for N images"),
        (lambda: affine_transform(make(1, 4, 4, 1), make(8), "cubic"), ConfigError,
         r"affine_transform: interpolation must be bilinear or nearest"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


class TestReadImages:
    def test_places_of_each_pixel(self) -> None:
        x = graftgrad.tensor(np.arange(12.0).reshape(1, 3, 4, 1))
        rows = graftgrad.tensor([[[0.0, 1.5], [2.0, 9.0]]])
        columns = graftgrad.tensor([[[3.0, 1.0], [0.5, 0.0]]])
        found = read_images(x, rows, columns, fill_value=-1.0).numpy().ravel()
        np.testing.assert_allclose(found, [3.0, 7.0, 8.5, -1.0])

    def test_what_does_not_fit(self) -> None:
        x, at = graftgrad.zeros(1, 3, 4, 1), graftgrad.zeros(1, 2, 2)
        with pytest.raises(ShapeError, match="x must be"):
            read_images(x[0], at, at)
        with pytest.raises(ShapeError, match="rows and columns must be"):
            read_images(x, at, at[:, :1])
        with pytest.raises(ConfigError, match="interpolation must be bilinear or nearest"):
            read_images(x, at, at, "cubic")
        with pytest.raises(ConfigError, match="fill_mode must be one of"):
            read_images(x, at, at, fill_mode="x")
