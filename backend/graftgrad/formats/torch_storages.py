"""The storages that a checkpoint's pickle names by persistent ids, and the names it may use.

Where the storages lie is known by the containers, in `torch.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from .base import Limits, check, refuse
from .numpy_objects import NUMPY_GLOBALS
from .pickle_subset import Interpreter
from .plain_objects import PLAIN_GLOBALS, Global, table
from .settings_objects import SETTINGS_GLOBALS
from .torch_objects import STORAGES, UNTYPED, Storage, TensorMaker, View


class Storages:
    """The storages of one pickle, each known once.

    Args:
        subject: who speaks in errors.
        limits: what the file may ask for.
        found: called for each storage that is named for the first time.
    """

    def __init__(self, subject: str, limits: Limits, found: Callable[[Storage], None]) -> None:
        self.subject = subject
        self.limits = limits
        self.found = found
        self.known: dict[str, Storage] = {}

    def interpreter(self, data: memoryview) -> Interpreter:
        """Return what interprets the pickle."""
        names = table(
            PLAIN_GLOBALS, SETTINGS_GLOBALS, NUMPY_GLOBALS,
            TensorMaker(self.subject, self.limits).globals(),
        )  # fmt: skip
        return Interpreter(data, self.subject, self.limits, names, self.persistent)

    def persistent(self, identity: object) -> object:
        """Take ("storage", class, key, location, count[, view]); where it lay is not used.

        Whole modules of the older container also have ("module", class, file, source): the class.
        """
        if type(identity) is tuple and len(identity) == 4 and identity[0] == "module":
            check(isinstance(identity[1], Global), self.subject,
                  "a persistent id of a module must name a class",
                  type=type(identity[1]).__name__)  # fmt: skip
            return identity[1]
        if type(identity) is not tuple or len(identity) not in (5, 6):
            refuse(self.subject, "a persistent id must describe a storage",
                   type=type(identity).__name__)  # fmt: skip
        word, kind, key, location, count = identity[:5]
        if not isinstance(key, str) or not isinstance(location, str) or type(count) is not int:
            refuse(
                self.subject,
                "a storage must have a key, a location and a count",
                types=[type(one).__name__ for one in (key, location, count)],
            )
        check(word == "storage" and 0 <= count < 1 << 60, self.subject,
              "a persistent id must describe a storage", count=count)  # fmt: skip
        storage = self.storage(key, self.kind(kind), count)
        view = identity[5] if len(identity) == 6 else None
        return storage if view is None else self.view(storage, view)

    def kind(self, kind: object) -> str:
        """Return the storage class' short name, or nothing for bytes."""
        name = kind.name if isinstance(kind, Global) else ""
        short = name.removeprefix("torch.").removeprefix("cuda.")
        check(name == UNTYPED or short in STORAGES, self.subject,
              "a storage must have a known class", name=name)  # fmt: skip
        return "" if name == UNTYPED else short

    def storage(self, key: str, kind: str, count: int) -> Storage:
        """Return the storage of a key, described alike each time."""
        dtype = STORAGES[kind or "ByteStorage"]
        storage = self.known.get(key)
        if storage is None:
            most = self.limits.max_tensors
            check(
                len(self.known) < most,
                self.subject,
                f"at most max_tensors={most} storages",
                storages=len(self.known) + 1,
            )
            storage = Storage(key, dtype, count, bool(kind))
            self.found(storage)
            self.known[key] = storage
        same = (storage.dtype, storage.count, storage.typed) == (dtype, count, bool(kind))
        check(same, self.subject, f"storage {key!r} must be described alike each time",
              dtype=str(dtype), count=count)  # fmt: skip
        return storage

    def view(self, storage: Storage, view: object) -> View:
        """Take (key, first element, count): how the oldest files share a storage."""
        if type(view) is not tuple or len(view) != 3:
            refuse(
                self.subject, "a view of a storage must have three parts", type=type(view).__name__
            )
        key, first, count = view
        if not isinstance(key, str) or type(first) is not int or type(count) is not int:
            refuse(
                self.subject,
                "a view of a storage must have a key and two counts",
                types=[type(one).__name__ for one in view],
            )
        check(0 <= first and 0 <= count and first + count <= storage.count, self.subject,
              "a view must lie inside its storage", first=first, count=count,
              elements=storage.count)  # fmt: skip
        return View(storage, first, count)
