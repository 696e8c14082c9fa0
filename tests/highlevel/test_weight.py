"""A tensor that a layer owns: its one bit, its values, its place in the graph."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftwork.layers import Dense
from graftwork.weight import Weight

VALUES = np.arange(6, dtype="float32").reshape(2, 3)


def weight(kind: str = "parameter", trainable: bool = True) -> Weight:
    return Weight(graftgrad.tensor(VALUES), "w", kind, trainable)


def test_trainable_is_requires_grad() -> None:
    w = weight()
    assert (w.trainable, w.requires_grad) == (True, True)
    w.trainable = False
    assert w.requires_grad is False
    w.requires_grad = True
    assert w.trainable is True
    assert weight(trainable=False).requires_grad is False


def test_state_never_takes_the_bit() -> None:
    w = weight("state")
    assert w.trainable is False
    w.trainable = True
    assert w.requires_grad is False


def test_assigning_copies_and_keeps_the_buffer() -> None:
    w = weight()
    buffer, given = w.array, np.ones((2, 3), "float64")
    assert w.assign(given) is w
    given[...] = 5
    assert w.array is buffer
    np.testing.assert_array_equal(w.numpy(), np.ones((2, 3)))
    assert str(w.dtype) == "float32"
    w.assign_add(VALUES).assign_sub(1.0)
    np.testing.assert_array_equal(w.numpy(), VALUES)
    w.assign(graftgrad.tensor(VALUES * 2))
    np.testing.assert_array_equal(w.value.numpy(), VALUES * 2)
    assert w.requires_grad


def test_another_shape_changes_nothing() -> None:
    w = weight()
    for bent in (np.zeros((3, 2)), np.zeros((1, 3)), 1.0):
        with pytest.raises(
            ShapeError, match=r'weight "w": the shape must stay; got shape=\(2, 3\)'
        ):
            w.assign(bent)
    np.testing.assert_array_equal(w.numpy(), VALUES)


def test_values_handed_out_are_copies() -> None:
    w = weight()
    out = w.numpy()
    out[...] = 9
    np.testing.assert_array_equal(w.numpy(), VALUES)


def test_it_takes_part_in_the_graph_like_any_leaf() -> None:
    w = weight()
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), 2 * VALUES)
    assert type(w * 2) is graftgrad.Tensor


def test_it_prints_what_it_is() -> None:
    layer = Dense(3, name="head")
    layer(np.zeros((1, 2), "float32"))
    assert repr(layer.kernel) == "<parameter head/kernel, shape=(2, 3), dtype=float32>"
    layer.trainable = False
    assert repr(layer.kernel).endswith(", frozen>")
    assert repr(weight("state")) == "<state w, shape=(2, 3), dtype=float32>"
