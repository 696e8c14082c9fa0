"""Bodies from libraries compute what the reference bodies compute, or decline."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, LibraryError, ShapeError
from graftgrad.function import Function
from graftgrad.kernel import Call, Kernel, Reference, builders, only_reference
from graftgrad.kernels.native import openmp
from graftgrad.kernels.onednn import library, primitive
from graftgrad.kernels.onednn.primitive import Checked, Primitive
from graftgrad.kernels.recurrent.sequence import Sequence
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.pool import MaxPool2D
from graftgrad.ops.softmax import Softmax
from graftgrad.spec import bfloat16
from support.kernels import (
    Array,
    call_of,
    close,
    laid,
    normal,
    ran,
    ran_natively,
    shortened,
    widened,
)
from support.norm_trials import NORMS, WIDE
from support.product_trials import PRODUCTS
from support.recurrent_trials import RECURRENT
from support.row_trials import ROWS, WIDE_ROWS
from support.trials import WINDOWS

pytestmark = pytest.mark.skipif(
    not library.available(), reason=f"oneDNN is not used: {library.why_not()}"
)

TRIALS = {**WINDOWS, **PRODUCTS, **NORMS, **ROWS, **RECURRENT}
SINGLE_ONLY = set(RECURRENT)
WIDENED = {**WIDE, **WIDE_ROWS}
ROOMS = ("kernels.onednn", "kernels.recurrent")
FAST = (Primitive, Sequence)
EACH = pytest.mark.parametrize("function", TRIALS, ids=lambda function: function.__name__)


def test_every_builder_is_tried() -> None:
    offered = {
        function
        for (function, device), builds in builders().items()
        if device == "cpu" and any(room in build.__module__ for build in builds for room in ROOMS)
    }
    assert offered == set(TRIALS)


def offered(call: Call) -> Kernel:
    """The body from the rooms that are tried here, whoever else offers one, or the reference's."""
    builds = builders().get((type(call.function), "cpu"), [])
    tried = (build(call) for build in builds if any(room in build.__module__ for room in ROOMS))
    return next((kernel for kernel in tried if kernel is not None), None) or Reference(call)


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """How many threads compute, small work too."""
    before = graftgrad.get_num_threads()
    graftgrad.set_num_threads(request.param)
    monkeypatch.setattr(primitive, "SMALL", 0)
    monkeypatch.setattr(openmp, "GRAIN", 1)
    yield request.param
    graftgrad.set_num_threads(before)


@EACH
def test_the_reference_agrees(function: type[Function], threads: int) -> None:
    taken = 0
    for seed in range(30):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        call = call_of(made, ins)
        kernel = offered(call)
        taken += isinstance(kernel, FAST)
        close(ran(kernel, call, ins), ran(Reference(call), call, ins), 1e-5, str(call))
    assert taken >= 6, f"only {taken} of 30 were taken"


@EACH
def test_c_calls_compute_the_same(function: type[Function], threads: int) -> None:
    for seed in range(30, 45):
        random = np.random.default_rng(seed)
        made, ins = TRIALS[function](random)
        fixed = [i for i in range(len(ins)) if random.random() < 0.5]
        layouts = random.choice(["plain", "plain", "gapped", "turned"], len(ins))
        ins = tuple(laid(a, layout) for a, layout in zip(ins, layouts, strict=True))
        call = call_of(made, ins)
        kernel = offered(call)
        if isinstance(kernel, FAST):
            wanted = ran(Reference(call), call, ins)
            close(ran(kernel, call, ins), wanted, 1e-5, str(call))
            if not isinstance(kernel, Checked):
                found = ran_natively(kernel, call, ins, fixed)
                close(found, wanted, 1e-5, f"{call} {fixed}")


