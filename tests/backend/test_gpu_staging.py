"""Copies to a GPU in pieces, on a CuPy whose streams are lists of what is to be done."""

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graftgrad.device import gpu_staging
from graftgrad.device.gpu_staging import Staging


class Event:
    """Done once the stream that recorded it last has come so far."""

    def __init__(self, disable_timing: bool = False) -> None:
        self.latest = [True]

    def record(self, stream: "Stream") -> None:
        self.latest = record = [False]

        def arrived() -> bool:
            record[0] = True
            return True

        stream.waiting.append(arrived)

    def synchronize(self) -> None:
        while not self.latest[0]:
            assert Stream.turn(), "nobody would ever come so far"


class Stream:
    """Does things in order, but only when somebody waits for them."""

    every: "list[Stream]" = []  # noqa: RUF012

    def __init__(self, non_blocking: bool = True) -> None:
        self.waiting: list[Callable[[], bool]] = []
        self.ptr = id(self)
        Stream.every.append(self)

    def wait_event(self, event: Event) -> None:
        record = event.latest
        self.waiting.append(lambda: record[0])

    @staticmethod
    def turn() -> bool:
        """Let the last stream that can do something do it."""
        for stream in reversed(Stream.every):
            if stream.waiting and stream.waiting[0]():
                stream.waiting.pop(0)
                return True
        return False


class Pointer:
    """An address with copies that take place when their turn comes."""

    def __init__(self, ptr: int, keeps: object = None) -> None:
        self.ptr, self.keeps = ptr, keeps

    def __add__(self, offset: int) -> "Pointer":
        return Pointer(self.ptr + offset, self.keeps)

    def copy_from_host_async(self, source: int, size: int, stream: Stream) -> None:
        def copied() -> bool:
            ctypes.memmove(self.ptr, source, size)
            return True

        stream.waiting.append(copied)

    def copy_from_device_async(self, source: "Pointer", size: int, stream: Stream) -> None:
        self.copy_from_host_async(source.ptr, size, stream)


def alloc(nbytes: int) -> Pointer:
    room = np.full(nbytes, 255, np.uint8)
    return Pointer(room.ctypes.data, room)


class Cuda:
    Stream, Event, alloc = Stream, Event, staticmethod(alloc)


class CuPy:
    cuda = Cuda


class Pinned:
    """Hands out host memory."""

    def malloc(self, nbytes: int) -> Any:
        return bytearray(nbytes)


class Target:
    """An array of the device."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.values = np.zeros(shape, dtype)
        self.shape, self.dtype, self.size = shape, self.values.dtype, self.values.size
        self.nbytes = self.values.nbytes
        self.data = Pointer(self.values.ctypes.data)

    def set(self, values: Any, stream: Stream) -> None:
        def copied() -> bool:
            self.values[...] = values
            return True

        stream.waiting.append(copied)


class Place:
    def __init__(self) -> None:
        self.stream = Stream()

    def beside(self, stream: Stream) -> Any:
        return contextlib.nullcontext()


def test_values_arrive_in_order_however_streams_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "every", [])
    monkeypatch.setattr(gpu_staging, "PIECE", 1 << 17)
    place = Place()
    staging = Staging(place, CuPy, Pinned())
    rng = np.random.default_rng(0)
    targets, wanted = [], []
    shapes = [(7,), (300, 201), (64, 1024), (0, 3), (1000, 900), (40_000,)]
    for number, shape in enumerate(shapes):
        host = rng.standard_normal(shape)
        if number == 2:
            host = host.T
        target = Target(host.shape, "f4")
        staging.copy(host, target)
        targets.append(target)
        wanted.append(host.astype("f4"))
        host[...] = -1  # the host may change at once
    while Stream.turn():
        pass
    for target, values in zip(targets, wanted, strict=True):
        np.testing.assert_array_equal(target.values, values)
    assert len(staging.pieces) == gpu_staging.MOST
    staging.settle()
    assert staging.pieces == []
