"""Which device a name stands for, which is the default, and what is said where there is no GPU."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import graftgrad
from graftgrad.device import find
from graftgrad.errors import DeviceError
from support.strict import strict

ABSENT = "there must be an NVIDIA GPU with its driver, and CuPy"
without_gpu = pytest.mark.skipif(find.gpu_count() > 0, reason="there is a GPU")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], text=True, capture_output=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_the_default_is_the_cpu_where_there_is_no_gpu() -> None:
    code = "import graftgrad; print(graftgrad.device(), graftgrad.zeros(2).device)"
    if find.gpu_count():
        assert run(code, GRAFTWORK_DEVICE="").stdout == "gpu:0 gpu:0\n"
    else:
        assert run(code, GRAFTWORK_DEVICE="").stdout == "cpu cpu\n"


def test_an_environment_variable_names_the_default() -> None:
    code = "import graftgrad; print(graftgrad.zeros(2).device)"
    assert run(code, GRAFTWORK_DEVICE="meta").stdout == "meta\n"


@without_gpu
def test_an_environment_variable_that_names_what_is_not_there_is_blamed() -> None:
    done = run("import graftgrad; graftgrad.zeros(2)", GRAFTWORK_DEVICE="gpu")
    assert f"GRAFTWORK_DEVICE=gpu: device: {ABSENT}; got device='gpu'" in done.stderr
    done = run("import graftgrad; graftgrad.zeros(2)", GRAFTWORK_DEVICE="gpux")
    assert "GRAFTWORK_DEVICE=gpux: device: must be" in done.stderr


def test_importing_says_nothing_and_looks_for_nothing() -> None:
    code = """
import sys
import graftwork
from graftgrad.device import find
print(find._search.cache_info().misses, "cupy" in sys.modules)
"""
    done = run(code, GRAFTWORK_DEVICE="gpu")
    assert (done.stdout, done.stderr) == ("0 False\n", "")


def test_with_a_device_tensors_are_made_there() -> None:
    outside = graftgrad.device()
    with graftgrad.device("meta"):
        assert graftgrad.zeros(2).device == graftgrad.device("meta")
        with graftgrad.device("cpu"):
            assert graftgrad.tensor([1.0]).device == graftgrad.device("cpu")
            assert graftgrad.zeros(2, device="meta").device.kind == "meta"
        assert graftgrad.rand(3).device.kind == "meta"
        assert graftgrad.Generator(1).state.device.kind == "meta"
    assert graftgrad.device() is outside


def test_the_default_is_a_thread_s_own() -> None:
    found: list[str] = []
    with graftgrad.device("meta"):
        thread = threading.Thread(target=lambda: found.append(graftgrad.zeros(1).device.kind))
        thread.start()
        thread.join()
    assert found == [find.default_device().kind]


def test_a_device_is_left_where_an_error_passes() -> None:
    before = graftgrad.device()
    with pytest.raises(ZeroDivisionError), graftgrad.device("meta"):
        raise ZeroDivisionError
    assert graftgrad.device() is before


def test_one_object_for_all_names_of_a_device() -> None:
    assert graftgrad.device("cpu") is graftgrad.device(graftgrad.device("cpu"))


@pytest.mark.parametrize("name", ["tpu", "gpu:", "gpu:x", "cpu:0:1", "", 0])
def test_what_is_no_name_of_a_device(name: object) -> None:
    with pytest.raises(DeviceError, match=r'device: must be "cpu", "gpu", "gpu:1" and so on, or'):
        graftgrad.zeros(2, device=name)  # type: ignore[arg-type]


@without_gpu
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "cuda", "cuda:1", "GPU:0"])
def test_a_gpu_that_is_not_there(name: str) -> None:
    with pytest.raises(DeviceError, match=ABSENT) as caught:
        graftgrad.zeros(2).to(name)
    assert f"got device={name!r}, found='no " in str(caught.value)
    assert "pip install 'graftwork[gpu]'" in str(caught.value)


@without_gpu
def test_cuda_tells_the_truth() -> None:
    assert not graftgrad.cuda.is_available()
    assert graftgrad.cuda.device_count() == 0
    assert graftgrad.cuda.memory_allocated() == graftgrad.cuda.memory_reserved() == 0
    graftgrad.cuda.empty_cache()
    for ask in (graftgrad.cuda.current_device, graftgrad.cuda.memory_summary,
                graftgrad.cuda.synchronize, graftgrad.cuda.mem_get_info):  # fmt: skip
        with pytest.raises(DeviceError, match=ABSENT):
            ask()
    with pytest.raises(DeviceError, match="cuda: the device must be a GPU; got device='cpu'"):
        graftgrad.cuda.get_device_name("cpu")


def test_configuration_tells_of_the_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    graftgrad.show_config()
    shown = capsys.readouterr().out
    assert f"gpu      not used: {find.missing()}" in shown or find.gpu_count()


def test_assigned_values_may_come_from_elsewhere() -> None:
    host = graftgrad.tensor([1.0, 2.0], requires_grad=True, device="cpu")
    x = graftgrad.zeros(3, 2, device=strict)
    x[1] = host.detach()
    x[:2, 0].copy_(graftgrad.tensor([5.0, 6.0], device="cpu"))
    y = x * 1
    y[2] = host
    (y * y).cpu().sum().backward()
    np.testing.assert_array_equal(y.detach().cpu().numpy(), [[5, 0], [6, 2], [1, 2]])
    assert host.grad is not None
    np.testing.assert_array_equal(host.grad.numpy(), [2, 4])


def test_moving_within_a_graph() -> None:
    x = graftgrad.tensor([1.0, 2.0], requires_grad=True, device="cpu")
    assert x.cpu() is x
    moved = x.to("meta")
    assert moved.device.kind == "meta"
    assert moved.requires_grad
    with pytest.raises(DeviceError, match="has a shape but no values to read"):
        moved.detach().to("cpu")
