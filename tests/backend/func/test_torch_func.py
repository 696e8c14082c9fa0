"""The transforms beside those of torch.func, on the same functions."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import func, ops

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # of its forward mode
]

DRAW = np.random.default_rng(0)
X, W, P = DRAW.normal(size=(5, 3)), DRAW.normal(size=(3, 4)), DRAW.normal(size=(2, 5, 3))


def net(lib):
    return lambda w, x: (lib.tanh(x @ w) ** 2).sum()


def several(lib):
    return lambda x: {"a": lib.sin(x) * x.sum(), "b": (x[0] * x,)}


CASES = {
    "each gradient": (lambda t, lib: t.vmap(t.grad(net(lib)), in_dims=(None, 0)), (W, X)),
    "both gradients": (lambda t, lib: t.vmap(t.grad(net(lib), (0, 1)), (None, 1)), (W, X.T)),
    "out_dims": (lambda t, lib: t.vmap(several(lib), 1, {"a": 1, "b": (0,)}), (X,)),
    "nested": (lambda t, lib: t.vmap(t.vmap(net(lib), (None, 0)), (None, 0), 0), (W, P)),
    "chunks": (lambda t, lib: t.vmap(lib.tanh, chunk_size=2), (X,)),
    "shared result": (lambda t, lib: t.vmap(lambda a, b: b * 2, (0, None)), (X, W)),
    "jacrev": (lambda t, lib: t.jacrev(several(lib)), (X[0],)),
    "jacfwd": (lambda t, lib: t.jacfwd(several(lib)), (X[0],)),
    "by two": (lambda t, lib: t.jacrev(lambda w, x: lib.tanh(x @ w), (0, 1)), (W, X)),
    "hessian": (lambda t, lib: t.vmap(t.hessian(lambda x: (lib.sin(x) * x).sum() ** 2)), (X,)),
    "mixed": (lambda t, lib: t.hessian(net(lib), (0, 1)), (W, X)),
    "grad of grad": (
        lambda t, lib: t.grad(lambda x: (t.grad(lambda y: (y**3).sum())(x) * x).sum()),
        (X,),
    ),
    "value": (lambda t, lib: t.grad_and_value(net(lib), 1), (W, X)),
    "vjp": (lambda t, lib: lambda x: t.vjp(lib.sin, x)[1](x * 2)[0], (X,)),
    "jvp": (lambda t, lib: lambda x, v: t.jvp(several(lib), (x,), (v,)), (X[0], X[1])),
    "indices": (
        lambda t, lib: t.vmap(lambda x: x[:, 1:][0] + x.reshape(-1)[2] + x.sum(-1)[0]),
        (P,),
    ),
    "products": (lambda t, lib: t.vmap(lambda a, b: a.T @ b, (None, 0)), (X, P)),
}


def flat(tree):
    if isinstance(tree, dict):
        return [leaf for name in sorted(tree) for leaf in flat(tree[name])]
    if isinstance(tree, (tuple, list)):
        return [leaf for one in tree for leaf in flat(one)]
    return [tree.detach().numpy()]


@pytest.mark.parametrize("name", CASES)
def test_a_transform_is_pytorchs(name):
    transform, arrays = CASES[name]
    ours = flat(transform(func, ops)(*[gg.tensor(a) for a in arrays]))
    theirs = flat(transform(torch.func, torch)(*[torch.tensor(a) for a in arrays]))
    for found, wanted in zip(ours, theirs, strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


def test_a_functional_call_is_pytorchs():
    theirs = torch.nn.Linear(3, 4, dtype=torch.float64)

    class Linear:
        def __init__(self):
            self.weight, self.bias = gg.zeros(4, 3, dtype="float64"), gg.zeros(4, dtype="float64")

        def named_parameters(self):
            return [("weight", self.weight), ("bias", self.bias)]

        def __call__(self, x):
            return x @ self.weight.T + self.bias

    def each(t, module, lib):
        return t.vmap(t.grad(lambda d, x: lib.sin(t.functional_call(module, d, (x,))).sum()),
                      in_dims=(None, 0))  # fmt: skip

    own = {"weight": W.T.copy(), "bias": W[0]}
    found = each(func, Linear(), ops)({k: gg.tensor(v) for k, v in own.items()}, gg.tensor(X))
    wanted = each(torch.func, theirs, torch)(
        {k: torch.tensor(v) for k, v in own.items()}, torch.tensor(X)
    )
    for one, other in zip(flat(found), flat(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