@EACH
def test_short_numbers_agree(function: type[Function]) -> None:
    taken = 0
    for seed in range(30):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        short = shortened(ins, WIDENED.get(function, ()))
        call = call_of(made, short)
        kernel = offered(call)
        if not isinstance(kernel, FAST):
            continue
        taken += 1
        wide = widened(short)
        wanted = ran(Reference(call_of(made, wide)), call_of(made, wide), wide)
        close(ran(kernel, call, short), wanted, 1 / 64, str(call))
        if not isinstance(kernel, Checked):
            close(ran_natively(kernel, call, short, [0, 1]), wanted, 1 / 64, str(call))
    wanting = function in SINGLE_ONLY or not fast_short_numbers()
    assert taken >= 6 or wanting, f"only {taken} of 30 were taken"


def fast_short_numbers() -> bool:
    """Whether the library computes with bfloat16 here."""
    where = np.zeros((1, 8, 8, 16), bfloat16), np.zeros((3, 3, 16, 16), bfloat16)
    return isinstance(offered(call_of(Conv2D(), where)), Primitive)


@EACH
def test_the_same_bits_again(function: type[Function]) -> None:
    for seed in range(5):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        call = call_of(made, ins)
        first = ran(offered(call), call, ins)[0]
        moved = tuple(np.concatenate([np.ravel(a)[:1], np.ravel(a)])[1:].reshape(a.shape)
                      for a in ins)  # fmt: skip
        np.testing.assert_array_equal(ran(offered(call), call, moved)[0], first)
        np.testing.assert_array_equal(ran(offered(call), call, ins)[0], first)


def test_large_results_repeat_on_all_threads() -> None:
    random = np.random.default_rng(0)
    x, w = normal(random, 4, 28, 28, 32), normal(random, 3, 3, 32, 48)
    where = ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    gy = normal(random, 4, 28, 28, 48)
    for made, ins in ((Conv2D(*where), (x, w)), (Conv2DFilterGrad(*where, (3, 3)), (gy, x))):
        call = call_of(made, ins)
        assert isinstance(offered(call), Primitive)
        first = ran(offered(call), call, ins)[0]
        for _ in range(5):
            np.testing.assert_array_equal(ran(offered(call), call, ins)[0], first)


@EACH
def test_what_does_not_fit_is_declined(function: type[Function]) -> None:
    made, ins = TRIALS[function](np.random.default_rng(3))
    double = tuple(a.astype(np.float64) if a.dtype == np.float32 else a for a in ins)
    alike = [a.ndim == ins[0].ndim and len(a) == len(ins[0]) for a in ins]
    none = tuple(a[:0] if same else a for a, same in zip(ins, alike, strict=True))
    assert isinstance(offered(call_of(made, double)), Reference)
    with contextlib.suppress(ShapeError):  # some functions want at least one element
        assert isinstance(offered(call_of(made, none)), Reference)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, bfloat16])
def test_maxima_and_probabilities_of_what_is_not_finite(odd: float, dtype: Any) -> None:
    x = normal(np.random.default_rng(0), 1, 4, 4, 16).astype(dtype)
    x[0, 1, 1, 3] = odd
    x[0, :2, :2, 5] = x[0, 3, 3] = odd
    for made in (MaxPool2D((2, 2)), Softmax((3,))):
        call = call_of(made, (x,))
        assert isinstance(offered(call), Checked)
        with np.errstate(invalid="ignore"):
            found, wanted = (ran(k, call, (x,)) for k in (offered(call), Reference(call)))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
            kept = np.isfinite(b)
            np.testing.assert_array_equal(a[~kept].astype(float), b[~kept].astype(float))
            close([a[kept]], [b[kept]], 1 / 64)


@pytest.mark.parametrize("sizes", [(2, 48, 96), (1, 4, 8)])
def test_the_gradient_for_pictures_of_few_channels(sizes: tuple[int, int, int]) -> None:
    n, out, size = sizes
    random = np.random.default_rng(0)
    made = Conv2DInputGrad((2, 2), ((2, 3), (2, 3)), (1, 1), 1, (size, size))
    ins = normal(random, n, out, out, 64), normal(random, 7, 7, 3, 64)
    call = call_of(made, ins)
    kernel = offered(call)
    assert isinstance(kernel, FAST)
    close(ran(kernel, call, ins), ran(Reference(call), call, ins), 1e-5)
    close(ran_natively(kernel, call, ins, [1]), ran(Reference(call), call, ins), 1e-5)


