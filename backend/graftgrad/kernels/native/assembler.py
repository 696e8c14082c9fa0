"""Machine code of x86-64, written byte by byte: the instructions that kernels here are made of.

Vector instructions are AVX2 and FMA in VEX encoding, general ones work on 64 bits. Encodings are
those of Intel's Software Developer's Manual, volume 2. What is computed stands next door.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 = range(16)


class Memory(NamedTuple):
    """A place in memory: [base + counter · scale + offset]."""

    base: int
    offset: int = 0
    counter: int = -1
    scale: int = 1


class Constant(NamedTuple):
    """A place in the table of constants that follows the code."""

    place: int


Place = Memory | Constant
Operand = int | Memory | Constant

# mnemonic -> prefix (0 none, 1 66, 2 F3, 3 F2), map (1 0F, 2 0F38, 3 0F3A), opcode, W
_THREE = {
    "vaddps": (0, 1, 0x58, 0),
    "vmulps": (0, 1, 0x59, 0),
    "vsubps": (0, 1, 0x5C, 0),
    "vminps": (0, 1, 0x5D, 0),
    "vdivps": (0, 1, 0x5E, 0),
    "vmaxps": (0, 1, 0x5F, 0),
    "vandps": (0, 1, 0x54, 0),
    "vandnps": (0, 1, 0x55, 0),
    "vorps": (0, 1, 0x56, 0),
    "vxorps": (0, 1, 0x57, 0),
    "vpaddd": (1, 1, 0xFE, 0),
    "vpsubd": (1, 1, 0xFA, 0),
    "vpcmpgtd": (1, 1, 0x66, 0),
    "vpcmpeqd": (1, 1, 0x76, 0),
    "vpmuludq": (1, 1, 0xF4, 0),
    "vpunpckldq": (1, 1, 0x62, 0),
    "vpunpckhdq": (1, 1, 0x6A, 0),
    "vpunpcklqdq": (1, 1, 0x6C, 0),
    "vpunpckhqdq": (1, 1, 0x6D, 0),
    "vpackssdw": (1, 1, 0x6B, 0),
    "vpacksswb": (1, 1, 0x63, 0),
    "vpackusdw": (1, 2, 0x2B, 0),
    "vmaskmovps": (1, 2, 0x2C, 0),
    "vfmadd132ps": (1, 2, 0x98, 0),
    "vfmadd213ps": (1, 2, 0xA8, 0),
    "vfmadd231ps": (1, 2, 0xB8, 0),
    "vaddsd": (3, 1, 0x58, 0),
    "vmulsd": (3, 1, 0x59, 0),
    "vsubsd": (3, 1, 0x5C, 0),
    "vdivsd": (3, 1, 0x5E, 0),
    "vsqrtsd": (3, 1, 0x51, 0),
    "vandpd": (1, 1, 0x54, 0),
    "vunpckhpd": (1, 1, 0x15, 0),
    "vcvtsd2ss": (3, 1, 0x5A, 0),
    "vcvtss2sd": (2, 1, 0x5A, 0),
}
_TWO = {
    "vmovups": (0, 1, 0x10, 0),
    "vmovaps": (0, 1, 0x28, 0),
    "vmovsd": (3, 1, 0x10, 0),
    "vmovss": (2, 1, 0x10, 0),
    "vucomiss": (0, 1, 0x2E, 0),
    "vsqrtps": (0, 1, 0x51, 0),
    "vcvtdq2ps": (0, 1, 0x5B, 0),
    "vcvtps2dq": (1, 1, 0x5B, 0),
    "vmovshdup": (2, 1, 0x16, 0),
    "vmovd": (1, 1, 0x6E, 0),
    "vbroadcastss": (1, 2, 0x18, 0),
    "vpbroadcastd": (1, 2, 0x58, 0),
    "vpbroadcastb": (1, 2, 0x78, 0),
    "vpbroadcastw": (1, 2, 0x79, 0),
    "vpmovzxbd": (1, 2, 0x31, 0),
    "vpmovzxwd": (1, 2, 0x33, 0),
}
_STORES = {
    "vmovups": (0, 1, 0x11, 0),
    "vmovsd": (3, 1, 0x11, 0),
    "vmovss": (2, 1, 0x11, 0),
    "vmovq": (1, 1, 0xD6, 0),
}
_SHIFTS = {"vpslld": 6, "vpsrld": 2, "vpsrad": 4}
_JUMPS = {
    "jb": 2,
    "jae": 3,
    "je": 4,
    "jne": 5,
    "jbe": 6,
    "ja": 7,
    "jp": 10,
    "jl": 12,
    "jge": 13,
    "jg": 15,
}
_ARITHMETIC = {"add": 0x03, "or": 0x0B, "and": 0x23, "sub": 0x2B, "xor": 0x33, "cmp": 0x3B}
_IMMEDIATE = {"add": 0, "or": 1, "and": 4, "sub": 5, "xor": 6, "cmp": 7}


class Assembler:
    """Code that grows: instructions, labels, jumps and a table of constants behind it."""

    def __init__(self) -> None:
        self.code = bytearray()
        self.labels: dict[str, int] = {}
        self.jumps: list[tuple[int, str]] = []
        self.uses: list[tuple[int, int, int]] = []
        self.table = bytearray()
        self.places: dict[bytes, int] = {}
        self.names = 0

    # -- vector instructions ----------------------------------------------------------------

    def three(self, name: str, to: int, a: int, b: Operand, *, short: bool = False) -> None:
        """Compute from a register and a register or a place; `short` for 128 bits."""
        prefix, which, opcode, wide = _THREE[name]
        self._vex(prefix, which, wide, 0 if short else 4, opcode, to, a, b)

    def two(self, name: str, to: int, a: Operand, *, short: bool = False) -> None:
        """Compute from a register or a place."""
        prefix, which, opcode, wide = _TWO[name]
        self._vex(prefix, which, wide, 0 if short else 4, opcode, to, 0, a)

    def store(self, name: str, to: Operand, value: int, *, short: bool = False) -> None:
        """Write a register."""
        prefix, which, opcode, wide = _STORES[name]
        self._vex(prefix, which, wide, 0 if short else 4, opcode, value, 0, to)

    def store_masked(self, to: Memory, mask: int, value: int) -> None:
        """Write the elements of a register whose mask is set."""
        self._vex(1, 2, 0, 4, 0x2E, value, mask, to)

    def compare(self, to: int, a: int, b: Operand, relation: int) -> None:
        """Set the bits of every element for which the relation holds."""
        self._vex(0, 1, 0, 4, 0xC2, to, a, b, relation)

    def compare_double(self, to: int, a: int, b: Operand, relation: int) -> None:
        """Do so for one double."""
        self._vex(3, 1, 0, 0, 0xC2, to, a, b, relation)

    def blend(self, to: int, low: int, high: Operand, mask: int) -> None:
        """Take `high` where the mask is set, else `low`."""
        self._vex(1, 3, 0, 4, 0x4A, to, low, high, mask << 4)

    def blend_double(self, to: int, low: int, high: Operand, mask: int) -> None:
        """Do so for doubles of 128 bits."""
        self._vex(1, 3, 0, 0, 0x4B, to, low, high, mask << 4)

    def round(self, to: int, a: Operand, how: int) -> None:
        """Round to whole numbers: 8 to the nearest, 9 down, 10 up, 11 towards 0."""
        self._vex(1, 3, 0, 4, 0x08, to, 0, a, how)

    def shift(self, name: str, to: int, a: int, by: int) -> None:
        """Shift the bits of every element."""
        self._vex(1, 1, 0, 4, 0x72, _SHIFTS[name], to, a, by)

    def shift_long(self, up: bool, to: int, a: int, by: int) -> None:
        """Shift the bits of every 64."""
        self._vex(1, 1, 0, 4, 0x73, 6 if up else 2, to, a, by)

    def mix(self, to: int, a: int, b: Operand, which: int) -> None:
        """Take the 32-bit elements whose bits are set in `which` from b, the others from a."""
        self._vex(1, 3, 0, 4, 0x02, to, a, b, which)

    def halves(self, to: int, a: int, b: Operand, which: int) -> None:
        """Put two halves of 128 bits together (vperm2i128)."""
        self._vex(1, 3, 0, 4, 0x46, to, a, b, which)

    def high_half(self, to: int, a: int) -> None:
        """Copy the upper 128 bits to the lower ones of another register."""
        self._vex(1, 3, 0, 4, 0x39, a, 0, to, 1)

    def swap_quarters(self, to: int, a: int, order: int) -> None:
        """Permute the four quarters of a register (vpermq)."""
        self._vex(1, 3, 1, 4, 0x00, to, 0, a, order)

    def shorten(self, to: int, a: int) -> None:
        """Round eight numbers to bfloat16 (vcvtneps2bf16, of AVX-512; EVEX encoding)."""
        first = (to >> 3 ^ 1) << 7 | 0x50 | (a >> 3 ^ 1) << 5 | 2
        self.code += bytes((0x62, first, 0x7E, 0x28, 0x72, 0xC0 | (to & 7) << 3 | a & 7))

    def zero_upper(self) -> None:
        """Clear the upper halves, so that code of another kind is not slowed down."""
        self.code += b"\xc5\xf8\x77"

    # -- general instructions ---------------------------------------------------------------

    def move(self, to: int, a: Operand) -> None:
        """Copy 64 bits from a register or a place."""
        self._plain(0x8B, to, a)

    def put(self, to: Memory, a: int) -> None:
        """Write 64 bits."""
        self._plain(0x89, a, to)

    def load_32(self, to: int, a: Memory) -> None:
        """Read 32 bits; the upper half of the register becomes 0."""
        self._plain(0x8B, to, a, size=32)

    def load_8(self, to: int, a: Memory) -> None:
        """Read a byte; the rest of the register becomes 0."""
        self._plain(0x0FB6, to, a)

    def put_32(self, to: Memory, a: int) -> None:
        """Write the lower 32 bits."""
        self._plain(0x89, a, to, size=32)

    def put_8(self, to: Memory, a: int) -> None:
        """Write the lowest byte."""
        self._plain(0x88, a, to)

    def save_control(self, to: Memory) -> None:
        """Write the control word of vector arithmetic (stmxcsr)."""
        self._plain(0x0FAE, 3, to, size=32)

    def load_control(self, a: Memory) -> None:
        """Set the control word of vector arithmetic (ldmxcsr)."""
        self._plain(0x0FAE, 2, a, size=32)

    def put_number(self, to: Memory, value: int) -> None:
        """Write a small number as 64 bits."""
        self._plain(0xC7, 0, to, struct.pack("<i", value))

    def number(self, to: int, value: int) -> None:
        """Set a register."""
        if 0 <= value < 1 << 31:
            self.code += bytes(([0x41] if to > 7 else []) + [0xB8 | to & 7])
            self.code += struct.pack("<I", value)
        else:
            self.code += bytes([0x48 | to >> 3, 0xB8 | to & 7]) + struct.pack("<q", value)

    def prefetch(self, a: Memory) -> None:
        """Bring the cache line of a place, which need not be there, on its way (prefetcht0)."""
        self._plain(0x0F18, 1, a, size=32)

    def address(self, to: int, a: Place) -> None:
        """Set a register to where a place lies."""
        self._plain(0x8D, to, a)

    def address_of(self, to: int, label: str) -> None:
        """Set a register to where a label stands."""
        self.code += bytes([0x48 | to >> 3 << 2, 0x8D, (to & 7) << 3 | 5])
        self.jumps.append((len(self.code), label))
        self.code += bytes(4)

    def arithmetic(self, name: str, to: int, a: Operand) -> None:
        """Compute with a register or a place."""
        self._plain(_ARITHMETIC[name], to, a)

    def arithmetic_number(self, name: str, to: int | Memory, value: int) -> None:
        """Compute with a small number."""
        if -128 <= value < 128:
            self._plain(0x83, _IMMEDIATE[name], to, struct.pack("<b", value))
        else:
            self._plain(0x81, _IMMEDIATE[name], to, struct.pack("<i", value))

    def add_to(self, to: Memory, a: int) -> None:
        """Add a register to a place."""
        self._plain(0x01, a, to)

    def multiply(self, to: int, a: Operand) -> None:
        """Multiply whole numbers."""
        self._plain(0x0FAF, to, a)

    def divide(self, a: Operand) -> None:
        """Divide RDX:RAX; the quotient comes in RAX, the remainder in RDX."""
        self._plain(0xF7, 6, a)

    def extend(self, to: int, a: int) -> None:
        """Set a register to the lower 32 bits of another, with their sign."""
        self._plain(0x63, to, a)

    def shift_left(self, to: int, by: int) -> None:
        """Shift bits up."""
        self._plain(0xC1, 4, to, bytes([by]))

    def shift_right(self, to: int, by: int) -> None:
        """Shift bits down; zeros come in."""
        self._plain(0xC1, 5, to, bytes([by]))

    def push(self, a: int) -> None:
        """Put a register on the stack."""
        self.code += bytes(([0x41] if a > 7 else []) + [0x50 | a & 7])

    def pop(self, to: int) -> None:
        """Take a register from the stack."""
        self.code += bytes(([0x41] if to > 7 else []) + [0x58 | to & 7])

    def call(self, target: int | Memory | str) -> None:
        """Call what a register or a place points to, or a label."""
        if isinstance(target, str):
            self.code.append(0xE8)
            self.jumps.append((len(self.code), target))
            self.code += bytes(4)
        else:
            self._plain(0xFF, 2, target)

    def copy_bytes(self) -> None:
        """Copy RCX bytes from RSI to RDI (rep movsb)."""
        self.code += b"\xf3\xa4"

    def give_back(self) -> None:
        """Return."""
        self.code.append(0xC3)

    # -- labels, jumps and constants --------------------------------------------------------

    def new(self, name: str) -> str:
        """Return a label that is not used yet."""
        self.names += 1
        return f"{name}{self.names}"

    def label(self, name: str) -> None:
        """Let a label stand here."""
        self.labels[name] = len(self.code)

    def align(self) -> None:
        """Go on at a multiple of 16: a loop is fetched faster from there."""
        left = -len(self.code) % 16
        while left:  # the longest instruction that does nothing has nine bytes
            size = min(left, 9)
            self.code += _NOTHING[size]
            left -= size

    def jump(self, label: str, when: str | None = None) -> None:
        """Go to a label, always or under a condition."""
        self.code += b"\xe9" if when is None else bytes([0x0F, 0x80 | _JUMPS[when]])
        self.jumps.append((len(self.code), label))
        self.code += bytes(4)

    def constant(self, data: bytes) -> Constant:
        """Return the place of some bytes in the table; 32 of them begin at multiples of 32."""
        place = self.places.get(data)
        if place is None:
            place = self.places[data] = len(self.table)
            self.table += data + bytes(-len(data) % 32)
        return Constant(place)

    def finish(self) -> bytes:
        """Return the code and its table, with all jumps set."""
        self.code += bytes(-len(self.code) % 32)
        start = len(self.code)
        for where, label in self.jumps:
            struct.pack_into("<i", self.code, where, self.labels[label] - where - 4)
        for where, after, place in self.uses:
            struct.pack_into("<i", self.code, where, start + place - after)
        return bytes(self.code + self.table)

    # -- encoding ---------------------------------------------------------------------------

    def _vex(
        self, prefix: int, which: int, wide: int, size: int, opcode: int, reg: int, other: int,
        rm: Operand, immediate: int | None = None,
    ) -> None:  # fmt: skip
        r, x, b = reg >> 3, 0, 0
        if isinstance(rm, int):
            b = rm >> 3
        elif isinstance(rm, Memory):
            b = rm.base >> 3
            x = rm.counter >> 3 if rm.counter >= 0 else 0
        low = (~other & 15) << 3 | size | prefix
        code = self.code
        if x or b or wide or which != 1:
            first = (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | which
            code += bytes((0xC4, first, wide << 7 | low, opcode))
        else:
            code += bytes((0xC5, (r ^ 1) << 7 | low, opcode))
        self._place(reg & 7, rm, 0 if immediate is None else 1)
        if immediate is not None:
            code.append(immediate)

    def _plain(
        self, opcode: int, reg: int, rm: Operand, immediate: bytes = b"", size: int = 64
    ) -> None:
        x = b = 0
        if isinstance(rm, int):
            b = rm >> 3
        elif isinstance(rm, Memory):
            b = rm.base >> 3
            x = rm.counter >> 3 if rm.counter >= 0 else 0
        self.code.append((0x48 if size == 64 else 0x40) | (reg >> 3) << 2 | x << 1 | b)
        self.code += bytes((0x0F, opcode & 255)) if opcode > 255 else bytes((opcode,))
        self._place(reg & 7, rm, len(immediate))
        self.code += immediate

    def _place(self, reg: int, rm: Operand, behind: int) -> None:
        """Write ModRM, SIB and the offset; `behind` bytes of the instruction follow."""
        code = self.code
        if isinstance(rm, int):
            code.append(0xC0 | reg << 3 | rm & 7)
            return
        if isinstance(rm, Constant):
            code.append(reg << 3 | 5)
            self.uses.append((len(code), len(code) + 4 + behind, rm.place))
            code += bytes(4)
            return
        base, offset = rm.base & 7, rm.offset
        if offset == 0 and base != RBP:
            mode, tail = 0, b""
        elif -128 <= offset < 128:
            mode, tail = 0x40, struct.pack("<b", offset)
        else:
            mode, tail = 0x80, struct.pack("<i", offset)
        if rm.counter >= 0:
            scale = rm.scale.bit_length() - 1
            code += bytes((mode | reg << 3 | 4, scale << 6 | (rm.counter & 7) << 3 | base))
        elif base == RSP:
            code += bytes((mode | reg << 3 | 4, 0x24))
        else:
            code.append(mode | reg << 3 | base)
        code += tail


_NOTHING = {
    1: b"\x90",
    2: b"\x66\x90",
    3: b"\x0f\x1f\x00",
    4: b"\x0f\x1f\x40\x00",
    5: b"\x0f\x1f\x44\x00\x00",
    6: b"\x66\x0f\x1f\x44\x00\x00",
    7: b"\x0f\x1f\x80\x00\x00\x00\x00",
    8: b"\x0f\x1f\x84\x00\x00\x00\x00\x00",
    9: b"\x66\x0f\x1f\x84\x00\x00\x00\x00\x00",
}
