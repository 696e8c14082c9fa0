"""A function of one sample against a loop over the samples. Every op has a check of its own."""

import gc

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.errors import ConfigError, DataError, GradientError, ShapeError
from graftgrad.func import functional_call, grad, vmap
from graftgrad.func import mapped as room
from graftgrad.kernel import Launch
from graftgrad.modes import taped

DRAW = np.random.default_rng(0)
W, X = gg.tensor(DRAW.normal(size=(3, 4))), gg.tensor(DRAW.normal(size=(5, 3)))
LABELS = gg.tensor(DRAW.integers(0, 4, 5))


def loss(w, x, label):
    return ops.cross_entropy(ops.tanh(x @ w), label)


def looped(function, *several):
    return np.stack([function(*some).detach().numpy() for some in zip(*several, strict=True)])


def test_axes_of_arguments_and_results():
    found = vmap(lambda a, b: a * b.sum(), in_dims=(1, None), out_dims=1)(W, X)
    np.testing.assert_array_equal(found.numpy(), (W * X.sum()).numpy())
    pairs = vmap(lambda d: (d["a"][0] + 1, [d["b"]]), in_dims=({"a": -1, "b": None},))(
        {"a": (X, X), "b": W}
    )
    np.testing.assert_array_equal(pairs[0].numpy(), X.numpy().T + 1)
    assert pairs[1][0].shape == (3, 3, 4)
    table = vmap(vmap(lambda a, b: (a * b).sum(), (None, 0)), (0, None))(X, X)
    np.testing.assert_allclose(table.numpy(), X.numpy() @ X.numpy().T, rtol=1e-14)
    named = vmap(lambda *, x: x * 2)(x=X)
    np.testing.assert_array_equal(named.numpy(), 2 * X.numpy())


def test_gradients_for_each_sample_and_through_all_of_them():
    each = vmap(grad(loss), in_dims=(None, 0, 0))
    alone = looped(lambda x, label: grad(loss)(W, x, label), X, LABELS)
    np.testing.assert_allclose(each(W, X, LABELS).numpy(), alone, rtol=1e-13)
    w = W.clone().requires_grad_()
    (each(w, X, LABELS) ** 2).sum().backward()
    other = W.clone().requires_grad_()
    for x, label in zip(X, LABELS, strict=True):
        (found,) = gg.grad(loss(other, x, label), other, create_graph=True)
        (found**2).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def test_all_samples_are_one_launch():
    launches: list[Launch] = []
    with taped(launches):
        vmap(lambda x: ops.softmax(ops.tanh(x @ W)))(X)
    assert [one.call.function.name for one in launches] == ["MatMul", "Tanh", "Softmax"]
    launches.clear()
    with taped(launches):
        vmap(lambda x: ops.tanh(x), chunk_size=2)(X)
    assert sum(one.call.function.name == "Tanh" for one in launches) == 3


def test_what_changes_in_place_changes_for_each_sample():
    def function(x):
        y = gg.zeros_like(x)
        y[0] = x[1]
        part = y[1:]
        part.add_(x[0])
        y.mul_(2)
        return y

    np.testing.assert_array_equal(vmap(function)(X).numpy(), looped(function, X))
    with pytest.raises(GradientError, match="target must have memory for every sample where it is"):
        vmap(lambda x: gg.zeros(3, dtype="float64").copy_(x))(X)
    w = W.clone().requires_grad_()
    with pytest.raises(GradientError, match="must not change in place where gradients pass"):
        vmap(lambda x: gg.zeros_like(x @ W).copy_(x @ w))(X)


def test_random_numbers_for_samples():
    def shifted(x):
        return x + generator.uniform(size=(3,), dtype="float64")

    generator = gg.Generator(3)
    expected = gg.Generator(3)
    found = vmap(shifted, randomness="different")(X).numpy()
    drawn = [expected.uniform(size=(3,), dtype="float64").numpy() for _ in range(5)]
    np.testing.assert_array_equal(found, X.numpy() + drawn)
    found = vmap(shifted, randomness="same")(X).numpy()
    drawn = expected.uniform(size=(3,), dtype="float64").numpy()
    np.testing.assert_array_equal(found, X.numpy() + drawn)
    inner = vmap(lambda x: x + generator.uniform(dtype="float64"), randomness="different")
    noise = vmap(inner, randomness="same")(X).numpy() - X.numpy()
    assert len(np.unique(noise.round(12))) == 3
    with pytest.raises(ConfigError, match="random numbers inside need a word on whether samples"):
        vmap(shifted)(X)


