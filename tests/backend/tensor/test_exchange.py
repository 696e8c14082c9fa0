"""Tensors and the arrays of other libraries: memory is shared, gradients do not leave unseen."""

import copy
import pickle  # noqa: TID251

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError


class TestDLPack:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "float16"])
    def test_numpy_both_ways_shares_memory(self, dtype):
        host = np.arange(6).reshape(2, 3).astype(dtype)
        x = graftgrad.from_dlpack(host)
        assert (x.shape, x.dtype) == (host.shape, host.dtype)
        assert np.shares_memory(x.numpy(), host)
        back = np.from_dlpack(x)
        assert np.shares_memory(back, host)
        np.testing.assert_array_equal(back, host)
        assert x.__dlpack_device__() == (1, 0)

    def test_layouts_are_kept(self):
        host = np.arange(12.0).reshape(3, 4).T[::2]
        x = graftgrad.from_dlpack(host)
        assert not x.spec.contiguous
        np.testing.assert_array_equal((x * 2).numpy(), host * 2)

    def test_gradients_do_not_leave(self):
        x = graftgrad.ones(2, requires_grad=True)
        with pytest.raises(GradientError, match=r"dlpack: .*must not leave the graph.*detach\(\)"):
            np.from_dlpack(x)
        assert np.from_dlpack(x.detach()).tolist() == [1, 1]
        assert x.__dlpack_device__() == (1, 0)

    def test_results_are_neither_copied_nor_pickled(self):
        y = graftgrad.ones(2, requires_grad=True) * 2
        said = r"copy: only leaves can be copied or pickled; got grad_fn=.*Use \.clone\(\)"
        for wrong in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(GradientError, match=said):
                wrong(y)
        assert copy.deepcopy(y.detach()).tolist() == [2, 2]

    def test_what_cannot_be_handed_over(self):
        x = graftgrad.ones(2, dtype="bfloat16")
        with pytest.raises(DTypeError, match=r"dlpack: NumPy must know .*\.to\('float32'\)"):
            np.from_dlpack(x)
        with pytest.raises(DTypeError, match=r"from_dlpack: must be an array .*got list"):
            graftgrad.from_dlpack([1, 2])


@pytest.mark.interop
class TestPyTorch:
    def test_both_ways_without_a_copy(self):
        torch = pytest.importorskip("torch")
        theirs = torch.arange(6, dtype=torch.float32).reshape(2, 3)
        x = graftgrad.from_dlpack(theirs)
        x.mul_(2)
        assert theirs.tolist() == [[0, 2, 4], [6, 8, 10]]
        again = torch.from_dlpack(x)
        again.add_(1)
        assert x.tolist() == [[1, 3, 5], [7, 9, 11]]
        assert torch.from_dlpack(graftgrad.ones(2, 3).T).stride() == (1, 3)

    def test_gradients_do_not_come_in(self):
        torch = pytest.importorskip("torch")
        with pytest.raises(DTypeError, match=r"from_dlpack: .*got Tensor"):
            graftgrad.from_dlpack(torch.ones(2, requires_grad=True))

    def test_jax_arrays_come_in_to_be_read(self):
        jnp = pytest.importorskip("jax.numpy")
        x = graftgrad.from_dlpack(jnp.arange(3.0))
        assert (x * 2).tolist() == [0, 2, 4]


class TestNumPy:
    def test_from_numpy_shares(self):
        host = np.zeros(3)
        x = graftgrad.from_numpy(host)
        x[1] = 5
        assert host.tolist() == [0, 5, 0]
        with pytest.raises(DTypeError, match=r"from_numpy: must be a NumPy array .*given='list'"):
            graftgrad.from_numpy([1, 2])
        with pytest.raises(DTypeError, match="byte order"):
            graftgrad.from_numpy(np.zeros(2, ">f4"))

    def test_an_array_on_the_left_gives_a_tensor(self):
        a, x = np.array([1.0, 2.0]), graftgrad.tensor([3.0, 4.0], "float64", requires_grad=True)
        for y in (a + x, a * x, a - x, a / x, a**x, a @ x, a > x, a == x, a // x, a % x):
            assert isinstance(y, graftgrad.Tensor)
        (a * x).sum().backward()
        assert x.grad.tolist() == [1, 2]
        assert isinstance(np.float64(2) * x, graftgrad.Tensor)

    def test_an_array_is_not_changed_by_adding_a_tensor_to_it(self):
        a = b = np.array([1.0, 2.0])
        a += graftgrad.tensor([3.0, 4.0])
        assert isinstance(a, graftgrad.Tensor)
        assert a.tolist() == [4, 6]
        assert b.tolist() == [1, 2]


class TestCopies:
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy,
                                        lambda x: pickle.loads(pickle.dumps(x))])  # fmt: skip
    def test_a_copy_of_a_view_stands_alone(self, copied):
        base = graftgrad.arange(1000)
        y = copied(base[2:4])
        assert y.tolist() == [2, 3]
        assert y.view_of is None
        assert y.counter is not base.counter

    def test_a_pickled_view_is_as_small_as_it_looks(self):
        assert len(pickle.dumps(graftgrad.zeros(100_000)[:2])) < 2000

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "bool"])
    def test_of_every_element_type(self, dtype):
        x = graftgrad.tensor([1, 0, 1]).to(dtype)
        y = pickle.loads(pickle.dumps(x))
        assert y.dtype == x.dtype
        assert ops.array_equal(x, y)
