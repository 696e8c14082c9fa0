"""Functions beside Keras' own: values, gradients, element types, and shapes on symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork
from graftgrad import Tensor

from . import checklist, compare, ops
from .compare import Case
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
# Shapes that depend on values, or are told from them.
NO_SYMBOL = {
    "arange", "array", "bartlett", "bincount", "blackman", "digitize", "eye", "full", "geomspace",
    "hamming", "hanning", "histogram", "identity", "isreal", "kaiser", "linspace", "logspace",
    "lu_factor", "ndim", "nonzero", "ones", "shape", "size", "slice_update", "tri", "unique",
    "zeros", "ctc_decode", "scatter", "vander", "convert_to_tensor", "cholesky_inverse",
}  # fmt: skip
# Where the shape that Keras tells for a symbol is not that of the values which it then computes,
# or where it leaves unknown what the other operands, or a size that is less than any batch, tell.
WRONG_SYMBOL = {
    "adaptive_average_pool(output_size=(2, 3))", "corrcoef()", "slogdet()", "diag()",
    "diagonal(offset=1)", "dot_product_attention()", "dot_product_attention(is_causal=True)",
}  # fmt: skip


@pytest.mark.parametrize("one", ops.CASES, ids=str)
def test_ops(one: Case) -> None:
    ours, theirs = compare.both(f"ops.{one.name}")
    compare.function_agrees(ours, theirs, one)


@pytest.mark.parametrize("one", [one for one in ops.CASES if one.name != "size"], ids=str)
def test_element_types(one: Case) -> None:
    given = compare.arrays(one.inputs)
    settings = one.settings | one.call
    ours, theirs = compare.both(f"ops.{one.name}")
    wanted = theirs(*compare.jaxed(given), **compare.jaxed(settings))
    found = ours(*compare.tensors(given), **compare.tensors(settings))
    kinds = [[str(leaf.dtype) for leaf in compare.leaves(y) if hasattr(leaf, "dtype")]
             for y in (found, wanted)]  # fmt: skip
    assert kinds[0] == kinds[1]


SYMBOLIC = [
    one
    for one in ops.CASES
    if one.name not in NO_SYMBOL and one.inputs and str(one) not in WRONG_SYMBOL
    if (one.name, len(one.inputs)) != ("where", 1)  # places, which depend on values
]


@pytest.mark.parametrize("one", SYMBOLIC, ids=str)
def test_shapes_on_symbols(one: Case) -> None:
    """The first operand becomes a symbol with its batch unknown, where it has one."""
    given = compare.arrays(one.inputs)
    if not hasattr(given[0], "shape") or len(given[0].shape) < 2:
        pytest.skip("no batch")

    def symbols(package: Any) -> list[Any]:
        batch = (None, *given[0].shape[1:])
        made = [package.KerasTensor(batch, dtype=str(given[0].dtype))]
        for x in given[1:]:
            same = hasattr(x, "shape") and x.shape == given[0].shape
            made.append(package.KerasTensor(batch, dtype=str(x.dtype)) if same else x)
        return made

    settings = one.settings | one.call
    try:
        wanted = getattr(keras.ops, one.name)(*symbols(keras), **settings)
    except Exception as error:
        pytest.skip(f"Keras does not: {type(error).__name__}")
    found = getattr(graftwork.ops, one.name)(*symbols(graftwork), **settings)
    for a, b in zip(compare.leaves(found), compare.leaves(wanted), strict=True):
        assert tuple(a.shape) == tuple(b.shape)


def both(name: str, *given: Any, **settings: Any) -> None:
    """Hold a function of lists of arrays against Keras' own."""
    ours, theirs = compare.both(f"ops.{name}")
    found = ours(*compare.tensors(list(given)), **settings)
    compare.close(found, theirs(*compare.jaxed(list(given)), **settings), 3e-5, name)


X, Y = (np.random.default_rng(i).standard_normal((3, 4)).astype("float32") for i in (1, 2))


def test_lists_of_tensors() -> None:
    for name in ("concatenate", "stack", "hstack", "vstack", "dstack"):
        both(name, [X, Y])
    both("concatenate", [X, Y], axis=1)
    both("select", [X > 0, X > -1], [X, Y], default=3.0)
    both("einsum", "ij,kj->ik", X, Y)
    for name in ("fft", "fft2", "ifft2"):
        both(name, (X, Y))
    both("irfft", (X, Y), fft_length=6)
    both("irfft", (X, Y))
    settings = {"sequence_length": 8, "sequence_stride": 4, "fft_length": 8}
    parts = [np.asarray(one) for one in keras.ops.stft(ops.SIGNAL, **settings)]
    both("istft", tuple(parts), **settings)


def test_factors_up_to_signs() -> None:
    for name in ("eigh", "qr"):
        for a, b in zip(getattr(graftwork.ops, name)(ops.SPD), getattr(keras.ops, name)(ops.SPD),
                        strict=True):  # fmt: skip
            compare.close(graftwork.ops.abs(a), np.abs(b), 2e-4, name)
    found = np.sort_complex(graftwork.ops.eig(ops.FLAT_SQUARE)[0].numpy())
    np.testing.assert_allclose(
        found, np.sort_complex(np.asarray(keras.ops.eig(ops.FLAT_SQUARE)[0])), rtol=1e-4
    )
    part = graftwork.ops.argpartition(X, 1)
    order = np.take_along_axis(X, part.numpy(), -1)
    assert np.all(order[:, :1] <= order[:, 1:2])
    assert np.all(order[:, 1:2] <= order[:, 2:])


def _told(package: Any) -> list[Any]:
    k = package.ops
    x = k.convert_to_tensor(X)

    def step(state: Any, row: Any) -> Any:
        state = state * 0.5 + row
        return state, k.sum(state)

    return [
        k.scan(step, k.zeros((4,)), x),
        k.scan(step, k.zeros((4,)), x, reverse=True),
        k.associative_scan(lambda a, b: a + b, x),
        k.associative_scan(lambda a, b: a * b, x, reverse=True, axis=1),
        k.map(lambda row: k.sum(row) * row, x),
        k.vectorized_map(lambda row: k.max(row), x),
        k.vectorize(lambda row: k.sum(row), signature="(n)->()")(x),
        k.fori_loop(0, 4, lambda i, v: v * 0.5 + i, x),
        k.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2), (0, x))[1],
        k.while_loop(lambda v: k.sum(v) < 100.0, lambda v: v + 1.0, x, maximum_iterations=2),
        k.cond(k.sum(x) > 1e9, lambda: x, lambda: -x),
        k.switch(1, [lambda v: v, lambda v: v * 3], x),
        k.switch(9, [lambda v: v, lambda v: v * 3], x),
        k.jvp(lambda v: k.sin(v) * v, (x,), (x,)),
    ]


def test_control_flow() -> None:
    for i, (a, b) in enumerate(zip(_told(graftwork), _told(keras), strict=True)):
        compare.close(a, b, 3e-5, f"expression {i}")


def test_every_function_is_compared() -> None:
    covered = {one.name for one in ops.CASES} | ops.BY_HAND
    here = [name for name in checklist.names("ops", keras) if hasattr(graftwork.ops, name)]
    assert [name for name in here if name not in covered] == []
    assert isinstance(graftwork.ops.ones(2), Tensor)
