"""In which order a GPU enters, copies and lets go of host memory, over a stand-in for CuPy."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.device import find, gpu
from graftgrad.errors import DeviceError, OutOfMemoryError
from graftgrad.kernel import only_reference
from graftgrad.spec import float32
from support import fake_cupy
from support.fake_cupy import LOG


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The first of two GPUs that are none."""
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy.module())
    monkeypatch.setitem(sys.modules, "cupyx", fake_cupy.extension())
    monkeypatch.setattr(find, "_search", lambda: (2, ""))
    monkeypatch.setattr(find, "_DEVICES", {"cpu": find.cpu, "meta": find.meta})
    monkeypatch.setattr(gpu, "_here", gpu._Here())
    gpu.opened.cache_clear()
    fake_cupy.Stream.stack.clear()
    LOG.clear()
    with only_reference():  # kernels of our own would be compiled
        yield graftgrad.device("gpu")
    gpu.opened.cache_clear()


def test_names(place: Any) -> None:
    assert str(place) == "gpu:0"
    assert place is graftgrad.device("cuda") is graftgrad.device("gpu:0")
    assert str(graftgrad.device("cuda:1")) == "gpu:1"
    with pytest.raises(DeviceError, match="that of a GPU, counted from 0; got device='gpu:2', gp"):
        graftgrad.device("gpu:2")
    assert graftgrad.cuda.device_count() == 2
    assert graftgrad.cuda.get_device_name() == "Fake GPU"
    assert graftgrad.cuda.get_device_capability(1) == (9, 0)
    with graftgrad.device("gpu:1"):
        assert graftgrad.cuda.current_device() == 1


def test_a_thread_enters_once_and_again_after_another_device(place: Any) -> None:
    x = graftgrad.tensor([1.0, 2.0], device=place)
    assert place.stream.non_blocking
    first = len(LOG)
    assert LOG[:5] == ["linalg=raise", "use 0", "device 0", "stream.enter", "set 8"]
    x.to("gpu:1")
    assert "use 1" in LOG[first:]
    LOG.clear()
    place.enter()
    place.enter()
    assert LOG == ["use 0", "stream.use"]
    thread = threading.Thread(target=place.enter)
    thread.start()
    thread.join()
    assert LOG == ["use 0", "stream.use", "linalg=raise", "use 0", "stream.enter"]


def test_behind_another_stream_the_own_one_is_current_again(place: Any) -> None:
    # `with stream` of CuPy, also inside of its own functions, goes back to what was entered before
    place.enter()
    outer, inner = fake_cupy.Stream(), fake_cupy.Stream()
    with pytest.raises(ValueError, match="inside"), place.beside(outer):
        assert fake_cupy.Stream.current is outer
        with place.beside(inner):
            assert fake_cupy.Stream.current is inner
        assert fake_cupy.Stream.current is outer
        raise ValueError("inside")
    assert fake_cupy.Stream.current is place.stream
    with fake_cupy.Stream():  # as `ndarray.get` does where it copies
        pass
    assert fake_cupy.Stream.current is place.stream


def test_values_go_there_and_back(place: Any) -> None:
    for dtype in ("float32", "bfloat16", "int64", "complex64", "bool"):
        host = np.arange(24).reshape(2, 3, 4).astype(graftgrad.spec.as_dtype(dtype))
        x = graftgrad.tensor(host.transpose(2, 0, 1), device=place)
        assert (x.shape, x.dtype, x.spec.contiguous) == ((4, 2, 3), host.dtype, True)
        back = x.cpu()
        assert back.device.kind == "cpu"
        np.testing.assert_array_equal(back.numpy(), host.transpose(2, 0, 1))


def test_writing_into_what_is_there(place: Any) -> None:
    array = place.put(np.zeros((3, 4)), float32)
    place.write(array, 2.0)
    place.write(array.T[1:3], np.arange(3))
    np.testing.assert_array_equal(array[:, 1], [0, 1, 2])
    assert array[0, 0] == 2


def test_stretched_memory_is_not_written(place: Any) -> None:
    array = place.put(np.zeros((3, 1)), float32)
    assert place.writable(array)
    assert not place.writable(np.broadcast_to(array, (3, 4)))


