"""The numbers of one call in double precision: rates, steps and what follows from them.

They are worked out once per call, before the loop, so nothing here has to be fast: every value has
a place on the stack. Functions come from the C library.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache

from .assembler import R15, RAX, RBX, Assembler, Memory, Place
from .program import Program
from .registers import Frame

_THREE = {"d.add": "vaddsd", "d.sub": "vsubsd", "d.mul": "vmulsd", "d.div": "vdivsd"}
_SIZE = struct.pack("<q", (1 << 63) - 1) * 2


@cache
def function(name: str) -> int:
    """Return the address of a function of the C library of mathematics."""
    library = ctypes.CDLL("libm.so.6")
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


class Doubles:
    """Writes the double values of a program; RBX points to the block of operands."""

    def __init__(self, code: Assembler, program: Program, frame: Frame) -> None:
        self.code = code
        self.program = program
        self.frame = frame
        self.places: dict[int, Memory] = {}

    def write(self, place: int, home: Place | None) -> None:
        """Write one value; one that becomes a float for every element goes to its home."""
        code, node = self.code, self.program.nodes[place]
        op, args = node.op, [self.places[arg] for arg in node.args]
        if op == "single":
            code.two("vmovsd", 0, args[0], short=True)
            code.three("vcvtsd2ss", 0, 0, 0, short=True)
            code.two("vbroadcastss", 0, 0)
            assert isinstance(home, Memory)
            code.store("vmovups", home, 0)
            return
        to = self.places[place] = self.frame.word()
        if op == "d.number":
            code.number(RAX, struct.unpack("<q", struct.pack("<d", node.data))[0])
            code.put(to, RAX)
            return
        if op in ("load", "d.widen"):
            code.move(R15, Memory(RBX, 8 + 8 * node.data))
            if op == "load":
                code.two("vmovsd", 0, Memory(R15), short=True)
            else:
                code.two("vmovss", 0, Memory(R15), short=True)
                code.three("vcvtss2sd", 0, 0, 0, short=True)
        elif op == "d.call":
            for register, arg in enumerate(args):
                code.two("vmovsd", register, arg, short=True)
            code.zero_upper()
            code.number(RAX, function(node.data))
            code.call(RAX)
        else:
            code.two("vmovsd", 0, args[0], short=True)
            if op in _THREE:
                code.three(_THREE[op], 0, 0, args[1], short=True)
            elif op == "d.sqrt":
                code.three("vsqrtsd", 0, 0, 0, short=True)
            elif op == "d.fabs":
                code.three("vandpd", 0, 0, code.constant(_SIZE), short=True)
            elif op == "d.compare":
                code.compare_double(0, 0, args[1], node.data)
            else:  # d.choose: condition, a, b
                code.two("vmovsd", 1, args[1], short=True)
                code.two("vmovsd", 2, args[2], short=True)
                code.blend_double(0, 2, 1, 0)
        code.store("vmovsd", to, 0, short=True)
