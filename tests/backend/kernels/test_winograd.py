"""Convolutions by fewer products compute what the reference bodies compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.device.find import cpu
from graftgrad.function import Function, attributes
from graftgrad.kernel import Call, Kernel, Reference, choose
from graftgrad.kernels.native import openmp, pages, tiles
from graftgrad.kernels.onednn import library
from graftgrad.kernels.winograd import convolution
from graftgrad.kernels.winograd.passes import PassKernel
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.fused_products import FusedConv2D
from graftgrad.spec import Spec, bfloat16, float32
from support.kernels import Array, Trial, call_of, close, normal, ran, ran_natively, widened

pytestmark = pytest.mark.skipif(
    not (library.available() and pages.available() and openmp.available()),
    reason=f"oneDNN or native code is not used: {library.why_not()} {pages.why_not()}",
)

Pads = tuple[tuple[int, int], tuple[int, int]]
SAME: Pads = ((1, 1), (1, 1))
# images (N, H, W), channels in and out, zeros around: odd and even sizes, single tiles, no margin
PLACES: list[tuple[tuple[int, int, int], int, int, Pads]] = [
    ((2, 8, 8), 16, 32, SAME),
    ((3, 7, 9), 32, 16, SAME),
    ((1, 3, 3), 8, 8, ((0, 0), (0, 0))),
    ((2, 9, 6), 24, 8, ((0, 2), (2, 1))),
    ((4, 1, 5), 16, 16, ((2, 2), (0, 1))),
]
EACH = pytest.mark.parametrize("kind", [Conv2D, Conv2DInputGrad, Conv2DFilterGrad])
BUILDERS: dict[type[Function], Callable[[Call], Kernel | None]] = {
    Conv2D: convolution.conv2d,
    Conv2DInputGrad: convolution.conv2d_input_grad,
    Conv2DFilterGrad: convolution.conv2d_filter_grad,
}


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take small convolutions too, in blocks of a few rows."""
    monkeypatch.setattr(convolution, "LEAST_GAIN", 0)
    monkeypatch.setattr(convolution, "BLOCK", 1 << 14)


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = graftgrad.get_num_threads()
    graftgrad.set_num_threads(request.param)
    yield request.param
    graftgrad.set_num_threads(before)


def trial(kind: type[Function], place: Any, short: bool = False, mixed: bool = False) -> Trial:
    """Return a function and operands; filters stay float32 beside short numbers if `mixed`."""
    (n, h, wide), c, o, pads = place
    random = np.random.default_rng(n + h + c)
    x, w = normal(random, n, h, wide, c), normal(random, 3, 3, c, o) / np.float32(c)
    p, q = (size + sum(pad) - 2 for size, pad in zip((h, wide), pads, strict=True))
    gy = normal(random, n, p, q, o)
    if short:
        x, gy = x.astype(bfloat16), gy.astype(bfloat16)
        w = w if mixed else w.astype(bfloat16)
    where = (1, 1), pads, (1, 1), 1
    if kind is Conv2D:
        return Conv2D(*where), (x, w)
    if kind is Conv2DInputGrad:
        return Conv2DInputGrad(*where, (h, wide)), (gy, w)
    return Conv2DFilterGrad(*where, (3, 3), float32 if mixed else None), (gy, x)


def offered(kind: type[Function], call: Call) -> Kernel | None:
    return BUILDERS[kind](call)


@EACH
@pytest.mark.parametrize("place", PLACES)
def test_it_agrees_with_the_reference(kind: type[Function], place: Any, threads: int) -> None:
    function, ins = trial(kind, place)
    call = call_of(function, ins)
    kernel = offered(kind, call)
    assert isinstance(kernel, PassKernel)
    wanted = ran(Reference(call), call, ins)
    found = ran(kernel, call, ins)
    close(found, wanted, 3e-6, str(call))
    np.testing.assert_array_equal(ran_natively(kernel, call, ins)[0], found[0])


@EACH
@pytest.mark.parametrize("mixed", [False, True], ids=["short filters", "float32 filters"])
def test_short_numbers_agree(kind: type[Function], mixed: bool) -> None:
    taken = 0
    for place in PLACES:
        function, ins = trial(kind, place, True, mixed)
        call = call_of(function, ins)
        kernel = offered(kind, call)
        if kernel is None:
            continue
        taken += 1
        wide = widened(ins)
        plain = trial(kind, place)[0]
        wanted = ran(Reference(call_of(plain, wide)), call_of(plain, wide), wide)
        found = ran(kernel, call, ins)
        close(found, wanted, 1 / 64, str(call))
        np.testing.assert_array_equal(
            ran_natively(kernel, call, ins)[0].astype(np.float32), found[0].astype(np.float32)
        )
    short = np.zeros((1, 8, 8, 16), bfloat16), np.zeros((3, 3, 16, 16), bfloat16)
    fast = not isinstance(choose(call_of(Conv2D(), short)), Reference)
    assert taken == len(PLACES) or not fast


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "after",
    [("relu", True, True), ("", True, False), ("relu", False, True), ("relu", False, False)],
)
def test_what_follows_is_part_of_it(place: Any, after: tuple[str, bool, bool]) -> None:
    activation, biased, added = after
    plain, (x, w) = trial(Conv2D, place)
    function = FusedConv2D(*attributes(plain), activation, 0.0, 0.0, biased, added)
    random = np.random.default_rng(5)
    (n, h, wide), _, o, pads = place
    y = (n, *(size + sum(pad) - 2 for size, pad in zip((h, wide), pads, strict=True)), o)
    ins = (x, w, *[normal(random, o)] * biased, *[normal(random, *y)] * added)
    call = call_of(function, ins)
    kernel = convolution.fused_conv2d(call)
    assert isinstance(kernel, PassKernel)
    wanted = ran(Reference(call), call, ins)
    found = ran(kernel, call, ins)
    close(found, wanted, 3e-6, str(call))
    for fixed in ((), (1,)):  # filters whose values stay are brought into planes once
        np.testing.assert_array_equal(ran_natively(kernel, call, ins, fixed)[0], found[0])


