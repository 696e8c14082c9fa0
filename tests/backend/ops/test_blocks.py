"""Patches and blocks of pixels against loops."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.blocks import (
    depth_to_space,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    space_to_depth,
    unfold,
)
from support.case import CaseChecks, attribute, case
from support.window_oracles import each, ends, windows


def unfolded(x: Any, size: Any, strides: Any = 1, padding: Any = "valid", dilation: Any = 1) -> Any:
    counts, seen = windows(x, size, strides, padding, dilation, 0.0)
    y = np.empty((len(x), *counts, seen[0][1][0].size))
    for (i, j), part in seen:
        y[:, i, j] = part.reshape(len(x), -1)
    return y


def folded(
    x: Any, output_size: Any, size: Any, strides: Any = 1, padding: Any = "valid",
    dilation: Any = 1,
) -> Any:  # fmt: skip
    a, s, d = each(size, 2), each(strides, 2), each(dilation, 2)
    reach = [(a[i] - 1) * d[i] + 1 for i in range(2)]
    pads = [ends(padding, output_size[i], reach[i], s[i], i) for i in range(2)]
    wide = np.zeros((len(x), *(output_size[i] + sum(pads[i]) for i in range(2)),
                     x.shape[3] // (a[0] * a[1])))  # fmt: skip
    parts = x.reshape(*x.shape[:3], *a, -1)
    for i, j, p, q in np.ndindex(*x.shape[1:3], *a):
        wide[:, i * s[0] + p * d[0], j * s[1] + q * d[1]] += parts[:, i, j, p, q]
    (top, _), (left, _) = pads
    return wide[:, top : top + output_size[0], left : left + output_size[1]]


def shuffled(x: Any, factor: int) -> Any:
    n, h, w, c = x.shape
    y = np.empty((n, h * factor, w * factor, c // factor**2))
    for i, j, k in np.ndindex(*y.shape[1:]):
        place = k * factor**2 + (i % factor) * factor + j % factor
        y[:, i, j, k] = x[:, i // factor, j // factor, place]
    return y


def spread(x: Any, block_size: int) -> Any:
    n, h, w, c = x.shape
    outs = c // block_size**2
    y = np.empty((n, h * block_size, w * block_size, outs))
    for i, j, k in np.ndindex(*y.shape[1:]):
        place = ((i % block_size) * block_size + j % block_size) * outs + k
        y[:, i, j, k] = x[:, i // block_size, j // block_size, place]
    return y


class TestPatches(CaseChecks):
    CASES: ClassVar = [
        case(unfold, x=(2, 5, 4, 3), size=attribute((3, 2)), oracle=unfolded),
        case(unfold, x=(1, 6, 5, 2), size=3, strides=2, padding="same", oracle=unfolded),
        case(unfold, x=(1, 7, 6, 1), size=2, strides=attribute((1, 2)), padding=1, dilation=3,
             oracle=unfolded),
        case(fold, x=(2, 3, 3, 12), output_size=attribute((5, 4)), size=attribute((3, 2)),
             oracle=folded),
        case(fold, x=(1, 3, 3, 18), output_size=attribute((6, 5)), size=3, strides=2,
             padding="same", oracle=folded),
        case(fold, x=(1, 6, 3, 4), output_size=attribute((7, 6)), size=2,
             strides=attribute((1, 2)), padding=1, dilation=3, oracle=folded),
    ]  # fmt: skip


class TestBlocks(CaseChecks):
    CASES: ClassVar = [
        case(pixel_shuffle, x=(2, 2, 3, 8), factor=2, oracle=shuffled),
        case(pixel_unshuffle, x=(2, 4, 6, 3), factor=2),
        case(depth_to_space, x=(1, 2, 3, 18), block_size=3, oracle=spread),
        case(space_to_depth, x=(1, 6, 3, 2), block_size=3),
    ]


def test_there_and_back() -> None:
    x = graftgrad.tensor(np.random.default_rng(0).normal(size=(2, 4, 6, 3)))
    for away, back in ((pixel_unshuffle, pixel_shuffle), (space_to_depth, depth_to_space)):
        np.testing.assert_array_equal(back(away(x, 2), 2).numpy(), x.numpy())
    patches = unfold(x, 2, strides=2)
    np.testing.assert_array_equal(fold(patches, (4, 6), 2, strides=2).numpy(), x.numpy())


def test_no_images() -> None:
    x = graftgrad.tensor(np.zeros((0, 4, 4, 2)), requires_grad=True)
    y = fold(unfold(x, 3, padding="same"), 4, 3, padding="same")
    assert y.shape == x.shape
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: unfold(make(4, 4, 1), 2), r"unfold: x must be images \(N, H, W, C\)"),
        (lambda: unfold(make(1, 2, 2, 1), 3), r"unfold: the window must fit"),
        (lambda: fold(make(1, 2, 2, 5), 3, 2), r"fold: x must be patches \(N, H', W', A·B·C\)"),
        (lambda: fold(make(1, 2, 3, 4), 3, 2), r"fold: x must have \(2, 2\) rows and columns"),
        (lambda: fold(make(1, 2, 2, 4), 3, 2, strides=0), r"fold: strides and dilation must be at"),
        (lambda: pixel_shuffle(make(1, 2, 2, 6), 2),
         r"pixel_shuffle: the channels must be a multiple of the factor's square; got .*factor=2"),
        (lambda: space_to_depth(make(1, 3, 2, 6), 2),
         r"space_to_depth: rows and columns must be multiples of the factor"),
        (lambda: depth_to_space(make(3, 2, 6), 2), r"depth_to_space: x must be images"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()
