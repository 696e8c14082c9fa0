"""Copies from the host to a GPU beside what it computes, by pinned memory.

Values go in pieces: from the host into pinned memory, from there by the copying stream into memory
aside, and, in order with everything else, to where they belong. So the next batch travels while the
device still computes with the last one, and the host waits for neither.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

SMALL = 65_536  # bytes; the driver copies what is smaller aside by itself
PIECE = 32 << 20  # bytes that travel at once
MOST = 8  # pieces under way: as much as a batch, so that a whole one can travel ahead


class Piece:
    """Pinned memory, memory of the device beside it, and when each may be used again."""

    def __init__(self, device: Any, cupy: Any, pinned: Any, nbytes: int, stream: Any) -> None:
        self.nbytes = nbytes
        self.pinned = pinned.malloc(nbytes)
        self.host = np.frombuffer(self.pinned, np.uint8, nbytes)
        with device.beside(stream):  # the pool gives memory out by stream
            self.memory = cupy.cuda.alloc(nbytes)
        self.copied = cupy.cuda.Event(disable_timing=True)
        self.read = cupy.cuda.Event(disable_timing=True)


class Staging:
    """The pieces of one device, used in turn.

    Args:
        device: the device.
        cupy: the module.
        pinned: a pool of pinned memory.
    """

    def __init__(self, device: Any, cupy: Any, pinned: Any) -> None:
        self.device = device
        self.cupy = cupy
        self.pool = pinned
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.pieces: list[Piece] = []
        self.turn = 0
        self.lock = threading.Lock()

    def copy(self, host: Any, array: Any) -> None:
        """Copy host values into a contiguous array of the device; the host may change at once."""
        if not array.size:
            return
        if array.nbytes < SMALL:
            values = np.array(host, array.dtype, order="C")  # a copy: it is read later
            array.set(values.reshape(array.shape), stream=self.device.stream)
            return
        flat = np.ascontiguousarray(host, array.dtype).reshape(-1).view(np.uint8)
        with self.lock:
            for start in range(0, array.nbytes, PIECE):
                part = flat[start : start + PIECE]
                self._send(part, array.data + start)

    def _send(self, part: Any, target: Any) -> None:
        piece, own = self._next(part.size), self.device.stream
        piece.copied.synchronize()  # what it held before has left
        piece.host[: part.size] = part
        self.stream.wait_event(piece.read)  # and has arrived
        piece.memory.copy_from_host_async(piece.host.ctypes.data, part.size, self.stream)
        piece.copied.record(self.stream)
        own.wait_event(piece.copied)
        target.copy_from_device_async(piece.memory, part.size, own)
        piece.read.record(own)

    def _next(self, nbytes: int) -> Piece:
        """Return the piece whose turn it is; one that is too small is made anew."""
        place = self.turn
        self.turn = (self.turn + 1) % MOST
        if place == len(self.pieces):
            self.pieces.append(self._piece(nbytes))
        piece = self.pieces[place]
        if piece.nbytes < nbytes:
            piece.copied.synchronize()
            piece.read.synchronize()
            piece = self.pieces[place] = self._piece(nbytes)
        return piece

    def _piece(self, nbytes: int) -> Piece:
        return Piece(self.device, self.cupy, self.pool, nbytes, self.stream)

    def settle(self) -> None:
        """Let go of all pieces, once what they hold has arrived."""
        with self.lock:
            for piece in self.pieces:
                piece.copied.synchronize()
                piece.read.synchronize()
            self.pieces.clear()
            self.turn = 0
