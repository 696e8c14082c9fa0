"""Windows, sizes and grids at random beside PyTorch itself: values and gradients in float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, ops

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SEEDS = range(12)


def first(x: Any) -> Any:
    return x.movedim(-1, 1)


def last(x: Any) -> Any:
    return x.movedim(1, -1)


def both(mine: Callable[..., Any], theirs: Callable[..., Any], *operands: Any) -> None:
    """Hold a function's value and gradients against PyTorch's."""
    ours = [graftgrad.tensor(a, requires_grad=True) for a in operands]
    peers = [torch.tensor(a, requires_grad=True) for a in operands]
    y, wanted = mine(*ours), theirs(*peers)
    close(y.detach().numpy(), wanted.detach().numpy())
    pull = np.random.default_rng(y.size).normal(size=y.shape)
    found = engine.grad(y, ours, graftgrad.tensor(pull), allow_unused=True)
    expected = torch.autograd.grad(wanted, peers, torch.tensor(pull), allow_unused=True)
    for g, peer in zip(found, expected, strict=True):
        assert peer is not None
        close(np.zeros(peer.shape) if g is None else g.numpy(), peer.numpy())


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


def drawn(random: np.random.Generator, rank: int) -> tuple[Any, ...]:
    """Sizes, window, strides, padding and dilation, such that a window fits."""
    window = random.integers(1, 4, rank)
    dilation = random.integers(1, 3, rank)
    pads = np.minimum(random.integers(0, 2, rank), window // 2)
    sizes = (window - 1) * dilation + 1 + random.integers(0, 4, rank)
    strides = random.integers(1, 4, rank)
    return tuple(tuple(int(n) for n in a) for a in (sizes, window, strides, pads, dilation))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions(rank: int, seed: int) -> None:
    random = np.random.default_rng([rank, seed])
    sizes, window, strides, pads, dilation = drawn(random, rank)
    groups = int(random.integers(1, 3))
    c, o = groups * int(random.integers(1, 3)), groups * int(random.integers(1, 3))
    x, w, b = (random.normal(size=s) for s in ((2, *sizes, c), (*window, c // groups, o), (o,)))
    ours, theirs = getattr(ops, f"conv{rank}d"), getattr(torch.nn.functional, f"conv{rank}d")
    given = tuple((p, p) for p in pads) if rank > 1 else (pads[0], pads[0])

    def turned(x: Any, w: Any, b: Any) -> Any:
        filters = w.movedim(-1, 0).movedim(-1, 1)
        return last(theirs(first(x), filters, b, strides, pads, dilation, groups))

    both(lambda x, w, b: ours(x, w, b, strides=strides, padding=given, dilation=dilation,
                              groups=groups), turned, x, w, b)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolutions(rank: int, seed: int) -> None:
    random = np.random.default_rng([rank, seed])
    sizes, window, strides, pads, dilation = drawn(random, rank)
    more = tuple(int(random.integers(0, s)) for s in strides)
    groups = int(random.integers(1, 3))
    c, o = groups * int(random.integers(1, 3)), groups * int(random.integers(1, 3))
    x, w, b = (random.normal(size=s) for s in ((2, *sizes, c), (*window, o // groups, c), (o,)))
    ours = getattr(ops, f"conv{rank}d_transpose")
    theirs = getattr(torch.nn.functional, f"conv_transpose{rank}d")

    def turned(x: Any, w: Any, b: Any) -> Any:
        filters = w.movedim(-1, 0).movedim(-1, 1).contiguous()
        return last(theirs(first(x), filters, b, strides, pads, more, groups, dilation))

    both(lambda x, w, b: ours(x, w, b, strides=strides, padding=tuple((p, p) for p in pads),
                              output_padding=more, dilation=dilation, groups=groups),
         turned, x, w, b)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pooling(rank: int, seed: int) -> None:
    random = np.random.default_rng([rank, seed])
    sizes, window, strides, pads, dilation = drawn(random, rank)
    x = random.normal(size=(2, *sizes, 2))
    peer = torch.nn.functional
    given = tuple((p, p) for p in pads) if rank > 1 else (pads[0], pads[0])
    largest = getattr(peer, f"max_pool{rank}d")
    both(lambda x: getattr(ops, f"max_pool{rank}d")(x, window, strides, given, dilation),
         lambda x: last(largest(first(x), window, strides, pads, dilation)), x)  # fmt: skip
    mean = getattr(peer, f"avg_pool{rank}d")
    for counted in (False, True):
        both(lambda x, c=counted: getattr(ops, f"avg_pool{rank}d")(x, window, strides, given, c),
             lambda x, c=counted: last(mean(first(x), window, strides, pads, False, c)),
             x)  # fmt: skip
    wanted = tuple(int(n) for n in random.integers(1, 5, rank))
    for kind in ("avg", "max"):
        theirs = getattr(peer, f"adaptive_{kind}_pool{rank}d")
        both(lambda x, k=kind: getattr(ops, f"adaptive_{k}_pool{rank}d")(x, wanted),
             lambda x, t=theirs: last(t(first(x), wanted)), x)  # fmt: skip


def test_places_of_maxima() -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3))
    y, places = ops.max_pool2d_with_indices(graftgrad.tensor(x), 3, 2, 1)
    wanted, where = torch.nn.functional.max_pool2d(first(torch.tensor(x)), 3, 2, 1,
                                                   return_indices=True)  # fmt: skip
    close(y.numpy(), last(wanted).numpy())
    np.testing.assert_array_equal(places.numpy(), last(where).numpy())


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_sizes(rank: int) -> None:
    random = np.random.default_rng(rank)
    x = random.normal(size=(2, *(7, 5, 4)[:rank], 2))
    smooth = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
    modes = ["nearest", "nearest-exact", "area", smooth, *(["bicubic"] if rank == 2 else [])]
    wanted: list[dict[str, Any]] = [
        {"size": (9, 8, 3)[:rank]}, {"size": (3, 11, 4)[:rank]}, {"scale_factor": 1.7},
        {"scale_factor": 0.6}, {"scale_factor": 0.6, "recompute_scale_factor": True},
    ]  # fmt: skip
    for mode, size, corners, antialias in itertools.product(
        modes, wanted, (False, True), (False, True)
    ):
        weighed = mode in (smooth, "bicubic")
        if (corners and not weighed) or (antialias and mode not in ("bilinear", "bicubic")):
            continue
        given = {"mode": mode, "antialias": antialias, **size}
        both(
            lambda x, g=given, c=corners: ops.interpolate(x, align_corners=c, **g),
            lambda x, g=given, c=corners, w=weighed: last(
                torch.nn.functional.interpolate(first(x), align_corners=c if w else None, **g)
            ),
            x,
        )


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [False, True])
def test_grids(mode: str, padding: str, corners: bool) -> None:
    random = np.random.default_rng(0)
    for sizes in ((5, 4), (3, 4, 5)):
        if mode == "bicubic" and len(sizes) == 3:
            continue
        x = random.normal(size=(2, *sizes, 3))
        grid = random.uniform(-2.5, 2.5, size=(2, *[4] * len(sizes), len(sizes)))
        both(lambda x, g: ops.grid_sample(x, g, mode, padding, corners),
             lambda x, g: last(torch.nn.functional.grid_sample(first(x), g, mode, padding,
                                                               corners)), x, grid)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_patches_and_blocks(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes, window, strides, pads, dilation = drawn(random, 2)
    x = random.normal(size=(2, *sizes, 3))
    given = tuple((p, p) for p in pads)
    settings = {"padding": given, "strides": strides, "dilation": dilation}

    def unfolded(x: Any) -> Any:
        parts = torch.nn.functional.unfold(first(x), window, dilation, pads, strides)
        counts = ops.unfold(graftgrad.tensor(x.detach().numpy()), window, **settings).shape[1:3]
        parts = parts.reshape(2, 3, window[0] * window[1], *counts)
        return parts.permute(0, 3, 4, 2, 1).flatten(3)

    both(lambda x: ops.unfold(x, window, **settings), unfolded, x)
    blocks = random.normal(size=(2, 3, 4, 8))
    both(lambda x: ops.pixel_shuffle(x, 2),
         lambda x: last(torch.nn.functional.pixel_shuffle(first(x), 2)), blocks)  # fmt: skip
    wide = random.normal(size=(2, 4, 6, 3))
    both(lambda x: ops.pixel_unshuffle(x, 2),
         lambda x: last(torch.nn.functional.pixel_unshuffle(first(x), 2)), wide)  # fmt: skip
