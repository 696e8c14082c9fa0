import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError

HOST = np.array([[0.0, -1.5], [2.5, 3.0]], "float32")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("double", "float64"), ("half", "float16"), ("long", "int64"), ("int", "int32"),
     ("bool", "bool"), ("float", "float32")],
)  # fmt: skip
def test_element_types_by_their_names_in_c(name: str, dtype: str) -> None:
    found = getattr(graftgrad.tensor(HOST), name)()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.numpy(), HOST.astype(dtype))


def test_conversions_have_gradients() -> None:
    x = graftgrad.tensor(HOST, requires_grad=True)
    (x.double() * 2 + x.bfloat16().type_as(x)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3, 3], [3, 3]]


def test_shapes_of_others() -> None:
    x, y = graftgrad.arange(4), graftgrad.zeros(2, 2)
    assert x.view_as(y).tolist() == [[0, 1], [2, 3]]
    assert x[:2].expand_as(y).tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ShapeError, match="number of elements must stay"):
        x.view_as(graftgrad.zeros(3))


def test_descriptions() -> None:
    x = graftgrad.tensor(HOST)
    assert (x.dim(), x.numel(), x.element_size()) == (2, 4, 4)
    assert (x.is_contiguous(), x.T.is_contiguous()) == (True, False)
    assert (x.is_floating_point(), x.long().is_floating_point()) == (True, False)
    assert (x.is_complex(), (x * 1j).is_complex()) == (False, True)
