"""What layers keep in a model's file beside weights and settings: vocabularies, as files of lines.

A layer that keeps something has `kept_assets`, `kept_arrays` and `take_kept`; one of a user's own
has Keras' `save_assets(folder)` and `load_assets(folder)`, which write and read files. Where they
lie is Keras' choice: `assets/layers/string_lookup/vocabulary.txt`, and arrays among the layer's
variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from graftgrad import formats
from graftgrad.errors import FormatError, expect
from graftgrad.formats import Entry

from ..layers.layer import Layer
from . import names

FOLDER = "assets/"
ARRAY = "idf_weights"  # the only array that lies among variables by a name


def kept(model: Layer) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files and the arrays that layers keep, by their names in the archive.

    Raises:
        FormatError: something cannot be written, such as a token with the end of a line.
    """
    files: dict[str, bytes] = {}
    arrays: dict[str, Any] = {}
    for path, layer in _having("save_assets", model):
        with _folder() as folder:
            layer.save_assets(folder)
            written = [one for one in sorted(Path(folder).rglob("*")) if one.is_file()]
            files |= {
                f"{_start(path)}{one.relative_to(folder).as_posix()}": one.read_bytes()
                for one in written
            }
    for path, layer in _having("take_kept", model):
        files |= {f"{_start(path)}{name}": one for name, one in layer.kept_assets().items()}
        arrays |= {f"{path}/vars/{name}": one for name, one in layer.kept_arrays().items()}
    return files, arrays


def take(model: Layer, file: formats.KerasFile, arrays: Mapping[str, Entry]) -> None:
    """Hand layers what the archive keeps for them.

    Raises:
        FormatError: an array is no row of numbers.
        ConfigError: a vocabulary does not fit the layer.
    """
    for path, layer in _having("load_assets", model):
        _lay_out(layer, _start(path), file)
    for path, layer in _having("take_kept", model):
        start = _start(path)
        files = {
            name.removeprefix(start): file.read(name)
            for name in file.names
            if name.startswith(start) and "/" not in name.removeprefix(start)
        }
        found = {}
        entry = arrays.get(f"{path}/vars/{ARRAY}")
        if entry is not None:
            found[ARRAY] = entry.read()
            fit = found[ARRAY].ndim == 1 and found[ARRAY].dtype.kind == "f"
            expect(fit, file.subject, "the weights of a vocabulary must be a row of numbers",
                   error=FormatError, path=path, shape=found[ARRAY].shape)  # fmt: skip
        layer.take_kept(files, found)


def is_kept(path: str) -> bool:
    """Tell whether an array's name in a file is not that of a weight, but of what a layer keeps."""
    return path.rsplit("/", 1)[-1] == ARRAY


def _lay_out(layer: Any, start: str, file: formats.KerasFile) -> None:
    """Write the files that are a layer's into a folder of its own and let it read them there."""
    found = {name.removeprefix(start): name for name in file.names if name.startswith(start)}
    with _folder() as folder:
        for inner, name in found.items():
            place = Path(folder, *inner.split("/"))  # the archive refuses names that lead outside
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read(name))
        layer.load_assets(folder)


def _folder() -> AbstractContextManager[str]:
    from tempfile import TemporaryDirectory  # here: few models need it

    return TemporaryDirectory()


def _start(path: str) -> str:
    return f"{FOLDER}{path}/" if path else FOLDER


def _having(method: str, model: Layer) -> Iterator[tuple[str, Any]]:
    for group in names.groups(model):
        if hasattr(group.layer, method):
            yield group.path, group.layer
