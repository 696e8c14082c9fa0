"""One generic kernel for every op that states itself as C, and for updates in place.

A thread computes as many neighbouring elements as fit into 16 bytes where arrays allow it. Arrays
that stretch or lie with gaps are walked by collapsed strides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from ...device.base import address
from ...function import Function
from ...kernel import Call, Kernel
from ...spec import Spec, float64, is_floating
from ..native.program import Unsupported
from ..native.translate import stated
from .geometry import Walk, collapsed, elements, reach, stretched
from .launches import INDEX_LIMIT, THREADS, Launch, Launched, Lie, int32, int64, over
from .prelude import TEXT, TYPES, real_of, type_of
from .translate import Value, Writer, operand

WIDE = 16  # bytes that a thread reads at once
MOST_OPERANDS = 24
MOST_AXES = 8
_NAMES = re.compile(r"[A-Za-z_]\w*")

# from a writer and the operands' values to the results' values, by the operands' numbers
Write = Callable[[Writer, Sequence[Value]], dict[int, Value]]


class Elementwise(Launched):
    """One op, or several in a row, element by element."""

    def __init__(self, call: Call, write: Write) -> None:
        super().__init__(call)
        self.inplace = bool(call.function.updates)
        self.specs = call.ins if self.inplace else (*call.ins, *call.outs)
        inputs = len(call.ins)
        self.written = (
            tuple(type(call.function).updated) if self.inplace else
            tuple(range(inputs, len(self.specs)))
        )  # fmt: skip
        self.text = body(self.specs, inputs, self.written, write)

    def launches(self, arrays: Any) -> list[Launch] | None:
        """Return the launch, or None where an operand lies across one that is changed."""
        if self.inplace and _across(arrays, self.written):
            return None
        return super().launches(arrays)

    def listed(self, lie: Sequence[Lie]) -> list[Launch] | None:
        """Return the one launch for arrays that lie so."""
        whole = self.specs[self.written[0]].shape
        steps = []
        for spec, one in zip(self.specs, lie, strict=True):
            own = elements(one.strides, spec.dtype.itemsize)
            found = None if own is None else stretched(spec.shape, own, whole)
            if found is None:
                return None
            steps.append(found)
        walk = collapsed(whole, steps)
        if len(walk.sizes) > MOST_AXES:
            return None
        return [launch(self.text, self.specs, self.written, walk, [one.aligned for one in lie])]


def body(specs: Sequence[Spec], inputs: int, written: Sequence[int], write: Write) -> str:
    """Return the device function that computes one element of every result.

    Raises:
        Unsupported: it cannot be expressed.
    """
    first = specs[written[0]].dtype
    floats = [spec.dtype for spec in specs[:inputs] if is_floating(spec.dtype)]
    wide = first if is_floating(first) else max(floats, key=lambda d: d.itemsize, default=first)
    real = "double" if wide == float64 else "float"
    writer = Writer(real, real_of(first) if not is_floating(first) else "long long")
    values = [operand(f"x{i}", spec.dtype, real) for i, spec in enumerate(specs[:inputs])]
    stores = []
    for slot, x in write(writer, values).items():
        stores.append((slot, writer.as_result(x, specs[slot].dtype)))
    lines = [
        f"const {real_of(spec.dtype)} x{i} = widen(p{i});" for i, spec in enumerate(specs[:inputs])
    ]
    lines += writer.lines
    lines = used(lines, [text for _, text in stores])
    lines += [f"p{slot} = narrow<{type_of(specs[slot].dtype)}>({text});" for slot, text in stores]
    parameters = ", ".join(
        f"{'' if i in written else 'const '}{type_of(spec.dtype)}& p{i}"
        for i, spec in enumerate(specs)
    )
    inner = "\n  ".join(lines)
    return f"__device__ inline void element({parameters}) {{\n  {inner}\n}}\n"


def used(lines: Sequence[str], results: Sequence[str]) -> list[str]:
    """Return the declarations that results need; compilers complain of others."""
    wanted = set(_NAMES.findall(" ".join(results)))
    kept: list[str] = []
    for line in reversed(lines):
        declared, _, value = line.partition(" = ")
        if declared.rsplit(" ", 1)[-1] in wanted:
            wanted.update(_NAMES.findall(value))
            kept.append(line)
    return kept[::-1]


def launch(
    text: str,
    specs: Sequence[Spec],
    written: Sequence[int],
    walk: Walk,
    aligned: Sequence[bool],
    places: Sequence[int] | None = None,
) -> Launch:
    """Return the launch of a device function over all elements of a walk.

    `places` are the numbers of the arrays; None where they are counted as `specs` are.
    """
    total = 1
    for size in walk.sizes:
        total *= size
    vector = width_of(specs, walk, aligned)
    index = "int" if reach(walk) < INDEX_LIMIT - WIDE * THREADS else "long long"
    name, source = kernel_text(text, specs, written, walk, vector, index)
    number = int32 if index == "int" else int64
    arguments: list[Any] = list(range(len(specs)) if places is None else places)
    arguments.append(number(total))
    arguments += [number(size) for size in walk.sizes[1:]]
    for steps in walk.strides:
        arguments += [number(step) for step in steps if step not in (0, 1)]
    blocks = over(over(total, vector), THREADS)
    return Launch(source, name, (blocks,), (THREADS,), tuple(arguments), fmad=False)


def width_of(specs: Sequence[Spec], walk: Walk, aligned: Sequence[bool]) -> int:
    """Return how many neighbouring elements a thread computes: those of 16 bytes, or one."""
    if any(steps[-1] not in (0, 1) for steps in walk.strides):
        return 1
    moving = [i for i, steps in enumerate(walk.strides) if steps[-1] == 1]
    if not moving or not all(aligned[i] for i in moving):
        return 1
    vector = WIDE // max(specs[i].dtype.itemsize for i in moving)
    if len(walk.sizes) == 1:
        return vector
    rows = all(
        step % (WIDE // specs[i].dtype.itemsize) == 0
        for i in moving
        for step in walk.strides[i][:-1]
    )
    return vector if rows and walk.sizes[-1] % vector == 0 else 1


def kernel_text(
    text: str, specs: Sequence[Spec], written: Sequence[int], walk: Walk, vector: int, index: str
) -> tuple[str, str]:
    """Return the name and the text of the kernel that walks like this."""
    axes = len(walk.sizes)
    layouts = [["0" if step == 0 else "1" if step == 1 else f"s{i}_{axis}"
                for axis, step in enumerate(steps)]
               for i, steps in enumerate(walk.strides)]  # fmt: skip
    parameters = [f"{type_of(spec.dtype)}* p{i}" for i, spec in enumerate(specs)]
    parameters.append(f"{index} total")
    parameters += [f"{index} n{axis}" for axis in range(1, axes)]
    parameters += [f"{index} {step}" for steps in layouts for step in steps if step[0] == "s"]
    lines = [f"{index} at = (({index})blockIdx.x * {THREADS} + threadIdx.x) * {vector};",
             "if (at >= total) return;"]  # fmt: skip
    if axes > 1:
        lines.append(f"{index} rest = at;")
        for axis in reversed(range(1, axes)):
            lines.append(f"const {index} c{axis} = rest % n{axis}; rest /= n{axis};")
        lines.append(f"const {index} c0 = rest;")
        places = ["c" + str(axis) for axis in range(axes)]
    else:
        places = ["at"]
    for i, steps in enumerate(layouts):
        terms = [place if step == "1" else f"{place} * {step}"
                 for place, step in zip(places, steps, strict=True) if step != "0"]  # fmt: skip
        lines.append(f"{type_of(specs[i].dtype)}* q{i} = p{i} + ({' + '.join(terms) or '0'});")
    lines += _loops([type_of(spec.dtype) for spec in specs], layouts, written, vector, axes == 1)
    inner = "\n  ".join(lines)
    signature = ", ".join(parameters)
    code = hashlib.sha256(f"{text}{inner}{signature}".encode()).hexdigest()[:16]
    name = f"elementwise_{code}"
    source = f'{TEXT}\n{text}\nextern "C" __global__ void {name}({signature}) {{\n  {inner}\n}}\n'
    return name, source


def _loops(
    types: Sequence[str],
    layouts: Sequence[Sequence[str]],
    written: Sequence[int],
    vector: int,
    flat: bool,
) -> list[str]:
    """Return the lines that compute the elements of a thread; the first stand at q0, q1, …."""
    moves = [steps[-1] == "1" for steps in layouts]
    if vector == 1:
        return [f"element({', '.join(f'*q{i}' for i in range(len(types)))});"]
    single = ", ".join(f"q{i}[k]" if move else f"*q{i}" for i, move in enumerate(moves))
    whole = ", ".join(f"v{i}.at[k]" if move else f"*q{i}" for i, move in enumerate(moves))
    lines = []
    if flat:
        lines.append(f"if (at + {vector} > total) {{ for (int k = 0; k < total - at; ++k) "
                     f"element({single}); return; }}")  # fmt: skip
    for i, (kind, move) in enumerate(zip(types, moves, strict=True)):
        if move:
            lines.append(f"pack<{kind}, {vector}> v{i} = *(pack<{kind}, {vector}>*)q{i};")
    lines.append("#pragma unroll")
    lines.append(f"for (int k = 0; k < {vector}; ++k) element({whole});")
    lines += [f"*(pack<{types[i]}, {vector}>*)q{i} = v{i};" for i in written]
    return lines


def offer(call: Call, write: Write) -> Kernel | None:
    """Return the kernel, or None where it cannot be made."""
    specs = (*call.ins, *call.outs)
    if any(spec.size == 0 or spec.dtype not in TYPES for spec in specs):
        return None
    if len(specs) > MOST_OPERANDS or len({spec.shape for spec in call.outs}) > 1:
        return None
    try:
        return Elementwise(call, write)
    except Unsupported:
        return None


def build(call: Call) -> Kernel | None:
    """Offer a kernel for an op that states an expression."""
    function = call.function
    if not stated(function):
        return None
    kind = type(function)

    def write(writer: Writer, operands: Sequence[Value]) -> dict[int, Value]:
        named = dict(zip(kind.operands, operands, strict=False))
        given = writer.run(function, named)
        if function.updates:
            return {kind.operands.index(name): x for name, x in given.items()}
        first = len(call.ins)
        return {first + (kind.outputs.index(name) if name else 0): x for name, x in given.items()}

    return offer(call, write)


def applied(writer: Writer, function: Function, operands: Sequence[Value]) -> Value:
    """Write the one result of a function.

    Raises:
        Unsupported: it cannot be expressed, or there are several.
    """
    given = writer.run(function, dict(zip(type(function).operands, operands, strict=True)))
    if len(given) != 1:
        raise Unsupported(f"{function.name} has several results")
    (result,) = given.values()
    return result


def _across(arrays: Sequence[Any], written: Sequence[int]) -> bool:
    """Tell whether an operand lies over one that is changed, but not element over element."""
    for i, one in enumerate(arrays):
        for w in written:
            changed = arrays[w]
            if i == w or not _meet(one, changed):
                continue
            same = one.strides == changed.strides and one.shape == changed.shape
            if not same or _ends(one)[0] != _ends(changed)[0]:
                return True
    return False


def _meet(a: Any, b: Any) -> bool:
    (low, high), (first, last) = _ends(a), _ends(b)
    return low < last and first < high


def _ends(array: Any) -> tuple[int, int]:
    start = address(array)
    low = sum(
        min(0, step * (size - 1)) for size, step in zip(array.shape, array.strides, strict=True)
    )
    high = sum(
        max(0, step * (size - 1)) for size, step in zip(array.shape, array.strides, strict=True)
    )
    return start + low, start + high + array.itemsize
