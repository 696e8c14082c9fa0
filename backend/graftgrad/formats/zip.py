"""ZIP archives read strictly, by member name and under limits; nothing is ever extracted to disk.

The three formats that stand on it (torch, npz, keras) say which members they expect. What honest
writers never make is refused: doubled names, headers that disagree, overlapping or hidden bytes.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from .base import Limits, check, check_ratio, check_total, refuse

STORED, DEFLATED = 0, 8
_DESCRIPTOR, _UTF8 = 0x8, 0x800
# The two bits of how hard deflate tried change nothing for a reader; encryption and the rest do.
_KNOWN_FLAGS = _DESCRIPTOR | _UTF8 | 0x6
_FULL = 0xFFFFFFFF

_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")

# A fixed date keeps written archives the same byte for byte.
_DATE = (1980, 1, 1, 0, 0, 0)
_DRIVE = re.compile(r"[A-Za-z]:/")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: where its bytes lie and what they become."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    header: int  # offset of its local header
    mode: int = 0


class ZipArchive:
    """The members of a ZIP archive held in memory or mapped, checked as a whole when opened.

    Raises:
        FormatError: the archive is damaged, ambiguous or asks for more than the limits allow.
    """

    def __init__(self, data: bytes | memoryview, subject: str, limits: Limits) -> None:
        self.data = memoryview(data)
        self.subject = subject
        self.limits = limits
        first, last, count = self._directory()
        self._members = self._read_members(first, last, count)
        self._starts = self._check_layout(first)
        check_total(
            subject,
            0,
            sum(member.size for member in self._members.values()),
            len(self.data),
            limits,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members, in the order of the directory."""
        return tuple(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Bytes of a member once read."""
        return self._member(name).size

    def read(self, name: str, limit: int | None = None) -> memoryview:
        """Read one member and hold it against its checksum; stored members are not copied.

        Args:
            name: the exact name.
            limit: the most bytes the caller wants, refused before any is read.
        """
        member = self._member(name)
        subject = f"{self.subject}: member {name!r}"
        if limit is not None:
            check(member.size <= limit, subject, f"at most {limit} bytes", size=member.size)
        start = self._starts[name]
        packed = self.data[start : start + member.packed]
        content = packed if member.method == STORED else _inflate(packed, member.size, subject)
        check(
            zlib.crc32(content) == member.crc, subject, "the checksum must agree",
            "The file is damaged: fetch or save it again.", crc=member.crc,
        )  # fmt: skip
        return content.toreadonly()

    def head(self, name: str, count: int) -> bytes:
        """Read the first bytes of a member, without looking at the rest."""
        member = self._member(name)
        start = self._starts[name]
        packed = self.data[start : start + member.packed]
        if member.method == STORED:
            return bytes(packed[:count])
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, count)
        except zlib.error as failure:
            refuse(f"{self.subject}: member {name!r}", "must be deflated data", reason=str(failure))

    def _member(self, name: str) -> Member:
        check(name in self._members, self.subject, "a member must be there", missing=name)
        return self._members[name]

    def _unpack(self, form: struct.Struct, at: int, signature: bytes) -> tuple[int, ...]:
        check(
            0 <= at <= len(self.data) - form.size, self.subject,
            "a ZIP record must lie inside the file", "The file is truncated or damaged.", offset=at,
        )  # fmt: skip
        values = form.unpack_from(self.data, at)
        check(
            values[0] == signature, self.subject, "a ZIP record must begin with its signature",
            "The file is truncated or damaged.", offset=at,
        )  # fmt: skip
        return values[1:]

    def _directory(self) -> tuple[int, int, int]:
        """Find the directory of members: its first byte, the byte after it, how many it lists."""
        at = len(self.data) - _END.size
        # No writer of model files adds a comment, so the last record is exactly at the end.
        disk, start, here, total, size, first, comment = self._unpack(_END, at, b"PK\5\6")
        end = at
        locator = at - _LOCATOR.size
        if locator >= 0 and bytes(self.data[locator : locator + 4]) == b"PK\6\7":
            told = (here, total, size, first)
            end, (disk, start, here, total, size, first) = self._directory64(locator)
            same = all(
                short in (long, full)
                for short, long, full in zip(
                    told, (here, total, size, first), (0xFFFF, 0xFFFF, _FULL, _FULL), strict=True
                )
            )
            check(
                same,
                self.subject,
                "both ends of the ZIP directory must agree",
                told=told,
                large=(here, total, size, first),
            )
        check(
            disk == start == comment == 0 and here == total and first + size == end,
            self.subject, "the ZIP directory must be whole, single and last",
            "The file is truncated, damaged or has bytes appended.",
            entries=total, offset=first, size=size, end=end,
        )  # fmt: skip
        most = self.limits.max_objects
        check(total <= most, self.subject, f"at most max_objects={most} members", members=total)
        return first, end, total

    def _directory64(self, locator: int) -> tuple[int, tuple[int, ...]]:
        disk, end, disks = self._unpack(_LOCATOR, locator, b"PK\6\7")
        check(
            disk == 0 and disks == 1 and end + _END64.size == locator, self.subject,
            "the large ZIP directory must stand before its locator", offset=end,
        )  # fmt: skip
        length, _, _, *rest = self._unpack(_END64, end, b"PK\6\6")
        check(length == _END64.size - 12, self.subject, "a plain ZIP directory", length=length)
        return end, tuple(rest)

    def _read_members(self, at: int, end: int, count: int) -> dict[str, Member]:
        members: dict[str, Member] = {}
        for _ in range(count):
            member, at = self._read_member(at, end)
            check(
                member.name not in members, self.subject, "no member may stand twice",
                name=member.name,
            )  # fmt: skip
            members[member.name] = member
        check(at == end, self.subject, "the ZIP directory must list what it says", members=count)
        return members

    def _read_member(self, at: int, end: int) -> tuple[Member, int]:
        (_, _, flags, method, _, _, crc, packed, size, length, extra, comment, disk, _, mode,
         header) = self._unpack(_CENTRAL, at, b"PK\1\2")  # fmt: skip
        start = at + _CENTRAL.size
        after = start + length + extra + comment
        check(
            after <= end and disk == 0,
            self.subject,
            "a ZIP entry must lie in the directory",
            ends=after,
            directory_ends=end,
        )
        name = self._name(bytes(self.data[start : start + length]), flags)
        extras = self.data[start + length : start + length + extra]
        size, packed, header = self._widen(extras, (size, packed, header))
        member = Member(name, method, flags, crc, packed, size, header, mode >> 16)
        self._check_member(member)
        return member, after

    def _name(self, raw: bytes, flags: int) -> str:
        try:
            name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
        except UnicodeDecodeError:
            refuse(self.subject, "member names must be readable", name=raw[:80])
        parts = name.split("/")
        unsafe = name.startswith("/") or "\\" in name or "\0" in name or _DRIVE.match(name)
        check(
            bool(name) and not unsafe and ".." not in parts, self.subject,
            "member names must be relative and stay inside", name=name,
        )  # fmt: skip
        return name

    def _widen(self, extras: memoryview, values: tuple[int, ...]) -> tuple[int, ...]:
        """Replace the numbers that did not fit 32 bits by those of the 64-bit extra field."""
        if _FULL not in values:
            return values
        wide = self._extra64(extras)
        count = values.count(_FULL)
        check(
            len(wide) >= 8 * count,
            self.subject,
            "a large ZIP entry must state its sizes",
            stated=len(wide) // 8,
            wanted=count,
        )
        numbers = iter(struct.unpack_from(f"<{count}Q", wide))
        return tuple(next(numbers) if value == _FULL else value for value in values)

    def _extra64(self, extras: memoryview) -> memoryview:
        while len(extras) >= 4:
            kind, length = struct.unpack_from("<2H", extras)
            if kind == 1:
                return extras[4 : 4 + length]
            extras = extras[4 + length :]
        return extras[:0]

    def _check_member(self, member: Member) -> None:
        subject = f"{self.subject}: member {member.name!r}"
        check(member.flags & ~_KNOWN_FLAGS == 0, subject, "must not be encrypted or patched",
              flags=member.flags)  # fmt: skip
        check(member.method in (STORED, DEFLATED), subject, "must be stored or deflated",
              method=member.method)  # fmt: skip
        check(not stat.S_ISLNK(member.mode), subject, "must not be a link", mode=member.mode)
        if member.method == STORED:
            check(member.packed == member.size, subject, "a stored member has one size",
                  packed=member.packed, size=member.size)  # fmt: skip
        check_ratio(subject, member.size, member.packed, self.limits)

    def _check_layout(self, directory: int) -> dict[str, int]:
        """Hold local headers against the directory; members must follow each other without gaps."""
        starts: dict[str, int] = {}
        free = 0
        for member in sorted(self._members.values(), key=lambda member: member.header):
            gap = member.header - free
            check(gap == 0, self.subject, "ZIP members must neither overlap nor leave gaps",
                  member=member.name, gap=gap)  # fmt: skip
            starts[member.name], free = self._check_local(member, directory)
        check(free == directory, self.subject, "no bytes may hide before the ZIP directory",
              bytes=directory - free)  # fmt: skip
        return starts

    def _check_local(self, member: Member, directory: int) -> tuple[int, int]:
        """Return where a member's bytes begin and where the next header must stand."""
        _, flags, method, _, _, crc, packed, size, length, extra = self._unpack(
            _LOCAL, member.header, b"PK\3\4"
        )
        after_name = member.header + _LOCAL.size + length
        start = after_name + extra
        name = bytes(self.data[after_name - length : after_name])
        size, packed = self._widen(self.data[after_name:start], (size, packed))
        told = (crc, packed, size)
        known = (member.crc, member.packed, member.size)
        postponed = bool(flags & _DESCRIPTOR) and all(
            short in (0, long) for short, long in zip(told, known, strict=True)
        )
        agree = flags == member.flags and method == member.method and (told == known or postponed)
        check(agree and name == member.name.encode(), self.subject,
              "both headers of a ZIP member must agree", member=member.name)  # fmt: skip
        end = start + member.packed
        check(end <= directory, self.subject, "a ZIP member must lie before the directory",
              member=member.name, end=end)  # fmt: skip
        return start, end + (self._descriptor(member, end) if flags & _DESCRIPTOR else 0)

    def _descriptor(self, member: Member, at: int) -> int:
        """Count the bytes of the record that follows a member whose sizes were told late."""
        for form in ("<4s3I", "<4sI2Q"):
            length = struct.calcsize(form)
            if at + length <= len(self.data) and struct.unpack_from(form, self.data, at) == (
                b"PK\7\x08", member.crc, member.packed, member.size,
            ):  # fmt: skip
                return length
        refuse(self.subject, "the record after a ZIP member must agree", member=member.name)


def _inflate(packed: memoryview, size: int, subject: str) -> memoryview:
    """Decompress exactly `size` bytes; what would come after them is never produced."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than declared: a stream that goes on is found out, not followed.
        content = machine.decompress(packed, size + 1)
    except zlib.error as failure:
        refuse(subject, "must be deflated data", reason=str(failure))
    whole = len(content) == size and machine.eof and not machine.unused_data
    check(whole, subject, "must decompress to its declared size", size=size, bytes=len(content))
    return memoryview(content)


def write_zip(
    file: BinaryIO,
    members: Iterable[tuple[str, bytes | memoryview]],
    *,
    compress: bool = False,
    align: int = 1,
) -> None:
    """Write members in the given order, the same bytes each time.

    Args:
        file: where to, seekable.
        members: names and contents; contents are asked for one at a time.
        compress: deflate them.
        align: every member's content begins at a multiple of this many bytes.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            info.external_attr = 0o600 << 16
            info.extra = _padding(file.tell() + _LOCAL.size + len(name.encode()), align)
            archive.writestr(info, content)


def _padding(start: int, align: int) -> bytes:
    """Make an extra field after which the content is aligned."""
    if align == 1:
        return b""
    length = -(start + 4) % align
    return struct.pack("<2H", 0x4246, length) + b"Z" * length
