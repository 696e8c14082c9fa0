"""One computation by each library: where one of these fails, look there before anywhere else."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.plan import captured

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)


def on_gpu(*shape: int) -> Tensor:
    return graftgrad.tensor(RNG.standard_normal(shape), "float32", "gpu")


def agrees(function: Callable[..., Any], *operands: Tensor) -> None:
    here = function(*[x.cpu() for x in operands]).numpy()
    np.testing.assert_allclose(function(*operands).cpu().numpy(), here, rtol=2e-4, atol=2e-4)


def test_configuration_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    graftgrad.show_config()
    told = capsys.readouterr().out
    print(told)
    for name in ("cublas", "cudnn", "cuda"):
        (line,) = [line for line in told.splitlines() if line.startswith(f"{name} ")]
        assert "not used" not in line, line


def test_cupy_itself() -> None:
    cupy: Any = importlib.import_module("cupy")
    np.testing.assert_array_equal((cupy.arange(5) * 2).get(), [0, 2, 4, 6, 8])


def test_a_kernel_of_our_own() -> None:
    agrees(lambda x, y: ops.tanh(x * y + 1), on_gpu(40, 50), on_gpu(50))


def test_a_reduction_of_our_own() -> None:
    agrees(lambda x: x.sum(0), on_gpu(400, 50))


def test_a_product_by_cublas() -> None:
    agrees(lambda x, y: x @ y, on_gpu(40, 50), on_gpu(50, 30))


def test_a_convolution_by_cudnn() -> None:
    agrees(lambda x, w: ops.conv2d(x, w, padding="same"), on_gpu(2, 8, 8, 16), on_gpu(3, 3, 16, 8))


def test_a_gradient() -> None:
    def slope(x: Tensor, w: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        ops.relu(x @ w).sum().backward()
        assert x.grad is not None
        return x.grad

    agrees(slope, on_gpu(30, 20), on_gpu(20, 10))


def test_a_graph() -> None:
    w = on_gpu(20, 20)
    run = captured(lambda x: ops.tanh(x @ w).sum(1))
    for _ in range(6):
        x = on_gpu(8, 20)
        np.testing.assert_allclose(run(x).numpy(), np.tanh(x.numpy() @ w.numpy()).sum(1),
                                   rtol=1e-4, atol=1e-4)  # fmt: skip
    assert run.replayed > 2
    assert "one by one" not in run.report(False), run.report(False)