def test_no_memory_is_left(place: Any) -> None:
    with pytest.raises(OutOfMemoryError) as caught:
        graftgrad.empty(1024, 1024, device=place)
    assert str(caught.value) == (
        "gpu:0: there must be memory for an array (1024, 1024) float32; got asked=4.00 MiB, "
        "free=3.00 MiB, total=8.00 MiB, held by arrays=0 bytes, held in reserve=512 bytes, held by "
        "libraries and other programs=5.00 MiB. Take a smaller batch, compute segments again with "
        "checkpoint(), keep values in bfloat16, or let go of tensors; "
        "graftgrad.cuda.memory_summary() says more."
    )
    assert isinstance(caught.value, DeviceError)
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, graftgrad.cuda.OutOfMemoryError)


def test_no_memory_is_left_inside_an_op(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = graftgrad.tensor([1.0, 2.0], device=place)

    def full(self: Any, *arrays: Any) -> None:
        raise fake_cupy.FakeOutOfMemory(3 << 20)

    monkeypatch.setattr("graftgrad.kernel.Kernel.run", full)
    monkeypatch.setattr("graftgrad.kernel.choose", lambda call: graftgrad.kernel.Kernel())
    with pytest.raises(OutOfMemoryError, match=r"what Sin computes with; got asked=3.00 MiB"):
        x.sin()


def test_memory_is_told(place: Any) -> None:
    held = graftgrad.zeros(1000, device=place)
    assert held.device is place
    assert graftgrad.cuda.memory_allocated() == gpu.opened().pool.used == 4000 + 4
    assert graftgrad.cuda.memory_reserved("gpu:0") == 4004 + 512
    assert graftgrad.cuda.mem_get_info(0) == (3 << 20, 8 << 20)
    assert graftgrad.cuda.memory_stats()["free"] == 3 << 20
    lines = graftgrad.cuda.memory_summary().splitlines()
    assert lines[0] == "gpu:0 Fake GPU"
    assert lines[3].split() == ["held", "by", "arrays", "3.91", "KiB"]
    graftgrad.cuda.reset_peak_memory_stats()
    watch = gpu.opened().watch()
    watch.malloc_postprocess(device_id=0, mem_size=512, mem_ptr=1)
    watch.malloc_postprocess(device_id=0, mem_size=512, mem_ptr=0)
    watch.free_postprocess(device_id=0, mem_size=512)
    assert graftgrad.cuda.max_memory_allocated() == 4004 + 512
    LOG.clear()
    graftgrad.cuda.empty_cache()
    assert LOG == ["synchronize", "free_all_blocks", "free_all_blocks"]


def test_operands_of_two_devices(place: Any) -> None:
    x, y = graftgrad.zeros(2, device="cpu"), graftgrad.zeros(2, device=place)
    with pytest.raises(DeviceError) as caught:
        x + y
    assert str(caught.value) == (
        "Add: all operands must be on one device; got operand 0='cpu', operand 1='gpu:0'. "
        "Move one with .to(device)."
    )


def test_gradients_come_back_from_another_device(place: Any) -> None:
    x = graftgrad.tensor([1.0, 2.0], requires_grad=True, device="cpu")
    y = x.cuda()
    assert y.is_cuda
    assert not x.is_cuda
    y.cpu().sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [1, 1])
    (second,) = graftgrad.grad((x.cuda().cpu() ** 3).sum(), x, create_graph=True)
    assert second is not None
    second.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 + 6, 1 + 12])


def test_configuration_tells_every_version(
    place: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graftgrad.kernels.cublas.library._found", lambda: (None, "no cuBLAS"))
    monkeypatch.setattr("graftgrad.kernels.cudnn.frontend._found", lambda: (None, "no cuDNN"))
    monkeypatch.setattr("graftgrad.kernels.cuda.library._cupy", fake_cupy.module)
    graftgrad.show_config()
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line.startswith(("gpu", "cu"))] == [
        "gpu      Fake GPU (9.0), 2 in all, driver for CUDA 13.2, CuPy 0.0 (fake)",
        "cublas   not used: no cuBLAS",
        "cudnn    not used: no cuDNN",
        "cuda     compiled by NVRTC 13.2",
    ]
