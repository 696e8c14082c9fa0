"""Serialised plans in the user's cache: a file for each, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path

VARIABLE = "GRAFTWORK_PLAN_CACHE"
LARGEST = 1 << 26  # bytes of a plan that is read


class Store:
    """A folder of plans; what cannot be read or written is simply not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls) -> Store | None:
        """Return the folder that GRAFTWORK_PLAN_CACHE names, else one in the user's cache.

        An empty value of the variable means none.
        """
        told = os.environ.get(VARIABLE)
        if told is not None:
            return cls(Path(told)) if told else None
        base = os.environ.get("XDG_CACHE_HOME")
        try:
            root = Path(base) if base else Path.home() / ".cache"
        except RuntimeError:  # a user without a home
            return None
        return cls(root / "graftwork" / "plans")

    def path(self, name: str) -> Path:
        """Return where the plan of a name lies."""
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()}.plan"

    def read(self, name: str) -> bytes | None:
        """Return the plan of a name; None where there is none, or where it is somebody else's.

        A plan is code for the GPU, so a file that another user could have written is not read.
        """
        path = self.path(name)
        try:
            with path.open("rb") as file:
                told = os.fstat(file.fileno())
                mine = not hasattr(os, "getuid") or told.st_uid == os.getuid()
                if not mine or told.st_mode & 0o022 or told.st_size > LARGEST:
                    return None
                kept = file.read()
        except OSError:
            return None
        digest, plan = kept[:32], kept[32:]
        return plan if hashlib.sha256(plan).digest() == digest else None

    def write(self, name: str, plan: bytes) -> None:
        """Keep a plan."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.path(name)
            made = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            made.write_bytes(hashlib.sha256(plan).digest() + plan)
            made.replace(path)
