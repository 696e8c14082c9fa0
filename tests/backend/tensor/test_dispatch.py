"""NumPy's functions on tensors: the result, and its gradient, is what ours gives."""

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import GradientError

A = np.array([[0.3, 0.5], [0.7, 0.2]])


def wanting(values=A):
    return graftgrad.tensor(values, "float64", requires_grad=True)


@pytest.mark.parametrize(
    "call",
    [
        np.sin,
        np.negative,
        np.conjugate,
        np.degrees,
        lambda x: np.add(A, x),
        lambda x: np.multiply(x, A),
        lambda x: A - x,
        lambda x: A @ x,
        lambda x: A**x,
        lambda x: np.float64(2) / x,
        lambda x: np.maximum(x, 0.4),
        lambda x: np.arctan2(x, A),
        np.sum,
        np.max,
        lambda x: np.mean(x, axis=0, keepdims=True),
        lambda x: np.std(x, axis=1, ddof=1),
        lambda x: np.concatenate([x, A], axis=1),
        lambda x: np.stack([A, x]),
        lambda x: np.where(A > 0.4, x, A),
        lambda x: np.reshape(x, (4,)),
        lambda x: np.clip(x, 0.25, 0.6),
        lambda x: np.clip(x, a_min=0.25, a_max=0.6),
        np.cumsum,
        lambda x: np.cumprod(x, 1),
        lambda x: np.einsum("ij,kj->ik", x, A),
        lambda x: np.linalg.det(x),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.fft.ifft(np.fft.fft(x)).real,
    ],
)
def test_results_are_tensors_with_gradients(call) -> None:
    x = wanting()
    y = call(x)
    assert isinstance(y, graftgrad.Tensor)
    np.testing.assert_allclose(y.detach().numpy(), call(A), rtol=1e-12)
    assert graftgrad.gradcheck(lambda x: np.real(call(x)), [x])


def test_tests_and_places_are_tensors_too() -> None:
    x = wanting()
    assert (A < x + 1).dtype == "bool"
    assert np.argmax(x, axis=1).tolist() == [1, 0]
    assert np.isnan(x.detach()).tolist() == [[False, False], [False, False]]
    assert np.allclose(x, A) is True


def test_descriptions_ask_for_no_values() -> None:
    x = wanting()
    assert np.shape(x) == (2, 2)
    assert np.ndim(x) == 2
    assert np.size(x) == 4
    assert not np.iscomplexobj(x)


def test_what_only_numpy_has_works_on_arrays() -> None:
    x = wanting().detach()
    assert isinstance(np.add.reduce(x), np.ndarray)
    assert isinstance(np.interp(x, [0.0, 1.0], [0.0, 2.0]), np.ndarray)
    assert np.sum(x, where=A > 0.4) == 1.2
    assert np.sort(x, 0, "stable").tolist() == np.sort(A, 0).tolist()
    assert np.sum(x, 0, "float32").shape == (2,)
    assert np.cov(x[0], x[1]).tolist() == np.cov(A[0], A[1]).tolist()
    assert np.shares_memory(x, np.asarray(x))
    with pytest.raises(GradientError, match="must not leave the graph"):
        np.sum(wanting(), where=A > 0.4)


def test_numpy_writes_into_no_tensor() -> None:
    x = graftgrad.zeros(2, 2)
    with pytest.raises(TypeError, match="NotImplemented"):
        np.add(A, 1, out=x)
    with pytest.raises(TypeError, match="no implementation found"):
        np.copyto(x, A)
    assert x.tolist() == [[0, 0], [0, 0]]
