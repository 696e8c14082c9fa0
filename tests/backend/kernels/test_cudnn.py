"""Bodies by cuDNN as far as a CPU reaches: geometry, order of operands, and that plans exist.

That plans compute what they should, `tests/gpu` tells.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graftgrad.device.base import Device
from graftgrad.kernel import Call, choose, why_not
from graftgrad.kernels.cudnn import frontend
from graftgrad.kernels.cudnn.attention import heads_first, unfit
from graftgrad.kernels.cudnn.conv import Ordered
from graftgrad.kernels.cudnn.geometry import channels_last, filled_up, placed
from graftgrad.kernels.cudnn.store import Store
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.norm import BatchNorm
from graftgrad.spec import Spec, bfloat16, bool_, float16, float32, float64, int32
from support.cudnn import driver


class Elsewhere(Device):
    """A device for which builders of a GPU are asked, on NumPy's arrays."""

    kind = "gpu"

    @property
    def xp(self) -> Any:
        return np


HERE = Elsewhere(92)


def call(function: Any, *ins: Spec) -> Call:
    made = type(function).infer(function, *ins)
    return Call(function, ins, made if isinstance(made, tuple) else (made,), HERE)


class ByLoops:
    """A plan that does what cuDNN is asked for, tap by tap, on arrays in its order of axes."""

    workspace = 0
    engine = "loops"

    def __init__(self, problem: Any, groups: int) -> None:
        self.problem = problem
        self.groups = groups

    def step(self, arrays: Any, workspace: Any) -> Any:
        return lambda: self.run(*arrays)

    def run(self, first: Any, second: Any, result: Any) -> None:
        one = self.problem
        x, w, y = {
            "forward": (first, second, result), "images": (result, second, first),
            "filters": (second, result, first),
        }[one.direction]  # fmt: skip
        sizes = one.x[0], *one.x[2:], one.x[1]
        assert x.shape == sizes
        assert w.shape == (one.w[0], *one.w[2:], one.w[1])
        assert y.shape == (one.y[0], *one.y[2:], one.y[1])
        edges = [(0, 0), *zip(one.before, one.after, strict=True), (0, 0)]
        padded = np.pad(x if one.direction != "images" else np.zeros_like(x), edges)
        if one.direction != "images":
            result[...] = 0
        each, many = x.shape[-1] // self.groups, y.shape[-1] // self.groups
        for group in range(self.groups):
            seen = slice(group * each, (group + 1) * each)
            made = slice(group * many, (group + 1) * many)
            for tap in np.ndindex(*w.shape[1:-1]):
                where = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(
                    tap, one.dilation, y.shape[1:-1], one.strides, strict=True)]  # fmt: skip
                under = padded[(slice(None), *where, seen)]
                filters, found = w[(made, *tap)], y[..., made]
                if one.direction == "forward":
                    result[..., made] += under @ filters.T
                elif one.direction == "images":
                    under += found @ filters
                else:
                    flat = found.reshape(-1, many).T @ under.reshape(-1, each)
                    result[(made, *tap)] += flat
        if one.direction == "images":
            inside = [slice(b, b + n) for b, n in zip(one.before, x.shape[1:-1], strict=True)]
            result[...] = padded[(slice(None), *inside)]


ONE, PADS = (1, 1), ((1, 1), (1, 1))
PLACES: list[tuple[Any, tuple[int, ...], tuple[int, ...]]] = [
    (Conv2D(ONE, PADS, ONE, 1), (2, 6, 5, 3), (3, 3, 3, 5)),
    (Conv2D((2, 1), ((0, 1), (2, 0)), (1, 2), 1), (2, 7, 8, 8), (3, 2, 8, 4)),
    (Conv2D((2, 2), PADS, ONE, 2), (2, 6, 7, 6), (3, 3, 3, 4)),
    (Conv2D((1, 3), ((0, 0), (4, 0)), ONE, 1), (2, 1, 11, 4), (1, 5, 4, 8)),
    (DepthwiseConv2D(ONE, PADS, ONE), (2, 6, 5, 3), (3, 3, 3, 1)),
    (DepthwiseConv2D((2, 2), PADS, ONE), (2, 6, 5, 3), (3, 2, 3, 2)),
    (Conv3D((1, 2, 1), ((1, 1), (0, 1), (1, 0)), (1, 1, 1), 1), (2, 4, 5, 6, 3), (2, 3, 2, 3, 5)),
]
GRADS: dict[Any, Any] = {
    Conv2D: (Conv2DInputGrad, Conv2DFilterGrad), Conv3D: (Conv3DInputGrad, Conv3DFilterGrad),
    DepthwiseConv2D: (DepthwiseInputGrad, DepthwiseFilterGrad),
}  # fmt: skip


