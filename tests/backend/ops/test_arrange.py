import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, ShapeError
from support.case import CaseChecks, attribute, case, integers


def numpys(name):
    """NumPy's function of a list or an array, whatever we call its arguments."""
    return lambda *given: getattr(np, name)(*given)


class TestMargins(CaseChecks):
    CASES = (
        *[
            case(ops.pad, x=(3, 4), pads=attribute(((2, 1), (0, 3))), mode=mode,
                 oracle=lambda x, pads, mode: np.pad(x, pads, mode))
            for mode in ("reflect", "symmetric", "edge", "wrap")
        ],
        case(ops.pad, x=(3, 4), pads=attribute((1, 2)), mode="constant", value=3.0,
             oracle=lambda x, pads, mode, value: np.pad(x, pads, constant_values=value)),
        case(ops.pad, x=(2, 2), pads=5, mode="reflect",
             oracle=lambda x, pads, mode: np.pad(x, pads, mode)),
    )  # fmt: skip


class TestOrders(CaseChecks):
    CASES = (
        case(ops.roll, x=(3, 4), shift=5, oracle=numpys("roll")),
        case(ops.roll, x=(3, 4), shift=-1, axis=1, oracle=numpys("roll")),
        case(ops.roll, x=(3, 4), shift=attribute((1, 2)), axis=attribute((0, 1)),
             oracle=numpys("roll")),
        case(ops.roll, x=(0, 4), shift=1, axis=0, oracle=numpys("roll")),
        *[case(ops.rot90, x=(2, 3, 4), k=k, axes=attribute((2, 0)), oracle=numpys("rot90"))
          for k in (-1, 0, 1, 2)],
        case(ops.fliplr, x=(3, 4), oracle=numpys("fliplr")),
        case(ops.flipud, x=(3, 4), oracle=numpys("flipud")),
        case(ops.swapaxes, x=(2, 3, 4), axis1=0, axis2=-1, oracle=numpys("swapaxes")),
        case(ops.moveaxis, x=(2, 3, 4, 5), source=attribute([0, 1]),
             destination=attribute([-1, 0]), oracle=numpys("moveaxis")),
        case(ops.ravel, x=(2, 3), oracle=numpys("ravel")),
        case(ops.unflatten, x=(2, 12), axis=1, sizes=attribute((3, -1)),
             oracle=lambda x, axis, sizes: x.reshape(2, 3, 4)),
        *[case(getattr(ops, name), x=shape, oracle=numpys(name))
          for name in ("atleast_1d", "atleast_2d", "atleast_3d") for shape in ((), (3,), (2, 3))],
        case(ops.expand_dims, x=(2, 3), axis=attribute((0, -1)), oracle=numpys("expand_dims")),
    )  # fmt: skip


class TestCopies(CaseChecks):
    CASES = (
        case(ops.tile, x=(2, 3), reps=2, oracle=numpys("tile")),
        case(ops.tile, x=(3,), reps=attribute((2, 1, 2)), oracle=numpys("tile")),
        case(ops.tile, x=(2, 3), reps=attribute((0, 2)), oracle=numpys("tile")),
        case(ops.repeat, x=(2, 3), repeats=2, oracle=numpys("repeat")),
        case(ops.repeat, x=(2, 3), repeats=attribute([1, 0, 2]), axis=1, oracle=numpys("repeat")),
    )


class TestJoins(CaseChecks):
    CASES = (
        case(ops.hstack, xs=[(2, 3), (2, 1)], oracle=numpys("hstack")),
        case(ops.hstack, xs=[(3,), (1,)], oracle=numpys("hstack")),
        case(ops.vstack, xs=[(2, 3), (3,)], oracle=numpys("vstack")),
        case(ops.dstack, xs=[(2, 3), (2, 3, 2)], oracle=numpys("dstack")),
        case(ops.column_stack, xs=[(3,), (3, 2)], oracle=numpys("column_stack")),
        case(ops.append, x=(2, 3), values=(2,), oracle=numpys("append")),
        case(ops.append, x=(2, 3), values=(1, 3), axis=0, oracle=numpys("append")),
    )


class TestParts(CaseChecks):
    CASES = (
        case(ops.unstack, x=(2, 3), axis=1, oracle=lambda x, axis: [*x.T]),
        case(ops.array_split, x=(7, 2), sections=3, oracle=numpys("array_split")),
        case(ops.array_split, x=(2, 7), sections=attribute([2, 5]), axis=1,
             oracle=numpys("array_split")),
        case(ops.chunk, x=(7, 2), chunks=3, oracle=lambda x, chunks: np.split(x, [3, 6])),
        case(ops.hsplit, x=(2, 6), sections=3, oracle=numpys("hsplit")),
        case(ops.vsplit, x=(4, 3), sections=2, oracle=numpys("vsplit")),
        case(lambda a, b: ops.meshgrid(a, b), label="meshgrid", a=(3,), b=(2,),
             oracle=lambda a, b: np.meshgrid(a, b)),
        case(lambda a, b, c: ops.meshgrid(a, b, c, indexing="ij"), label="meshgrid_ij",
             a=(3,), b=(2,), c=integers((2,), 9), oracle=lambda a, b, c:
             np.meshgrid(a, b, c, indexing="ij")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: ops.pad(x, 1, mode="mean"), ConfigError, "pad: mode must be one of .*'mean'"),
        (lambda x: ops.pad(x[:0], 1, mode="edge"), ConfigError, "an empty axis has nothing"),
        (lambda x: ops.pad(x, ((-1, 0), (0, 0)), mode="edge"), ShapeError, "must not be negative"),
        (lambda x: ops.roll(x, (1, 2)), ShapeError, r"roll: there must be one shift; got"),
        (lambda x: ops.roll(x, (1, 2), 0), ShapeError, "one shift for every axis"),
        (lambda x: ops.tile(x, -1), ShapeError, "tile: counts must not be negative"),
        (lambda x: ops.repeat(x, [1, 2, 3, 4], 0), ShapeError, "repeat: there must be one count"),
        (lambda x: ops.rot90(x, axes=(0, 0)), ShapeError, "rot90: axes must differ"),
        (lambda x: ops.unflatten(x, 1, (2, -1)), ShapeError, "sizes must multiply to the axis"),
        (lambda x: ops.hstack([]), ShapeError, "hstack: there must be at least one operand"),
        (lambda x: ops.array_split(x, 0), ShapeError, "array_split: there must be at least one"),
        (lambda x: ops.chunk(x, 0), ShapeError, "chunk: there must be at least one part"),
        (lambda x: ops.meshgrid(x), ShapeError, "meshgrid: operands must be vectors"),
        (lambda x: ops.meshgrid(x[0], indexing="yx"), ConfigError, 'must be "xy" or "ij"'),
        (lambda x: ops.moveaxis(x, (0, 1), 0), ShapeError, "moveaxis: there must be one place"),
    ],
)
def test_what_does_not_fit(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(graftgrad.zeros(2, 3))


def test_views_share_memory():
    x = graftgrad.arange(6).reshape(2, 3)
    for view in (ops.rot90(x), ops.swapaxes(x, 0, 1), ops.unstack(x)[1], *ops.chunk(x, 2)):
        assert np.shares_memory(view.numpy(), x.numpy())