@pytest.mark.parametrize("layout", ["plain", "gapped", "turned"])
@pytest.mark.parametrize("op", ["conv", "transpose", "depthwise", "average", "maximum"])
def test_values_and_gradients_of_any_layout(op: str, layout: str) -> None:
    random = np.random.default_rng(7)
    x, w = normal(random, 2, 9, 8, 6), normal(random, 3, 3, 6, 6)
    called: dict[str, Callable[[Any, Any], Any]] = {
        "conv": lambda x, w: ops.conv2d(x, w, strides=2, padding="same"),
        "transpose": lambda x, w: ops.conv2d_transpose(x, w, strides=2, padding="same"),
        "depthwise": lambda x, w: ops.depthwise_conv2d(x, w[:, :, :, :1], padding="same"),
        "average": lambda x, w: ops.avg_pool2d(x, 3, 2, "same") * w.sum(),
        "maximum": lambda x, w: ops.max_pool2d(x, 3, 2, "same") * w.sum(),
    }

    def everything() -> list[Array]:
        tensors = [graftgrad.as_tensor(laid(a, layout)).requires_grad_() for a in (x, w)]
        y = called[op](*tensors)
        (y * y).sum().backward()
        gradients = [t.grad for t in tensors]
        return [y.detach().numpy(), *(g.numpy() for g in gradients if g is not None)]

    found = everything()
    with only_reference():
        wanted = everything()
    assert len(found) == len(wanted) == 3
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(np.abs(b).max()))


def test_what_is_not_a_number_shows() -> None:
    random = np.random.default_rng(1)
    x, w = normal(random, 1, 6, 6, 5), normal(random, 3, 3, 5, 7)
    x[0, 2, 3, 1], x[0, 5, 5, 0] = np.nan, np.inf
    call = call_of(Conv2D((1, 1), ((1, 1), (1, 1))), (x, w))
    found, wanted = (ran(k, call, (x, w))[0] for k in (offered(call), Reference(call)))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))


def test_threads_of_python_share_a_kernel() -> None:
    random = np.random.default_rng(2)
    w = normal(random, 3, 3, 16, 16)
    images = [normal(random, 2, 12, 12, 16) for _ in range(4)]
    call = call_of(Conv2D(), (images[0], w))
    kernel = offered(call)
    wanted = [ran(kernel, call, (x, w))[0] for x in images]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(30):
            if not np.array_equal(ran(kernel, call, (images[i], w))[0], wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_number_of_threads_can_change() -> None:
    random = np.random.default_rng(2)
    gy, x = normal(random, 4, 28, 28, 32), normal(random, 4, 28, 28, 32)
    call = call_of(Conv2DFilterGrad((1, 1), ((1, 1), (1, 1)), (1, 1), 1, (3, 3)), (gy, x))
    before = graftgrad.get_num_threads()
    wanted = ran(Reference(call), call, (gy, x))[0]
    try:
        for count in (1, 2, 3, 1):
            graftgrad.set_num_threads(count)
            assert graftgrad.get_num_threads() == count
            found = ran(offered(call), call, (gy, x))[0]
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-2)
    finally:
        graftgrad.set_num_threads(before)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_threads_are_counted_from_one(count: Any) -> None:
    with pytest.raises(ConfigError, match="count must be a positive integer"):
        graftgrad.set_num_threads(count)


def test_a_failure_is_told() -> None:
    with pytest.raises(LibraryError, match=r"got status 2 \(invalid arguments\)"):
        library.library().call("memory_create", None, None, None, None)
