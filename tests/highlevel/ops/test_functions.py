"""Functions under Keras' names beside NumPy's: tensors, arrays, lists and numbers go in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from graftwork import ops

X = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
Y = np.random.default_rng(1).uniform(0.5, 2, (3, 4)).astype("float32")
GAPS = np.where(np.arange(12).reshape(3, 4) % 5 == 0, np.nan, X).astype("float32")

SAME = (
    "absolute add amax arctan2 argmax argsort average ceil concatenate copy cumprod "
    "cumsum diag diff divide dstack equal exp expm1 flip floor fmax hstack hypot inner "
    "kron less log1p logaddexp max maximum mean median min minimum moveaxis multiply "
    "negative outer power prod ptp ravel rot90 sign sinh sort sqrt square stack std "
    "subtract sum swapaxes tan tanh tensordot trace transpose tril triu true_divide trunc "
    "vander var vdot vstack where "
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "concatenate": ([X, Y],), "stack": ([X, Y],), "hstack": ([X, Y],), "vstack": ([X, Y],),
    "dstack": ([X, Y],), "moveaxis": (X, 0, 1), "swapaxes": (X, 0, 1), "vander": (X[0],),
    "where": (X > 0, X, Y), "sqrt": (Y,), "power": (Y, X), "outer": (X[0], Y[0]),
    "tensordot": (X, Y.T, 1), "log1p": (Y,),
}  # fmt: skip
BINARY = ("add arctan2 divide equal fmax hypot inner kron less logaddexp maximum minimum multiply "
          "subtract true_divide vdot").split()  # fmt: skip


def host(tree: Any) -> Any:
    """Return tensors of a structure as arrays."""
    return [host(one) for one in tree] if isinstance(tree, (list, tuple)) else np.asarray(tree)


@pytest.mark.parametrize("name", SAME.split())
def test_as_numpy_has_it(name: str) -> None:
    given = ARGUMENTS.get(name, (X, Y) if name in BINARY else (X,))
    wanted = getattr(np, name)(*given)
    np.testing.assert_allclose(getattr(ops, name)(*given).numpy(), wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["nansum", "nanmax", "nanmean", "nanstd", "nanmedian", "nanprod"])
def test_what_is_no_number_is_left_out(name: str) -> None:
    for axis in (None, 0, 1):
        wanted = getattr(np, name)(GAPS, axis)
        np.testing.assert_allclose(getattr(ops, name)(GAPS, axis).numpy(), wanted, rtol=1e-5)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(method: str) -> None:
    for q, axis, keepdims in ((0.3, 1, False), ([0.1, 0.9], None, True), (0.5, (0, 1), False)):
        wanted = np.quantile(X, q, axis, method=method, keepdims=keepdims)
        found = ops.quantile(X, q, axis, method, keepdims).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    with pytest.raises(ConfigError, match="method must be one of"):
        ops.quantile(X, 0.5, method="guess")


def test_numbers_and_lists_are_operands() -> None:
    assert str(ops.add(1, 2).dtype) == "int32"
    assert str(ops.multiply([1, 2], 1.5).dtype) == "float32"
    assert ops.maximum(1.0, [0, 3]).tolist() == [1, 3]
    assert ops.stack([1.0, graftgrad.tensor(2.0)]).tolist() == [1, 2]
    assert ops.convert_to_tensor([graftgrad.tensor(1), 2]).shape == (2,)
    assert ops.mean([1, 2]).item() == 1.5
    assert ops.where([True, False], 1, 2.5).tolist() == [1, 2.5]


def test_element_types_meet_as_in_keras() -> None:
    one = {kind: graftgrad.ones(1, dtype=kind) for kind in
           ("int32", "float16", "bfloat16", "float32", "uint8", "int8", "bool")}  # fmt: skip
    for a, b, wanted in (
        ("int32", "float16", "float16"), ("float16", "bfloat16", "float32"),
        ("uint8", "int8", "int16"), ("bool", "int8", "int8"), ("int32", "float32", "float32"),
    ):  # fmt: skip
        assert str(ops.add(one[a], one[b]).dtype) == wanted
    assert str(ops.sum(one["int8"]).dtype) == "int32"
    assert str(ops.argmax(one["float32"]).dtype) == "int32"


def test_gradients_flow_through_the_layer_of_names() -> None:
    x = graftgrad.tensor(X).requires_grad_()
    ops.sum(ops.multiply(ops.exp(x), 2.0)).backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(X), rtol=1e-5)

    @ops.custom_gradient
    def doubled(x: Any) -> Any:
        return x * 2, lambda upstream: upstream * 7

    x.grad = None
    ops.sum(doubled(x)).backward()
    assert np.all(x.grad.numpy() == 7)
    x.grad = None
    ops.sum(ops.stop_gradient(x) * x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), X)


def test_loops_and_branches() -> None:
    state, seen = ops.scan(lambda s, x: (s + x, s * 2), 0.0, np.float32([1, 2, 3]))
    assert (state.item(), seen.tolist()) == (6.0, [0, 2, 6])
    assert ops.scan(lambda s, _: (s + 1, None), 0, length=3)[0].item() == 3
    for n in (1, 2, 5, 8):
        row = np.arange(1.0, n + 1, dtype="float32")
        found = ops.associative_scan(lambda a, b: a * b, row).numpy()
        np.testing.assert_allclose(found, np.cumprod(row))
        back = ops.associative_scan(lambda a, b: a + b, row, reverse=True).numpy()
        np.testing.assert_allclose(back, np.cumsum(row[::-1])[::-1])
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0).item() == 6
    assert ops.fori_loop(0, 3, lambda i, v: v + i, 1).item() == 4
    assert ops.cond(ops.sum([1]) > 0, lambda: 1, lambda: 2) == 1
    assert ops.switch(5, [lambda: "a", lambda: "b"]) == "b"
    assert ops.map(lambda x: x * 2, np.array([1, 2])).tolist() == [2, 4]
    y, product = ops.jvp(ops.square, (3.0,), (1.0,))
    assert (y.item(), product.item()) == (9, 6)
    with pytest.raises(ConfigError, match="xs or length must be given"):
        ops.scan(lambda s, x: (s, x), 0)
    with pytest.raises(ShapeError, match="one first axis, of one size"):
        ops.map(lambda x: x, 3.0)


def test_axes_by_name() -> None:
    x = np.arange(2 * 6 * 3).reshape(2, 6, 3)
    found = ops.rearrange(x, "b (h w) c -> b c h w", h=2).numpy()
    np.testing.assert_array_equal(found, x.reshape(2, 2, 3, 3).transpose(0, 3, 1, 2))
    assert ops.rearrange(x, "b ... -> ... b").shape == (6, 3, 2)
    assert ops.rearrange(x, "b t c -> (b t) 1 c").shape == (12, 1, 3)
    for pattern, kind, word in (
        ("a b c", ConfigError, "one arrow"), ("a b c -> a b", ConfigError, "once on each side"),
        ("a (b c -> a b c", ConfigError, "brackets must close"),
        ("a b -> b a", ShapeError, "an entry for each axis"),
        ("a (b d) c -> a b c d", ConfigError, "sizes of all but one"),
        ("a ? c -> a c", ConfigError, "names, brackets"),
    ):  # fmt: skip
        with pytest.raises(kind, match=word):
            ops.rearrange(x, pattern)
    with pytest.raises(ShapeError, match="divide into its parts"):
        ops.rearrange(x, "a (b d) c -> a b c d", b=4)
    with pytest.raises(ShapeError, match="product of its parts"):
        ops.rearrange(x, "a (b d) c -> a b c d", b=4, d=2)


def test_scattered_values() -> None:
    at = [[0], [2], [0]]
    assert ops.scatter(at, [1.0, 2.0, 3.0], (4,)).tolist() == [4, 0, 2, 0]
    zeros = np.zeros(3, "float32")
    assert ops.scatter_update(zeros, [[1], [-1]], [5.0, 6.0]).tolist() == [0, 5, 6]
    assert ops.scatter_update(zeros + 1, at, [2.0, -3.0, 4.0], "max").tolist() == [4, 1, 1]
    assert ops.scatter_update(zeros + 1, at, [2.0, -3.0, 4.0], "mul").tolist() == [8, 1, -3]
    with pytest.raises(ConfigError, match="reduction must be None or one of"):
        ops.scatter_update(zeros, at, [1.0, 1.0, 1.0], "mean")


def test_what_does_not_fit() -> None:
    for bad in (
        lambda: ops.convert_to_tensor(1, sparse=True),
        lambda: ops.one_hot([1], 2, sparse=True),
        lambda: ops.bincount([1], sparse=True),
    ):
        with pytest.raises(ConfigError, match="dense"):
            bad()
    with pytest.raises(DTypeError, match="float32 or float64"):
        ops.stft([1, 2, 3], 2, 1, 2)
    with pytest.raises(ConfigError, match="must not be below sequence_length"):
        ops.stft(np.ones(9, "float32"), 4, 1, 2)
    with pytest.raises(ConfigError, match="hann, hamming or values"):
        ops.stft(np.ones(9, "float32"), 4, 1, 4, window="box")
    with pytest.raises(ConfigError, match="real and imaginary parts"):
        ops.fft(X)
    with pytest.raises(ShapeError, match="num must be the size of the axis"):
        ops.unstack(X, num=2)
    with pytest.raises(ConfigError, match="valid, same or full"):
        ops.correlate(X[0], X[0], mode="all")
    with pytest.raises(ConfigError, match="2 or 3 parts"):
        ops.cross(X, X)
    with pytest.raises(ShapeError, match="one, two or three axes of places"):
        ops.conv(X, X)
    with pytest.raises(ShapeError, match="at least two axes"):
        ops.pinv(X[0])
