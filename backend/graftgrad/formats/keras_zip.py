"""Keras' .keras archives as containers: which members there are, and their bytes.

What the configuration means is no concern of this file, nor of this folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import hdf5, keras_layout, npz
from .base import DEFAULT_LIMITS, Archive, Limits, check, refuse
from .file import PathLike, map_file, write_atomically
from .strict_json import parse_object
from .zip import ZipArchive, write_zip

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS_HDF5, WEIGHTS_NPZ = "model.weights.h5", "model.weights.npz"


class KerasFile:
    """The members of a .keras archive.

    Attributes:
        names: the names of all members.
        config: the parsed config.json; what it says has not been judged.
        metadata: the parsed metadata.json.
    """

    def __init__(self, archive: ZipArchive, limits: Limits) -> None:
        self.subject = archive.subject
        self.limits = limits
        self._archive = archive
        for name in (CONFIG, METADATA):
            check(name in archive, self.subject, "a .keras archive must hold it", missing=name)
        present = [name for name in (WEIGHTS_HDF5, WEIGHTS_NPZ) if name in archive]
        check(
            len(present) == 1, self.subject,
            f"a .keras archive must hold one of {WEIGHTS_HDF5}, {WEIGHTS_NPZ}", members=present,
        )  # fmt: skip
        self.names = archive.names
        self.weights_name = present[0]
        self.config = self.json(CONFIG)
        self.metadata = self.json(METADATA)

    def json(self, name: str) -> dict[str, Any]:
        """Parse a member as one JSON object."""
        data = self._archive.read(name, self.limits.max_header)
        return parse_object(data, f"{self.subject}: member {name!r}", self.limits)

    def read(self, name: str) -> bytes:
        """Read a member's bytes."""
        return bytes(self._archive.read(name))

    def open_weights(self) -> Archive:
        """Open the weights inside, named as in Keras 3's files ("layers/dense/vars/0")."""
        subject = f"{self.subject}: member {self.weights_name!r}"
        if self.weights_name == WEIGHTS_HDF5:
            file = hdf5.Hdf5File(self.read(self.weights_name), self.limits, subject=subject)
            inner = keras_layout.archive(file)
        else:
            data = self._archive.read(self.weights_name)
            inner = npz.from_zip(ZipArchive(data, subject, self.limits), self.limits)
        inner.format = "keras"
        return inner


def sniff(archive: ZipArchive) -> bool:
    """Tell whether a ZIP archive holds a Keras 3 model."""
    return CONFIG in archive and (METADATA in archive or WEIGHTS_HDF5 in archive)


def read_keras(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> KerasFile:
    """Read a .keras archive: its configuration at once, its weights when asked for.

    Raises:
        FormatError: not a .keras archive, damaged, or larger than the limits allow.
    """
    data = map_file(path)
    if bytes(data[:2]) != b"PK":
        refuse(str(path), "a .keras file must be a ZIP archive", begins=bytes(data[:8]))
    return KerasFile(ZipArchive(data, str(path), limits), limits)


def write_keras(path: PathLike, members: Mapping[str, bytes]) -> None:
    """Write members into a .keras archive, whole or not at all; equal input gives equal bytes.

    Args:
        path: the file; one that is there is replaced at the end.
        members: contents by name; config.json, metadata.json and the weights must be among them.
    """
    check(
        {CONFIG, METADATA} <= set(members) and bool({WEIGHTS_HDF5, WEIGHTS_NPZ} & set(members)),
        str(path), f"a .keras archive needs {CONFIG}, {METADATA} and weights", members=[*members],
    )  # fmt: skip
    write_atomically(path, lambda file: write_zip(file, members.items()))
