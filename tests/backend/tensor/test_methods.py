"""Methods say what the ops of their names do; here each is called once beside its op or NumPy."""

import inspect

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.tensor.methods import Methods
from graftgrad.tensor.torch_methods import TorchMethods

HOST = np.array([[0.3, 0.9, 0.5], [0.7, 0.2, 0.4]])
OTHER = {  # methods that are called otherwise than the ops they stand for
    "T": None, "mT": None, "real": None, "imag": None, "conj": None,
    "amax": "max", "amin": "min", "eq": "equal", "ne": "not_equal", "lt": "less",
    "le": "less_equal", "gt": "greater", "ge": "greater_equal", "pow": "power",
    "unbind": "unstack", "view": "reshape", "clamp": "clip", "permute": "transpose",
    "unsqueeze": "expand_dims", "expand": "broadcast_to", "t": None, "new_zeros": None,
    "new_ones": None, "new_full": None, "bmm": None, "repeat_interleave": "repeat",
    "movedim": "moveaxis",
}  # fmt: skip
GIVEN = {
    "add": (2.0,), "sub": (2.0,), "mul": (2.0,), "div": (2.0,), "pow": (3,), "eq": (0.5,),
    "ne": (0.5,), "lt": (0.5,), "le": (0.5,), "gt": (0.5,), "ge": (0.5,), "maximum": (0.5,),
    "minimum": (0.5,), "matmul": (HOST.T,), "dot": (HOST.T,), "lerp": (1.0, 0.25),
    "allclose": (HOST,), "quantile": (0.25,), "topk": (2,), "kthvalue": (2,), "take": ([0, 1],),
    "gather": (1, [[0], [1]]), "scatter": (1, [[0], [1]], 7.0),
    "scatter_add": (1, [[0], [1]], np.ones((2, 1))), "index_select": (1, [2, 0]),
    "index_add": (0, [1, 1], HOST), "masked_fill": (HOST > 0.5, 0.0), "reshape": (3, 2),
    "view": (3, 2), "unsqueeze": (1,), "expand": ((4, 2, 3),), "swapaxes": (0, 1),
    "moveaxis": (0, 1), "unflatten": (1, (3, 1)), "broadcast_to": ((4, 2, 3),), "roll": (1,),
    "repeat": (2,), "tile": (2,), "split": (2,), "chunk": (2,), "clip": (0.4, 0.8),
    "clamp": (0.4, 0.8), "masked_select": None, "where": None, "transpose": ((1, 0),),
    "permute": ((1, 0),), "mm": (HOST.T,), "mv": (HOST[0],), "addmm": (HOST[:, :2], HOST),
    "addcmul": (HOST, 2.0), "addcdiv": (HOST, 2.0), "outer": (HOST[0],), "narrow": (1, 0, 2),
    "index_fill": (1, [0, 2], 7.0), "index_copy": (0, [1], HOST[:1]), "movedim": (0, 1),
    "masked_scatter": (graftgrad.tensor(HOST > 0.4), HOST), "repeat_interleave": (2,),
}  # fmt: skip
NAMES = sorted(
    name for room in (Methods, TorchMethods) for name in vars(room) if not name.startswith("_")
)


@pytest.mark.parametrize("name", [name for name in NAMES if OTHER.get(name, "") is not None])
def test_a_method_is_the_op_of_its_name(name):
    x = graftgrad.tensor(HOST)
    given = GIVEN.get(name, ())
    if given is None:
        pytest.skip("its arguments come in another order; below")
    found = getattr(x, name)(*given)
    op = getattr(ops, OTHER.get(name) or name)
    wanted = op(x, *given)
    for y, reference in zip(_listed(found), _listed(wanted), strict=True):
        np.testing.assert_array_equal(np.asarray(y), np.asarray(reference))


def test_defaults_of_methods_are_those_of_ops():
    for name in NAMES:
        if OTHER.get(name, "") is None or name in ("where", "transpose", "permute", "expand"):
            continue
        mine = _defaults(getattr(graftgrad.Tensor, name))
        theirs = _defaults(getattr(ops, OTHER.get(name) or name))
        common = mine.keys() & theirs.keys()
        assert {key: mine[key] for key in common} == {key: theirs[key] for key in common}, name


def test_the_others():
    x = graftgrad.tensor(HOST)
    assert x.where(x > 0.5, 0.0).tolist() == np.where(HOST > 0.5, HOST, 0).tolist()
    assert x.masked_select(x > 0.5).tolist() == HOST[HOST > 0.5].tolist()
    assert graftgrad.zeros(2, 3, 4).mT.shape == (2, 4, 3)
    assert x.max(1).tolist() == HOST.max(1).tolist()
    assert x.t().tolist() == HOST.T.tolist()
    assert graftgrad.ones(3).t().shape == (3,)
    with pytest.raises(ShapeError, match=r"t: there must be two axes at most; got x=\(1, 2, 3\)"):
        graftgrad.ones(1, 2, 3).t()
    assert x[None].bmm(x.t()[None])[0].tolist() == (HOST @ HOST.T).tolist()
    for made, value in (
        (x.new_zeros(2, 2), 0),
        (x.new_ones((2, 2)), 1),
        (x.new_full((2, 2), 5), 5),
    ):
        assert made.tolist() == [[value] * 2] * 2
        assert made.dtype == x.dtype
    assert x.new_ones(2, dtype="int64").dtype == "int64"
    assert 0.9 in graftgrad.tensor([0.5, 0.9], "float64")
    assert 7 not in x
    assert "a" not in x
    assert [y.tolist() for y in divmod(graftgrad.tensor([7, -7]), 2)] == [[3, -4], [1, 1]]
    assert round(graftgrad.tensor([1.26]), 1).tolist() == pytest.approx([1.3])


@pytest.mark.parametrize(
    "name",
    ["sum", "mean", "std", "var", "prod", "max", "min", "argmax", "argmin", "cumsum", "cumprod",
     "round", "all", "any", "clip", "take", "repeat", "ravel", "trace", "diagonal", "swapaxes",
     "squeeze", "sort", "argsort", "nonzero", "dot"],
)  # fmt: skip
def test_what_arrays_have_tensors_have(name):
    assert hasattr(np.ndarray, name)
    assert hasattr(graftgrad.Tensor, name)


def _listed(found):
    return found if isinstance(found, (list, tuple)) else [found]


def _defaults(function):
    return {
        name: one.default
        for name, one in inspect.signature(function).parameters.items()
        if one.default is not one.empty
    }
