"""What a weight file offers: its arrays by name, and in whose words the names are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graftgrad import formats
from graftgrad.errors import FormatError, expect
from graftgrad.formats import Archive, Entry

from .assets import is_kept
from .reduced import scaled, scaled_by_name

OPTIMIZER = "optimizer/"
OURS = "graftwork/"  # a group that Keras passes over
VARIANT = f"{OURS}variant"  # an array of letters, where a file has no other place for a word
# Parts of paths in older versions of Keras 3's layout -> those of today.
_PARTS = {
    "_layer_checkpoint_dependencies": "layers", "_query_dense": "query_dense",
    "_key_dense": "key_dense", "_value_dense": "value_dense", "_output_dense": "output_dense",
}  # fmt: skip

_OWN_PARTS = "grouped_query_attention"  # whose parts have the old names of the others' to this day


@dataclass(frozen=True, slots=True)
class Source:
    """The named arrays of a file.

    Attributes:
        subject: the file.
        dialect: "keras3" (paths by structure), "legacy" (layer by layer), "torch" (attributes and
            PyTorch's axes) or "own" (our paths); "named" is not known before the model is.
        entries: the arrays by name, in the order of the file.
        layers: the layers of the older layout with their arrays.
        labels: the layers' own names by path, in Keras 3's layout.
        optimizer: the arrays of the optimizer, in order.
        extra: what stands in the file beside Keras' layout.
        kept: arrays of layers that are no weights.
    """

    subject: str
    dialect: str
    entries: dict[str, Entry]
    layers: list[tuple[str, list[tuple[str, Entry]]]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    optimizer: list[tuple[str, Entry]] = field(default_factory=list)
    extra: dict[str, Entry] = field(default_factory=dict)
    kept: dict[str, Entry] = field(default_factory=dict)

    @property
    def numbers(self) -> int:
        """Count the numbers in all arrays of the model."""
        return sum(entry.nbytes // entry.dtype.itemsize for entry in self.entries.values())


@contextmanager
def opened(path: Any) -> Iterator[Source]:
    """Open a weight file; the content decides what it is, never the name.

    Raises:
        FormatError: there is no such file, or it is damaged, dangerous or of no known format.
    """
    if formats.is_index(path):
        with formats.open_weights(path) as archive:
            yield from_shards(archive)
        return
    kind = formats.sniff(path)
    if kind == "hdf5":
        with formats.Hdf5File(path) as file:
            yield from_hdf5(file)
    elif kind == "keras":
        with from_keras(formats.read_keras(path)) as source:
            yield source
    else:
        with formats.open_weights(path) as archive:
            entries = {name: archive.entry(name) for name in archive}
            told = archive.metadata.get("format") == "graftwork"
            yield Source(
                archive.subject, "own" if told else "torch" if kind == "torch" else "named", entries
            )


@contextmanager
def from_keras(file: formats.KerasFile) -> Iterator[Source]:
    """Read the weights inside a .keras archive."""
    if file.weights_name.endswith(".h5"):
        subject = f"{file.subject}: member {file.weights_name!r}"
        with formats.Hdf5File(file.read(file.weights_name), subject=subject) as inner:
            yield from_hdf5(inner)
    else:
        with file.open_weights() as archive:
            yield _keras3(archive.subject, _entries(archive), {})


def from_shards(archive: Archive) -> Source:
    """Take the weights of several files: Keras 3's by structure, the others by their names."""
    entries = _entries(archive)
    if archive.format == "hdf5":
        return _keras3(archive.subject, entries, {})
    return Source(archive.subject, "torch", entries)


def _entries(archive: Archive) -> dict[str, Entry]:
    return {name: archive.entry(name) for name in archive}


def from_hdf5(file: formats.Hdf5File) -> Source:
    """Read an HDF5 file of either layout of Keras', or one of plain names."""
    kind = formats.layout(file)
    if kind == "legacy":
        listed = [
            (layer, scaled_by_name(_gates(inside))) for layer, inside in formats.legacy_layers(file)
        ]
        backend = file.text("model_weights" if "model_weights" in file.groups else "", "backend")
        expect(backend != "theano", file.subject, "must be saved with another backend than theano",
               error=FormatError, backend=backend,
               advice="Theano turned filters round; save it again with Keras 3.")  # fmt: skip
        entries = {f"{layer}/{name}": entry for layer, weights in listed for name, entry in weights}
        return Source(file.subject, kind, entries, listed, optimizer=formats.legacy_optimizer(file))
    entries = formats.keras3_weights(file, optimizer=True)
    if kind == "plain":
        return Source(file.subject, "named", entries)
    return _keras3(file.subject, entries, formats.layer_labels(file))


# Of a recurrent layer in Keras 1 the gates in their order of today, each with arrays of its own.
_GATES = ("ifco", "zrh")


def _gates(inside: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
    """Join the arrays that Keras 1 kept for every gate of a recurrent layer."""
    named = {name.split(":")[0]: entry for name, entry in inside}
    for gates in _GATES:
        heads = [name[:-4] for name in named if name.endswith(f"_W_{gates[0]}")]
        if len(heads) != 1 or len(inside) != 3 * len(gates):
            continue
        parts = {
            whole: [named[one] for gate in gates if (one := f"{whole}_{gate}") in named]
            for whole in (f"{heads[0]}_{what}" for what in "WUb")
        }
        alike = all(
            len(held) == len(gates) and held[0].shape and len({one.shape for one in held}) == 1
            for held in parts.values()
        )
        if alike:
            return [(name, _joined(held)) for name, held in parts.items()]
    return inside


def _joined(parts: list[Entry]) -> Entry:
    """Return arrays side by side, along their last axis, as one."""
    shape = (*parts[0].shape[:-1], sum(one.shape[-1] for one in parts))

    def read() -> Any:
        arrays = [one.read() for one in parts]
        joined: Any = np.concatenate(arrays, axis=-1)
        return joined

    return Entry(shape, parts[0].dtype, read)


def _keras3(subject: str, entries: dict[str, Entry], labels: dict[str, str]) -> Source:
    extra = {n: entry for n, entry in entries.items() if n.startswith(OURS)}
    mine = {_today(n): e for n, e in entries.items() if not n.startswith((OPTIMIZER, OURS))}
    kept = {n: e for n, e in mine.items() if is_kept(n)}
    mine = scaled({n: e for n, e in mine.items() if n not in kept})
    rest = {n: entry for n, entry in entries.items() if n.startswith(f"{OPTIMIZER}vars/")}
    slots = sorted(rest.items(), key=lambda named: _numbered(named[0]))
    known = {_today(path): label for path, label in labels.items()}
    return Source(subject, "keras3", mine, labels=known, optimizer=slots, extra=extra, kept=kept)


def _numbered(path: str) -> tuple[bool, int, str]:
    """Sort arrays by their numbers, and after them those that have names."""
    name = path.rpartition("/")[2]
    counted = name.isascii() and name.isdigit()
    return not counted, int(name) if counted else 0, name


def _today(path: str) -> str:
    parts = path.split("/")
    return "/".join(
        part if holder.startswith(_OWN_PARTS) else _PARTS.get(part, part)
        for holder, part in zip(["", *parts], parts, strict=False)
    )
