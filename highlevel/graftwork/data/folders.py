"""A folder that is asked for: that it is there, and what lies on the way to it where it is not."""

from __future__ import annotations

import os

from graftgrad.errors import DataError, expect

_LISTED = 8  # names of folders in an error


def expect_folder(subject: str, place: str) -> None:
    """Hold that there is a folder; where there is none, say what lies on the way to it.

    Raises:
        DataError: there is no folder.
    """
    if os.path.isdir(place):
        return
    found = "a file" if os.path.exists(place) else "nothing"
    expect(False, subject, "the directory must be an existing folder", error=DataError,
           advice=_on_the_way(place), directory=place, found=found,
           working_directory=os.getcwd())  # fmt: skip


def _on_the_way(place: str) -> str:
    """Say which folders there are where the path leaves what exists."""
    import difflib  # here: a failure alone needs it

    if "\\" in place and os.sep == "/":
        return f"On this system folders are parted by '/': {place.replace(chr(92), '/')!r}."
    whole = os.path.abspath(place)
    above, name = os.path.split(whole)
    while name and not os.path.isdir(above):  # a drive that is missing has nothing above it
        above, name = os.path.split(above)
    try:
        with os.scandir(above) as entries:
            there = sorted(one.name for one in entries if one.is_dir() and one.name[:1] != ".")
    except OSError:
        return f"{above} cannot be read."
    near = difflib.get_close_matches(name, there, 1)
    if near:
        return f"Did you mean {os.path.join(above, near[0])!r}?"
    listed = ", ".join(there[:_LISTED]) + (", …" if len(there) > _LISTED else "")
    return f"{above!r} has the folders {listed}." if there else f"{above!r} has no folders."