@pytest.mark.parametrize("strided", [False, True])
@pytest.mark.parametrize(("function", "x", "w"), PLACES)
def test_operands_are_brought_into_order_and_results_back(
    function: Any, x: tuple[int, ...], w: tuple[int, ...], strided: bool
) -> None:
    rng = np.random.default_rng(0)
    images, filters = GRADS[type(function)]
    how = function.strides, function.pads, function.dilation
    how = how if type(function) is DepthwiseConv2D else (*how, function.groups)
    y = call(function, Spec(x, float32), Spec(w, float32)).outs[0].shape
    for made, shapes in (
        (function, (x, w)),
        (images(*how, x[1:-1]), (y, w)),
        (filters(*how, w[:-2], None), (y, x)),
    ):
        arrays = [rng.standard_normal(shape).astype("f4") for shape in shapes]
        if strided:
            arrays = [np.moveaxis(np.moveaxis(a, 1, 0).copy(), 0, 1) for a in arrays]
        ins = [Spec(a.shape, float32, bool(a.flags.c_contiguous)) for a in arrays]
        one = call(made, *ins)
        lie = placed(made, one.ins, one.outs[0])
        body = Ordered(one, lie, ByLoops(lie.problem, lie.groups))  # type: ignore[arg-type]
        scratch = [np.full(s.shape, np.nan, "f4") for s in body.scratch[:-1]] + [np.zeros(1, "u1")]
        found = np.full(one.outs[0].shape, np.nan, "f4")
        body.run(tuple(arrays), (found,), tuple(scratch))
        wanted = np.empty_like(found)
        made.compute(np, *[a.copy() for a in arrays], wanted)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5, err_msg=repr(made))


def test_channels_are_filled_up_to_what_there_are_fast_bodies_for() -> None:
    assert [filled_up(3, dtype) for dtype in (bfloat16, float16, float32, float64)] == [8, 8, 4, 3]
    assert filled_up(64, bfloat16) == 64
    x, w = Spec((2, 8, 8, 3), bfloat16), Spec((3, 3, 3, 10), float32)
    lie = placed(Conv2D(ONE, PADS, ONE, 1), (x, w), Spec((2, 8, 8, 10), bfloat16))
    assert (lie.x[-1], lie.w, lie.y[-1]) == (8, (16, 3, 3, 8), 16)


def test_strides_tell_that_channels_are_last() -> None:
    assert channels_last((2, 3, 4, 5)) == (60, 1, 15, 3)
    assert channels_last((2, 3, 4, 5, 6)) == (360, 1, 90, 18, 3)
    assert heads_first((2, 7, 3, 4)) == ((2, 3, 7, 4), (84, 4, 12, 1))


def test_what_is_declined_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "_found", lambda: (None, "no cuDNN frontend"))
    each = Spec((12,), float32)
    for one, reason in (
        (call(BatchNorm(1e-3), Spec((2, 4, 4, 12), bfloat16), each, each),
         "cuDNN normalises bfloat16 with channels in multiples of 8 alone"),
        (call(BatchNorm(1e-3), Spec((2, 4, 4, 12)), each, each), "no cuDNN frontend"),
        (call(Conv2D(ONE, PADS, ONE, 1), Spec((2, 4, 4, 8)), Spec((3, 3, 8, 8))),
         "no cuDNN frontend"),
    ):  # fmt: skip
        choose(one)
        assert reason in why_not(one).split("; ")
    q, none = Spec((2, 8, 4, 16), bfloat16), Spec((0,), bool_)
    assert unfit(q, q, none) == "no cuDNN frontend"
    assert unfit(Spec((2, 8, 4, 20), bfloat16), q, none).endswith("in multiples of 8 up to 128")
    assert unfit(Spec((2, 8, 4, 16)), q, none) == "cuDNN attends in 16 bits, not in float32"
    truths = Spec((2, 1, 8, 8), bool_)
    assert unfit(q, q, truths) == "cuDNN adds masks of bfloat16, not of bool"
    assert int32 not in frontend.NAMES


def test_plans_on_disk_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "plans")
    assert store.read("one") is None
    store.write("one", b"plan")
    assert store.read("one") == b"plan"
    assert store.read("another") is None
    path = store.path("one")
    path.write_bytes(path.read_bytes()[:-1])
    assert store.read("one") is None
    store.write("one", b"plan")
    path.chmod(0o666)  # somebody else could have written it
    assert store.read("one") is None
    Store(tmp_path / "plans" / "x.plan").write("one", b"plan")


def test_plans_are_kept_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder() -> Path | None:
        found = Store.of_user()
        return None if found is None else found.folder

    monkeypatch.setenv("GRAFTWORK_PLAN_CACHE", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.setenv("GRAFTWORK_PLAN_CACHE", "")
    assert folder() is None
    monkeypatch.delenv("GRAFTWORK_PLAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "graftwork" / "plans"

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert folder() is None


def planning_needs() -> str:
    """Why no plan can be made here, or an empty string where it can."""
    return frontend.why_not().split(";")[0] or ("" if driver.compiler() else "no C compiler")


@pytest.mark.slow
@pytest.mark.skipif(bool(planning_needs()), reason=f"needs cuDNN: {planning_needs()}")
@pytest.mark.parametrize("family", ["conv", "other", "norm", "attention"])
def test_there_is_a_plan_for_every_shape(family: str, tmp_path: Path) -> None:
    driver.built(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "support.cudnn.planning", family],
        env=driver.environment(tmp_path), capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 10
    assert [row for row in rows if "why" in row] == []
