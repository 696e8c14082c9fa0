"""What only PyTorch names, beside PyTorch: values and gradients."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.interop

DRAW = np.random.default_rng(0)
X, Y, Z = (DRAW.normal(size=(3, 4)) for _ in range(3))
A, B = DRAW.normal(size=(2, 3, 4)), DRAW.normal(size=(2, 4, 5))
ROW = np.sort(DRAW.normal(size=5))
MASK = X > 0
# name here, name there, operands that want gradients, what else is given
CASES = {
    "mm": ("mm", "mm", (X, Y.T), {}),
    "bmm": ("bmm", "bmm", (A, B), {}),
    "mv": ("mv", "mv", (X, Y[0]), {}),
    "addmm": ("addmm", "addmm", (X[:, :3], X, Y.T), {"beta": 0.5, "alpha": 2.0}),
    "addmv": ("addmv", "addmv", (X[:, 0], X, Y[0]), {"alpha": 2.0}),
    "baddbmm": ("baddbmm", "baddbmm", (A[..., :1], A, B), {"beta": 0.5}),
    "addcmul": ("addcmul", "addcmul", (X, Y, Z), {"value": 0.3}),
    "addcdiv": ("addcdiv", "addcdiv", (X, Y, Z), {"value": 0.3}),
    "block_diag": ("block_diag", "block_diag", (X, Y[0], X.T), {}),
    "cartesian_prod": ("cartesian_prod", "cartesian_prod", (X[0], Y[1], Z[2]), {}),
    "xlogy": ("xlogy", "xlogy", (X, np.abs(Y)), {}),
    "xlog1py": ("xlog1py", "special.xlog1py", (X, np.abs(Y)), {}),
    "ndtr": ("ndtr", "special.ndtr", (X * 5,), {}),
    "ndtri": ("ndtri", "special.ndtri", (np.abs(X) / 9 + 0.1,), {}),
    "multigammaln": ("multigammaln", "special.multigammaln", (np.abs(X) + 2,), {"p": 3}),
    "frac": ("frac", "frac", (X * 3,), {}),
}
AXES = {
    "logcumsumexp": ("logcumsumexp", "logcumsumexp", (X * 100,), (1,)),
    "trapezoid": ("trapezoid", "trapezoid", (X, Y), ()),
    "cumulative_trapezoid": ("cumulative_trapezoid", "cumulative_trapezoid", (X, Y[0]), ()),
    "narrow": ("narrow", "narrow", (X,), (1, -3, 2)),
    "combinations": ("combinations", "combinations", (X[0],), (3, True)),
}
WHOLE = {
    "bucketize": lambda lib, of: lib.bucketize(of(X), of(ROW)),
    "bucketize right": lambda lib, of: lib.bucketize(of(ROW), of(ROW), right=True),
    "isin": lambda lib, of: lib.isin(of(np.arange(9)), of(np.array([3, 8]))),
    "histc": lambda lib, of: lib.histc(of(X), 5),
    "histc within": lambda lib, of: lib.histc(of(X), 5, -1, 0.5),
    "unique_consecutive": lambda lib, of: lib.unique_consecutive(
        of(np.array([1, 1, 2, 1])), return_inverse=True, return_counts=True
    )[2],
    "index_fill": lambda lib, of: lib.index_fill(of(X), 1, of(np.array([0, 3])), 7.0),
    "index_copy": lambda lib, of: lib.index_copy(of(X), 0, of(np.array([2, 0])), of(Y[:2])),
    "masked_scatter": lambda lib, of: lib.masked_scatter(of(X), of(MASK), of(Y)),
    "cat": lambda lib, of: lib.cat([of(X), of(Y)], 1),
    "repeat_interleave": lambda lib, of: lib.repeat_interleave(of(X), 2, 1),
    "tensor_split": lambda lib, of: lib.tensor_split(of(X), 3, 1)[0],
    "chunk of nothing": lambda lib, of: lib.chunk(of(np.zeros((0, 2))), 3)[2],
    "eq": lambda lib, of: lib.eq(of(X), of(X)) & lib.ge(of(X), of(Y)),
}


def of_torch(name):
    found = torch
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", [*CASES, *AXES])
def test_values_and_gradients_are_pytorchs(name):
    mine, theirs, arrays, more = (CASES | AXES)[name]
    given, named = ((), more) if isinstance(more, dict) else (more, {})
    xs = [graftgrad.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, t = getattr(ops, mine)(*xs, *given, **named), of_torch(theirs)(*ts, *given, **named)
    np.testing.assert_allclose(y.detach().numpy(), t.detach().numpy(), rtol=1e-10, atol=1e-12)
    weights = DRAW.normal(size=y.shape)
    (y * graftgrad.tensor(weights)).sum().backward()
    (t * torch.tensor(weights)).sum().backward()
    for x, one in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), one.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", WHOLE)
def test_values_are_pytorchs(name):
    y, t = WHOLE[name](graftgrad, graftgrad.tensor), WHOLE[name](torch, torch.tensor)
    assert tuple(y.shape) == tuple(t.shape)
    np.testing.assert_allclose(y.numpy(), t.numpy())
