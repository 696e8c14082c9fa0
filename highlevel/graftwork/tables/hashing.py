"""Hashes of strings that stay the same for ever: FarmHash's fingerprint and SipHash with a key.

Strings of one length are hashed together, as the rows of a matrix of bytes: what is decided by
length is decided once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995  # the multiplier by which two fingerprints become one
CROSSING_KEY = 0xDECAFCAFFE  # where TensorFlow begins to join the features of a row


def buckets(strings: Sequence[str], count: int, salt: Sequence[int] | None = None) -> list[int]:
    """Return a number from 0 to count − 1 for each string: its hash, modulo count.

    The hash is FarmHash's 64-bit fingerprint of the string in UTF-8, or SipHash-2-4 under the two
    numbers of `salt`.
    """
    coded = [one.encode() for one in strings]
    if salt is None:
        found = hashed(coded, fingerprint)
    else:
        key = (int(salt[0]) & _MASK, int(salt[1]) & _MASK)
        found = hashed(coded, lambda rows: siphash(rows, key))
    places: list[int] = (found % np.uint64(count)).astype(np.int64).tolist()
    return places


def crossed(columns: Sequence[Words], count: int) -> NDArray[np.int64]:
    """Return a number from 0 to count − 1 for each row of several columns, joined in their order.

    A column holds fingerprints of strings, or whole numbers as they are.
    """
    joined = np.full(len(columns[0]), CROSSING_KEY, np.uint64)
    for column in columns:
        mixed = joined ^ np.uint64(_CROSS)
        mixed = (mixed ^ (_shift_mix(column * _CROSS) * _CROSS)) * _CROSS
        joined = _shift_mix(_shift_mix(mixed) * _CROSS)
    places: NDArray[np.int64] = (joined % np.uint64(count)).astype(np.int64)
    return places


def column_of(values: Any) -> Words:
    """Return what is joined: whole numbers as they are, strings as their fingerprints."""
    if isinstance(values, list):
        return hashed([one.encode() for one in values], fingerprint)
    return np.asarray(values).astype(np.int64).ravel().view(np.uint64)


def hashed(coded: Sequence[bytes], function: Callable[[Bytes], Words]) -> Words:
    """Hash strings of bytes, those of one length together."""
    lengths = np.fromiter((len(one) for one in coded), np.int64, len(coded))
    result = np.empty(len(coded), np.uint64)
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        joined = b"".join([coded[i] for i in places.tolist()])
        rows = np.frombuffer(joined, np.uint8).reshape(len(places), length)
        result[places] = function(rows)
    return result


def fingerprint(rows: Bytes) -> Words:
    """Return the 64-bit fingerprint of every row, (N, L) -> (N,), as FarmHash defines it.

    G. Pike, "FarmHash", 2014: the variant `na`, whose values are promised never to change.
    """
    length = rows.shape[1]
    if length <= 16:
        return _short(rows, length)
    if length <= 32:
        first, second, _, _, mul = _ends(rows, length, _K1)
        return _mix16(first, second, mul)
    return _middle(rows, length) if length <= 64 else _long(rows, length)


def siphash(rows: Bytes, key: tuple[int, int]) -> Words:
    """Return SipHash-2-4 of every row under a key, (N, L) -> (N,).

    J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.
    """
    count, length = rows.shape
    letters = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [np.full(count, key[i % 2] ^ one, np.uint64) for i, one in enumerate(letters)]
    last = np.zeros((count, (length // 8 + 1) * 8), np.uint8)
    last[:, :length] = rows
    last[:, -1] = length & 0xFF
    for start in range(0, last.shape[1], 8):
        word = _fetch(last, start)
        v[3] = v[3] ^ word
        _rounds(v, 2)
        v[0] = v[0] ^ word
    v[2] = v[2] ^ np.uint64(0xFF)
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[Words], count: int) -> None:
    for _ in range(count):
        v[0], v[2] = v[0] + v[1], v[2] + v[3]
        v[1], v[3] = _left(v[1], 13) ^ v[0], _left(v[3], 16) ^ v[2]
        v[0] = _left(v[0], 32)
        v[2], v[0] = v[2] + v[1], v[0] + v[3]
        v[1], v[3] = _left(v[1], 17) ^ v[2], _left(v[3], 21) ^ v[0]
        v[2] = _left(v[2], 32)


def _fetch(rows: Bytes, start: int, size: int = 8) -> Words:
    """Read a word that begins at one place of every row, its lowest byte first."""
    piece = np.ascontiguousarray(rows[:, start : start + size])
    words: Words = piece.view(f"<u{size}")[:, 0].astype(np.uint64)
    return words


def _left(x: Words, bits: int) -> Words:
    turned: Words = (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))
    return turned


def _right(x: Words, bits: int) -> Words:
    return _left(x, 64 - bits)


def _shift_mix(x: Words) -> Words:
    mixed: Words = x ^ (x >> np.uint64(47))
    return mixed


def _mix16(u: Words, v: Words, mul: Any) -> Words:
    a = _shift_mix((u ^ v) * mul)
    mixed: Words = _shift_mix((v ^ a) * mul) * mul
    return mixed


def _short(rows: Bytes, length: int) -> Words:
    """Up to 16 bytes."""
    mul = (_K2 + 2 * length) & _MASK
    if length >= 8:
        a, b = _fetch(rows, 0) + _K2, _fetch(rows, length - 8)
        return _mix16(_right(b, 37) * mul + a, (_right(a, 25) + b) * mul, mul)
    if length >= 4:
        first, last = _fetch(rows, 0, 4), _fetch(rows, length - 4, 4)
        return _mix16((first << np.uint64(3)) + np.uint64(length), last, mul)
    if length == 0:
        return np.full(len(rows), _K2, np.uint64)
    a, b, c = (rows[:, i].astype(np.uint64) for i in (0, length >> 1, length - 1))
    y, z = a + (b << np.uint64(8)), (c << np.uint64(2)) + np.uint64(length)
    return _shift_mix(y * _K2 ^ z * _K0) * _K2


def _ends(rows: Bytes, length: int, factor: int) -> tuple[Words, Words, Words, Words, int]:
    """Mix the two words at the beginning with the two at the end."""
    mul = (_K2 + 2 * length) & _MASK
    a, b = _fetch(rows, 0) * factor, _fetch(rows, 8)
    c, d = _fetch(rows, length - 8) * mul, _fetch(rows, length - 16) * _K2
    first = _right(a + b, 43) + _right(c, 30) + d
    return first, a + _right(b + _K2, 18) + c, a, b, mul


def _middle(rows: Bytes, length: int) -> Words:
    """From 33 to 64 bytes."""
    y, second, a, _, mul = _ends(rows, length, _K2)
    z = _mix16(y, second, mul)
    e, f = _fetch(rows, 16) * mul, _fetch(rows, 24)
    g = (y + _fetch(rows, length - 32)) * mul
    h = (z + _fetch(rows, length - 24)) * mul
    return _mix16(_right(e + f, 43) + _right(g, 30) + h, e + _right(f + a, 18) + g, mul)


def _long(rows: Bytes, length: int) -> Words:
    """More than 64 bytes: blocks of 64, and the last 64 once more."""
    count, seed = len(rows), 81
    begun = (seed * _K1 + 113) & _MASK
    y = np.full(count, begun, np.uint64)
    z = _shift_mix(y * _K2 + np.uint64(113)) * _K2
    x = np.full(count, (seed * _K2) & _MASK, np.uint64) + _fetch(rows, 0)
    zero = np.zeros(count, np.uint64)
    state = (x, y, z, (zero, zero), (zero, zero))
    for block in range((length - 1) // 64):
        state = _block(rows, 64 * block, *state, _K1, 1)
    x, y, z, v, w = state
    mul = ((z & np.uint64(0xFF)) << np.uint64(1)) + np.uint64(_K1)
    tail = w[0] + np.uint64((length - 1) & 63)
    v = (v[0] + tail, v[1])
    w = (tail + v[0], w[1])
    x, y, z, v, w = _block(rows, length - 64, x, y, z, v, w, mul, 9)
    return _mix16(
        _mix16(v[0], w[0], mul) + _shift_mix(y) * _K0 + z, _mix16(v[1], w[1], mul) + x, mul
    )


Pair = tuple[Words, Words]


def _block(
    rows: Bytes, at: int, x: Words, y: Words, z: Words, v: Pair, w: Pair, mul: Any, times: int
) -> tuple[Words, Words, Words, Pair, Pair]:
    factor = np.uint64(times)
    x = _right(x + y + v[0] + _fetch(rows, at + 8), 37) * mul
    y = _right(y + v[1] + _fetch(rows, at + 48), 42) * mul
    x = x ^ (w[1] * factor)
    y = y + v[0] * factor + _fetch(rows, at + 40)
    z = _right(z + w[0], 33) * mul
    v = _weak(rows, at, v[1] * mul, x + w[0])
    w = _weak(rows, at + 32, z + w[1], y + _fetch(rows, at + 16))
    return z, y, x, v, w


def _weak(rows: Bytes, at: int, a: Words, b: Words) -> Pair:
    """Mix four words into two seeds."""
    first, second, third, fourth = (_fetch(rows, at + 8 * i) for i in range(4))
    a = a + first
    b = _right(b + a + fourth, 21)
    c = a + second + third
    return c + fourth, b + _right(c, 44) + a
