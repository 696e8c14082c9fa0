"""The assembler writes the bytes that processors know; expressions are read as C reads them."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graftgrad.errors import LibraryError
from graftgrad.kernels.native import pages
from graftgrad.kernels.native.assembler import (
    R8,
    R10,
    R12,
    R13,
    R15,
    RAX,
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    RSP,
    Assembler,
    Memory,
)
from graftgrad.kernels.native.expression import Tree, parse
from graftgrad.kernels.native.functions import FUNCTIONS
from graftgrad.kernels.native.geometry import row_major, walk
from graftgrad.kernels.native.program import Program, Unsupported, Value
from graftgrad.kernels.native.translate import evaluate

# the line is what a disassembler (GNU objdump 2.40) reads from the bytes
ENCODINGS: list[tuple[str, Callable[[Assembler], None], str]] = [
    ("vaddps ymm1, ymm2, ymm3", lambda a: a.three("vaddps", 1, 2, 3), "c5ec58cb"),
    ("vaddps ymm9, ymm2, ymm13", lambda a: a.three("vaddps", 9, 2, 13), "c4416c58cd"),
    ("vsubps ymm0, ymm15, [rbx+rax*4+32]",
     lambda a: a.three("vsubps", 0, 15, Memory(RBX, 32, RAX, 4)), "c5845c448320"),
    ("vmulps ymm8, ymm1, [r12]", lambda a: a.three("vmulps", 8, 1, Memory(R12)), "c44174590424"),
    ("vdivps ymm1, ymm1, [r13]", lambda a: a.three("vdivps", 1, 1, Memory(R13)), "c4c1745e4d00"),
    ("vmaxps ymm1, ymm2, [rbp+r10*2]",
     lambda a: a.three("vmaxps", 1, 2, Memory(RBP, 0, R10, 2)), "c4a16c5f4c5500"),
    ("vfmadd231ps ymm3, ymm4, ymm5", lambda a: a.three("vfmadd231ps", 3, 4, 5), "c4e25db8dd"),
    ("vfmadd213ps ymm3, ymm14, [rsp+64]",
     lambda a: a.three("vfmadd213ps", 3, 14, Memory(RSP, 64)), "c4e20da85c2440"),
    ("vsqrtps ymm2, ymm9", lambda a: a.two("vsqrtps", 2, 9), "c4c17c51d1"),
    ("vcvtps2dq ymm2, ymm3", lambda a: a.two("vcvtps2dq", 2, 3), "c5fd5bd3"),
    ("vbroadcastss ymm7, [rdx+4096]",
     lambda a: a.two("vbroadcastss", 7, Memory(RDX, 4096)), "c4e27d18ba00100000"),
    ("vpmovzxbd ymm1, [r8+rax]",
     lambda a: a.two("vpmovzxbd", 1, Memory(R8, 0, RAX, 1)), "c4c27d310c00"),
    ("vmovups [rdi-8], ymm6", lambda a: a.store("vmovups", Memory(RDI, -8), 6), "c5fc1177f8"),
    ("vmovups [rsi], xmm6",
     lambda a: a.store("vmovups", Memory(RSI), 6, short=True), "c5f81136"),
    ("vmovq [rsi], xmm14", lambda a: a.store("vmovq", Memory(RSI), 14, short=True), "c579d636"),
    ("vmaskmovps [rbx+rax*4], ymm15, ymm2",
     lambda a: a.store_masked(Memory(RBX, 0, RAX, 4), 15, 2), "c4e2052e1483"),
    ("vcmpps ymm1, ymm2, ymm3, 17", lambda a: a.compare(1, 2, 3, 17), "c5ecc2cb11"),
    ("vblendvps ymm1, ymm2, ymm3, ymm4", lambda a: a.blend(1, 2, 3, 4), "c4e36d4acb40"),
    ("vroundps ymm1, ymm10, 8", lambda a: a.round(1, 10, 8), "c4c37d08ca08"),
    ("vpslld ymm11, ymm2, 23", lambda a: a.shift("vpslld", 11, 2, 23), "c5a572f217"),
    ("vextracti128 xmm15, ymm14, 1", lambda a: a.high_half(15, 14), "c4437d39f701"),
    ("mov rax, [rbx+8]", lambda a: a.move(RAX, Memory(RBX, 8)), "488b4308"),
    ("mov [rsp+16], r15", lambda a: a.put(Memory(RSP, 16), R15), "4c897c2410"),
    ("mov edx, 5", lambda a: a.number(RDX, 5), "ba05000000"),
    ("movabs r8, -1", lambda a: a.number(R8, -1), "49b8ffffffffffffffff"),
    ("lea rdx, [rax+8]", lambda a: a.address(RDX, Memory(RAX, 8)), "488d5008"),
    ("add rdx, r12", lambda a: a.arithmetic("add", RDX, R12), "4903d4"),
    ("cmp qword [rcx], 0", lambda a: a.arithmetic_number("cmp", Memory(RCX), 0), "48833900"),
    ("and rsp, -32", lambda a: a.arithmetic_number("and", RSP, -32), "4883e4e0"),
    ("sub rsp, 4096", lambda a: a.arithmetic_number("sub", RSP, 4096), "4881ec00100000"),
    ("imul rdx, rax", lambda a: a.multiply(RDX, RAX), "480fafd0"),
    ("div rcx", lambda a: a.divide(RCX), "48f7f1"),
    ("push r12; pop rbp", lambda a: (a.push(R12), a.pop(RBP))[0], "41545d"),
    ("call rax", lambda a: a.call(RAX), "48ffd0"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "write", "wanted"), ENCODINGS, ids=[e[0] for e in ENCODINGS])
def test_encodings(line: str, write: Callable[[Assembler], None], wanted: str) -> None:
    code = Assembler()
    write(code)
    assert bytes(code.code).hex() == wanted


@pytest.mark.skipif(not pages.available(), reason=f"not used: {pages.why_not()}")
def test_jumps_and_constants_find_their_places() -> None:
    code = Assembler()
    code.number(RAX, 0)
    code.label("again")
    code.arithmetic("add", RAX, RDI)
    code.arithmetic_number("sub", RDI, 1)
    code.jump("again", "jne")
    code.address(RCX, code.constant((7).to_bytes(8, "little") * 4))
    code.arithmetic("add", RAX, Memory(RCX))
    code.give_back()
    unit = pages.Unit(code.finish())
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(unit.address)(10) == 62


@pytest.mark.skipif(not pages.available(), reason=f"not used: {pages.why_not()}")
def test_code_cannot_be_written_again() -> None:
    unit = pages.Unit(b"\xc3")
    with open("/proc/self/maps", encoding="ascii") as file:
        for line in file:
            first, last = (int(end, 16) for end in line.split()[0].split("-"))
            if first <= unit.address < last:
                assert line.split()[1].startswith("r-x")
                return
    raise AssertionError("the pages are not there")


@pytest.mark.skipif(not pages.available(), reason=f"not used: {pages.why_not()}")
def test_a_system_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_mprotect", lambda: lambda *_: -1)
    with pytest.raises(LibraryError, match="pages must become executable"):
        pages.Unit(b"\xc3")


def numeric(text: str, **names: float) -> float:
    """What an expression of known numbers folds to."""
    program = Program()

    def read(name: str) -> Value:
        return program.number(names[name])

    (statement,) = parse(text)
    return evaluate(program, statement.tree, read).number


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("8 / 4 / 2", 1), ("7 - 3 - 2", 2), ("-2 * -3", 6),
        ("1 < 2", 1), ("1 + 1 == 2", 1), ("2 >= 3", 0), ("1 ? 2 : 3", 2), ("0 ? 2 : 0 ? 3 : 4", 4),
        ("!0", 1), ("1e-3f * 1000", 1), (".5 + 2.", 2.5), ("a * b - a", 3), ("+a", 1.5),
        ("fabs(-3)", 3), ("sqrt(16)", 4), ("pow(2, 10)", 1024), ("1 / 0.0", math.inf),
    ],
)  # fmt: skip
def test_expressions_are_those_of_c(text: str, wanted: float) -> None:
    assert numeric(text, a=1.5, b=3.0) == wanted


def test_assignments_are_read_in_order() -> None:
    found = parse("double r = sqrt(x); float g = -r; w = w + g;")
    assert [(s.kind, s.name) for s in found] == [("double", "r"), ("float", "g"), ("", "w")]
    assert found[2].tree == Tree("+", (Tree("name", name="w"), Tree("name", name="g")))


@pytest.mark.parametrize(
    "text", ["a +", "a b", "a = 1", "a & b", "(a", "f(a", "a ? b", "$", "a[1]"]
)
def test_what_is_no_expression_is_declined(text: str) -> None:
    with pytest.raises(Unsupported):
        parse(text)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"fma", "pow", "copysign"}))
def test_numbers_that_are_known_are_folded(name: str) -> None:
    program = Program()
    made: Any = FUNCTIONS[name](program, program.number(0.25))
    assert isinstance(made, Value)


def test_what_is_computed_twice_is_shared() -> None:
    program = Program()
    x = program.load(0, "float", False)
    assert (x + 1.0).id == (x + 1.0).id
    assert (x * 1).id == x.id
    assert (x + -0.0).id != (x + 0.0).id


def test_axes_that_lie_behind_each_other_are_walked_as_one() -> None:
    shapes = [(4, 5, 6), (4, 5, 6)]
    strides = [row_major(shape, 4) for shape in shapes]
    found = walk((4, 5, 6), shapes, strides, [4, 4], frozenset((1,)))
    assert found is not None
    assert found.sizes == (120,)
    vector = walk((4, 5, 6), [(6,), (4, 5, 6)], [(4,), strides[0]], [4, 4], frozenset((1,)))
    assert vector is not None
    assert vector.sizes == (20, 6)
    turned = np.zeros((4, 5, 6), "f4").transpose(2, 0, 1)
    both = walk((6, 4, 5), [turned.shape] * 2, [turned.strides] * 2, [4, 4], frozenset((1,)))
    assert both is not None
    assert both.sizes == (120,)
    assert walk((5, 6), [(5, 6)] * 2, [(4, 20), (24, 4)], [4, 4], frozenset((1,))) is None
