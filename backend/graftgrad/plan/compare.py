"""Whether two recordings do the same: launch by launch, to the same memory."""

from __future__ import annotations

from typing import Any

from .records import Look, Recording, View

Pairs = tuple[dict[int, int], dict[int, int]]  # which buffer is which, both ways


def same(one: Recording, other: Recording) -> bool:
    """Tell whether two recordings do the same to the same memory."""
    return not difference(one, other)


def difference(one: Recording, other: Recording) -> str:
    """Return where two recordings differ, or nothing where they do the same."""
    if len(one.entries) != len(other.entries):
        return f"{len(one.entries)} launches, then {len(other.entries)}"
    pairs: Pairs = {}, {}
    inputs = list(zip(one.inputs, other.inputs, strict=False))
    if len(one.inputs) != len(other.inputs) or not all(_alike(v, w, pairs) for v, w in inputs):
        return "arguments"
    for a, b in zip(one.entries, other.entries, strict=True):
        if isinstance(a, Look) or isinstance(b, Look):
            if type(a) is not type(b) or len(a.ins) != len(b.ins):
                return f"{a.line} and {b.line}"
            views = list(zip(a.ins, b.ins, strict=True))
        else:
            if a.call != b.call:
                return f"{a.call.function!r} ({a.line}) and {b.call.function!r} ({b.line})"
            views = list(zip((*a.ins, *a.outs), (*b.ins, *b.outs), strict=True))
        if not all(_alike(v, w, pairs) for v, w in views):
            return f"operands at {b.line}"
    outputs = zip(one.outputs, other.outputs, strict=False)
    if len(one.outputs) != len(other.outputs) or not all(_alike(v, w, pairs) for v, w in outputs):
        return "results"
    if [value for _, value in one.decisions] != [value for _, value in other.decisions]:
        return "choices"
    return ""


def _alike(v: View, w: View, pairs: Pairs) -> bool:
    if (v.offset, v.shape, v.strides, v.dtype) != (w.offset, w.shape, w.strides, w.dtype):
        return False
    there, back = pairs
    if there.setdefault(id(v.buffer), id(w.buffer)) != id(w.buffer):
        return False
    if back.setdefault(id(w.buffer), id(v.buffer)) != id(v.buffer):
        return False
    origin = v.buffer.origin
    if origin != w.buffer.origin:
        return False
    if origin in ("made", "input") or v.buffer.array is w.buffer.array:
        return True
    if origin == "restored":
        return _equal(v.buffer.before, w.buffer.before)
    return origin == "constant" and _equal(v.array, w.array)


def _equal(one: Any, other: Any) -> bool:
    """Tell whether two arrays hold the same bytes."""
    same_bytes: bool = one.tobytes() == other.tobytes()
    return same_bytes