@pytest.mark.parametrize(
    ("draw", "wanted"),
    [
        (gg.rand_like, lambda x: gg.rand(x.shape, dtype=x.dtype)),
        (gg.randn_like, lambda x: gg.randn(x.shape, dtype=x.dtype)),
        (lambda x: gg.randint_like(x, 9), lambda x: gg.randint(9, size=x.shape)),
        (lambda x: gg.normal(x, 1.0), lambda x: gg.normal(x, 1.0)),
        (lambda x: gg.bernoulli(ops.sigmoid(x)), lambda x: gg.bernoulli(ops.sigmoid(x))),
        (lambda x: gg.multinomial(ops.exp(x), 2), lambda x: gg.multinomial(ops.exp(x), 2)),
    ],
)
def test_the_default_generator_draws_for_samples(draw, wanted):
    gg.manual_seed(4)
    found = vmap(vmap(draw, randomness="different"), randomness="different")(X[:4].reshape(2, 2, 3))
    drawn = found.numpy().swapaxes(0, 1).reshape(4, -1)  # the samples outside draw one by one
    gg.manual_seed(4)
    np.testing.assert_array_equal(drawn, looped(wanted, X[[0, 2, 1, 3]]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vmap(abs, randomness="no"), ConfigError, "randomness must be one of"),
        (lambda: vmap(abs, chunk_size=0), ConfigError, "chunk_size must be positive, or None"),
        (lambda: vmap(abs)(), ConfigError, "something must have an axis of samples; got arg"),
        (lambda: vmap(abs)(2.0), ConfigError, "what has an axis of samples must be a tensor; got"),
        (lambda: vmap(abs)(X[0, 0]), ShapeError, "what has an axis of samples must have axes"),
        (lambda: vmap(abs, in_dims=2)(X), ShapeError, r"axis must lie in \[-2, 2\)"),
        (lambda: vmap(abs, in_dims=(0, 0))(X), ConfigError, "in_dims must have the form of what"),
        (lambda: vmap(abs, in_dims=0.5)(X), ConfigError, "in_dims must hold whole numbers, or N"),
        (lambda: vmap(ops.add)(X, W), ShapeError, "there must be samples, and as many in every"),
        (lambda: vmap(abs)(X[:0]), ShapeError, "there must be samples, and as many in every"),
        (lambda: vmap(lambda x: 1)(X), ConfigError, "the function must return tensors; got"),
        (lambda: vmap(abs, out_dims=None)(X), ConfigError, "results must say where their samples"),
        (lambda: vmap(float)(X), ShapeError, "item: there must be exactly one element"),
        (lambda: vmap(lambda x: x[x > 0])(X), GradientError, "values of a sample must not be read"),
        (lambda: vmap(lambda x: x @ X)(X), ShapeError, "matmul: columns of a must be rows of b"),
        (lambda: vmap(lambda x, y: ops.cross_entropy(x, y), (0, 0))(X, LABELS), DataError,
         r"labels must lie in \[0, 3\)"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_sample_is_shown_by_its_shape():
    shown = []
    vmap(lambda x: shown.append((repr(x), f"{x.sum()}")) or x)(X)
    whence = f"dtype=float64, device='vmap of 5 on {X.device}'"
    assert shown == [(f"tensor(shape=(3,), {whence})", f"tensor(shape=(), {whence})")]


def test_samples_stay_inside():
    kept = []
    vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(GradientError, match="a sample must not leave the vmap that it belongs to"):
        vmap(lambda x: x + kept[0])(X)
    with pytest.raises(GradientError, match="a sample must not leave the vmap that it belongs to"):
        vmap(lambda x: kept[0])(X)


def test_an_op_that_says_nothing_goes_one_by_one(monkeypatch):
    asked = []
    alone = room.one_by_one
    monkeypatch.setattr(room, "one_by_one", lambda f, xs: asked.append(f.name) or alone(f, xs))
    images = gg.tensor(DRAW.normal(size=(2, 1, 4, 4, 3)))
    filters = gg.tensor(DRAW.normal(size=(2, 2, 2, 3, 2)))
    shared = vmap(ops.conv2d, in_dims=(0, None))(images, filters[0])
    assert not asked
    own = vmap(ops.conv2d)(images, filters)
    assert asked == ["Conv2D"]
    np.testing.assert_allclose(own.numpy()[0], shared.numpy()[0], rtol=1e-13)
    np.testing.assert_allclose(own.numpy(), looped(ops.conv2d, images, filters), rtol=1e-13)


def test_nothing_is_left_for_the_collector():
    gc.collect()
    gc.disable()
    try:
        vmap(grad(loss), in_dims=(None, 0, 0))(W, X, LABELS)
        before = len(gc.get_objects())
        for _ in range(20):
            vmap(grad(loss), in_dims=(None, 0, 0))(W, X, LABELS)
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()


class Line:
    """A module in PyTorch's manner."""

    def __init__(self):
        self.slope = gg.tensor([2.0], requires_grad=True)
        self.seen = gg.tensor([0.0])

    def named_parameters(self):
        return [("slope", self.slope), ("seen", self.seen)]

    def __call__(self, x, shift=0.0):
        self.seen.add_(1)
        return self.slope * x + shift


def test_a_module_is_called_with_other_weights():
    line = Line()
    slope, seen = gg.tensor([5.0], requires_grad=True), gg.tensor([0.0])
    y = functional_call(line, {"slope": slope, "seen": seen}, gg.tensor([3.0]), {"shift": 1.0})
    y.sum().backward()
    assert (y.tolist(), slope.grad.tolist(), seen.tolist()) == ([16.0], [3.0], [1.0])
    assert (line.slope.tolist(), line.slope.grad, line.seen.tolist()) == ([2.0], None, [0.0])
    assert line.slope.is_leaf
    assert functional_call(line, [{"slope": slope}, {}], (gg.tensor([1.0]),)).tolist() == [5.0]
    with pytest.raises(TypeError):
        functional_call(line, {"slope": slope}, ())
    assert line.slope.tolist() == [2.0]
    several = gg.tensor([[1.0], [2.0]])
    each = vmap(grad(lambda s, x: functional_call(line, {"slope": s}, x).sum()))(several, several)
    assert each.tolist() == [[1.0], [2.0]]
    assert line.slope.tolist() == [2.0]


@pytest.mark.parametrize(
    ("module", "given", "error", "message"),
    [
        (
            Line(),
            {"bias": X},
            ConfigError,
            "every name must be that of a weight of the module; got",
        ),
        (
            Line(),
            {"slope": X, "seen": X},
            ShapeError,
            "a tensor must have the shape of the",
        ),
        (
            Line(),
            {},
            ConfigError,
            r"under strict every weight needs a tensor; got missing=\['slope",
        ),
        (abs, {}, ConfigError, "the module must list its weights, as layers and models"),
    ],
)
def test_what_a_functional_call_refuses(module, given, error, message):
    with pytest.raises(error, match=message):
        functional_call(module, given, (X,), strict=True)
