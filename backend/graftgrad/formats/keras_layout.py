"""How Keras names weights in an HDF5 tree: its older layout by layers, and Keras 3's by paths.

Pure data: trees in, names and arrays out. What a layer is, nobody here knows.
"""

from __future__ import annotations

import re
from typing import Any

from .base import DEFAULT_LIMITS, Archive, Entry, Limits, check
from .file import PathLike
from .hdf5 import Hdf5File
from .strict_json import parse_object

# Weights of one layer, in the order the layer lists them.
NamedWeights = list[tuple[str, Entry]]

_VARIABLE = re.compile(r"(?:.*/)?vars/[0-9]+")
_OPTIMIZER = "optimizer/"
_TOP_LEVEL = "top_level_model_weights"
FORM_NOTE = "graftwork_variant"  # an attribute of the root that we add; Keras passes over it


def open_hdf5(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open the weights of a Keras .h5 file of either layout, the optimizer's left out.

    Names are paths from the root of the weights: "conv1/conv1/kernel:0" in the older layout,
    "layers/dense/vars/0" in Keras 3's, any path in another file.

    Raises:
        FormatError: damaged, or it holds what Keras does not write.
    """
    return archive(Hdf5File(path, limits))


def archive(file: Hdf5File) -> Archive:
    """Make the archive of an open file; closing it closes the file."""
    try:
        kind = layout(file)
        if kind == "legacy":
            entries = {
                f"{layer}/{name}": entry
                for layer, weights in legacy_layers(file)
                for name, entry in weights
            }
        else:
            entries = keras3_weights(file)
        notes = {"layout": kind, **_versions(file)}
    except BaseException:
        file.close()
        raise
    return Archive("hdf5", file.subject, entries, notes, file.close)


def layout(file: Hdf5File) -> str:
    """Tell which of the layouts a file has: "legacy", "keras3" or "plain"."""
    if any(file.names(root, "layer_names") is not None for root in _roots(file)):
        return "legacy"
    counted = any(_VARIABLE.fullmatch(path) for path in file.datasets)
    return "keras3" if counted or layer_labels(file) else "plain"


def _roots(file: Hdf5File) -> list[str]:
    """Where the older layout may begin: under `model_weights` in a whole model."""
    return ["model_weights", ""] if "model_weights" in file.groups else [""]


def _versions(file: Hdf5File) -> dict[str, str]:
    found = {
        name: file.attribute(root, name)
        for root in reversed(_roots(file))
        for name in ("keras_version", "backend")
    }
    found["variant"] = file.attribute("", FORM_NOTE)
    return {name: value for name, value in found.items() if isinstance(value, str)}


def legacy_layers(file: Hdf5File) -> list[tuple[str, NamedWeights]]:
    """List the layers of the older layout in the order of the file, each with its weights.

    A model's own weights, outside any layer, come last under "top_level_model_weights".

    Raises:
        FormatError: not the older layout, or a weight it names is not there.
    """
    root = next((r for r in _roots(file) if file.names(r, "layer_names") is not None), None)
    check(root is not None, file.subject, "must have the attribute layer_names",
          "Only Keras' older HDF5 files have it.", groups=[*file.groups][:6])  # fmt: skip
    place = f"{root}/" if root else ""
    names = file.names(root or "", "layer_names") or []
    check(len(set(names)) == len(names), file.subject, "no layer may be listed twice",
          layers=len(names))  # fmt: skip
    layers = [(name, _weights(file, place + name)) for name in names]
    if place + _TOP_LEVEL in file.groups and _TOP_LEVEL not in names:
        own = _weights(file, place + _TOP_LEVEL)
        layers += [(_TOP_LEVEL, own)] if own else []
    return layers


def legacy_optimizer(file: Hdf5File) -> NamedWeights:
    """List the optimizer's weights of a whole model in the older layout, if it has any."""
    return _weights(file, "optimizer_weights") if "optimizer_weights" in file.groups else []


def _weights(file: Hdf5File, group: str) -> NamedWeights:
    """Find the datasets a group's `weight_names` lists."""
    check(group in file.groups, file.subject, "a layer must have its group", group=group)
    names = file.names(group, "weight_names") or []
    check(len(set(names)) == len(names), file.subject, "no weight may be listed twice",
          group=group, names=names[:8])  # fmt: skip
    for name in names:
        check(f"{group}/{name}" in file.datasets, file.subject, "a weight must have its dataset",
              group=group, weight=name)  # fmt: skip
    return [(name, file.datasets[f"{group}/{name}"]) for name in names]


def keras3_weights(file: Hdf5File, *, optimizer: bool = False) -> dict[str, Entry]:
    """Name the weights of Keras 3's layout by path ("layers/dense/vars/0"), counted in order.

    Args:
        file: an open file.
        optimizer: with the optimizer's, which lie under "optimizer/vars".
    """
    wanted = [path for path in file.datasets if optimizer or not path.startswith(_OPTIMIZER)]
    return {path: file.datasets[path] for path in sorted(wanted, key=_natural)}


def _natural(path: str) -> list[tuple[int, str]]:
    """Sort "vars/10" after "vars/9"."""
    parts = path.split("/")
    return [(int(p), "") if p.isascii() and p.isdigit() and len(p) < 19 else (-1, p) for p in parts]


def layer_labels(file: Hdf5File) -> dict[str, str]:
    """Tell the layer's own name for each path of Keras 3's layout: its `vars` group keeps it."""
    labels: dict[str, str] = {}
    for group in file.groups:
        if group == "vars" or group.endswith("/vars"):
            name = file.text(group, "name")
            if name is not None:
                labels[group.removesuffix("vars").rstrip("/")] = name
    return labels


def model_config(file: Hdf5File) -> dict[str, Any] | None:
    """Parse the configuration a whole model keeps in `model_config`; None in a file of weights."""
    return _json(file, "model_config")


def training_config(file: Hdf5File) -> dict[str, Any] | None:
    """Parse what `compile` was told, where the file keeps it."""
    return _json(file, "training_config")


def _json(file: Hdf5File, name: str) -> dict[str, Any] | None:
    text = file.text("", name)
    if text is None:
        return None
    return parse_object(text.encode(), f"{file.subject}: attribute {name!r}", file.limits)