def test_what_follows_short_numbers_is_part_of_it() -> None:
    plain, (x, w) = trial(Conv2D, PLACES[1], True)
    function = FusedConv2D(*attributes(plain), "relu", 0.0, 0.0, True, True)
    random = np.random.default_rng(6)
    bias, addend = (normal(random, *shape).astype(bfloat16) for shape in ((16,), (3, 7, 9, 16)))
    ins = (x, w, bias, addend)
    call = call_of(function, ins)
    kernel = convolution.fused_conv2d(call)
    if kernel is None:
        pytest.skip("oneDNN has no fast products of bfloat16 here")
    wide = widened(ins)
    close(
        ran(kernel, call, ins),
        ran(Reference(call_of(function, wide)), call_of(function, wide), wide),
        1 / 64,
    )


def test_other_activations_are_declined() -> None:
    plain, ins = trial(Conv2D, PLACES[0])
    assert convolution.fused_conv2d(call_of(FusedConv2D(*attributes(plain), "tanh"), ins)) is None


def test_processors_that_round_and_those_that_do_not_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    function, ins = trial(Conv2DFilterGrad, PLACES[0], True, True)
    call = call_of(function, ins)
    found = []
    for able in (True, False):
        if able and not pages.shortens():
            pytest.skip("this processor does not round to bfloat16")
        monkeypatch.setattr(tiles, "shortens", lambda able=able: able)
        tiles.code.cache_clear()
        kernel = offered(Conv2DFilterGrad, call)
        if kernel is None:
            pytest.skip("oneDNN has no fast products of bfloat16 here")
        found += ran(kernel, call, ins)
    tiles.code.cache_clear()
    np.testing.assert_array_equal(*found)


def test_it_is_as_precise_as_a_direct_convolution() -> None:
    function, ins = trial(Conv2D, ((2, 14, 14), 128, 64, SAME))
    call = call_of(function, ins)
    kernel = offered(Conv2D, call)
    assert kernel is not None
    exact_ins = tuple(a.astype(np.float64) for a in ins)
    exact_call = call_of(function, exact_ins)
    (exact,) = ran(Reference(exact_call), exact_call, exact_ins)

    def error(found: Array) -> float:
        return float(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))

    direct = error(ran(Reference(call), call, ins)[0])
    assert error(ran(kernel, call, ins)[0]) < max(2 * direct, 5e-7)


@pytest.mark.parametrize(
    ("function", "x", "w"),
    [
        (Conv2D((2, 2), SAME), (1, 8, 8, 16), (3, 3, 16, 16)),
        (Conv2D((1, 1), SAME, (2, 2)), (1, 8, 8, 16), (3, 3, 16, 16)),
        (Conv2D((1, 1), SAME, (1, 1), 2), (1, 8, 8, 32), (3, 3, 16, 16)),
        (Conv2D((1, 1), SAME), (1, 8, 8, 16), (5, 5, 16, 16)),
        (Conv2D((1, 1), ((3, 0), (1, 1))), (1, 8, 8, 16), (3, 3, 16, 16)),
        (Conv2D((1, 1), SAME), (1, 8, 8, 12), (3, 3, 12, 16)),
        (Conv2D((1, 1), SAME), (0, 8, 8, 16), (3, 3, 16, 16)),
    ],
)
def test_other_convolutions_are_declined(function: Any, x: Any, w: Any) -> None:
    call = call_of(function, (np.zeros(x, np.float32), np.zeros(w, np.float32)))
    assert convolution.conv2d(call) is None


def test_it_is_taken_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def taken(n: int, size: int, channels: int, dtype: Any) -> bool:
        x = Spec((n, size, size, channels), dtype)
        w = Spec((3, 3, channels, channels), float32)
        call = Call(Conv2D((1, 1), SAME), (x, w), (x,), cpu)
        return isinstance(convolution.conv2d(call), PassKernel)

    assert taken(4, 28, 64, float32)
    assert not taken(4, 28, 8, float32)  # too few channels for what is added to save anything
    assert not taken(1, 7, 256, float32)  # too few pixels for these filters


def test_what_is_not_finite_stays_so() -> None:
    function, ins = trial(Conv2D, PLACES[0])
    ins[0][0, 3, 3, 5] = np.nan
    call = call_of(function, ins)
    kernel = offered(Conv2D, call)
    assert kernel is not None
    (found,) = ran(kernel, call, ins)
    (wanted,) = ran(Reference(call), call, ins)
    assert np.isnan(found[np.isnan(wanted)]).all()
    assert np.isfinite(found[1]).all()
