"""Values go to the GPU and back as they are, whatever their type, size and layout."""

import threading

import numpy as np
import pytest

import graftgrad
from graftgrad.spec import as_dtype

pytestmark = pytest.mark.gpu
DTYPES = ("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool",
          "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (5, 7), (300, 400)])
def test_there_and_back(dtype: str, shape: tuple[int, ...]) -> None:
    host = np.random.default_rng(1).integers(0, 100, shape).astype(as_dtype(dtype))
    x = graftgrad.tensor(host, device="gpu")
    assert (str(x.device), x.is_cuda, x.dtype) == ("gpu:0", True, host.dtype)
    np.testing.assert_array_equal(x.cpu().numpy(), host)
    np.testing.assert_array_equal(x.numpy(), host)
    turned = x.T if x.ndim > 1 else x
    np.testing.assert_array_equal(turned.numpy(), host.T)
    strided = graftgrad.tensor(host.T, device="gpu")
    np.testing.assert_array_equal(strided.numpy(), host.T)


def test_a_host_array_may_change_at_once() -> None:
    for size in (10, 10_000, 5_000_000):
        host = np.arange(size, dtype="float32")
        made = []
        for k in range(8):
            host[:] = k
            made.append(graftgrad.tensor(host, device="gpu"))
        host[:] = -1
        assert [float(x.min()) for x in made] == list(range(8))
        assert [float(x.max()) for x in made] == list(range(8))


def test_writing_in_place() -> None:
    x = graftgrad.zeros(4, 6, device="gpu")
    x[1] = 5.0
    x[:, 2] = graftgrad.arange(4, device="cpu")
    x.copy_(x + 1)
    wanted = np.zeros((4, 6))
    wanted[1], wanted[:, 2] = 5, np.arange(4)
    np.testing.assert_array_equal(x.numpy(), wanted + 1)
    with pytest.raises(graftgrad.errors.ShapeError, match="own to write"):
        graftgrad.zeros(1, 3, device="gpu").expand(2, 3).add_(1)


def test_gradients_cross_devices() -> None:
    x = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True, device="cpu")
    ((x * 2).cuda() ** 2).cpu().sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 8 * np.array([1.0, 2.0, 3.0]))


def test_a_seed_gives_the_same_numbers_as_on_the_cpu() -> None:
    for draw in ("rand", "randn"):
        graftgrad.manual_seed(5)
        here = getattr(graftgrad, draw)(1000, device="cpu").numpy()
        there = getattr(graftgrad, draw)(1000, device="gpu").numpy()
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-6)


def test_every_thread_computes_on_the_device() -> None:
    found: list[float] = []

    def work(k: int) -> None:
        x = graftgrad.full((1000,), float(k), device="gpu")
        for _ in range(50):
            x = x + 1
        found.append(float(x.max()) - k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [50.0] * 4


def test_singular_matrices_are_noticed() -> None:
    with pytest.raises(graftgrad.errors.DataError):
        graftgrad.linalg.inv(graftgrad.zeros(3, 3, device="gpu"))
