"""Weights alone: loaded into a model that is there, all or none, and written without the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor, formats
from graftgrad.errors import ConfigError, FormatError, GraftError, ShapeError, expect

from ..layers.layer import Layer
from ..layers.lora import LowRank
from . import names, own_variables
from .matching import Match, expected_leftovers
from .ordering import Matching, chosen
from .report import LoadReport, Mismatch
from .sources import VARIANT, Source, opened

ENDINGS = (".weights.h5", ".safetensors", ".npz", ".pth", ".pt")


def load_weights(
    model: Layer,
    filepath: str | os.PathLike[str],
    by_name: bool = False,
    skip_mismatch: bool = False,
    strict: bool = True,
    skip: Sequence[str] = (),
    match: Matching = "auto",
) -> LoadReport:
    """Fill the weights of a model from a file: all that was planned, or nothing.

    Keras' .weights.h5, .keras and older .h5, PyTorch checkpoints, safetensors and npz are told by
    their content. Names and axis orders are translated; a model may declare further names in
    `name_rules` (name in the file -> our path of a layer or weight).

    Args:
        model: a model whose weights are made.
        filepath: the file.
        by_name: match layers by their names, and leave those alone that the file does not name.
        skip_mismatch: leave weights alone that are missing in the file or of another shape.
        strict: every weight must be found in the file and fit.
        skip: layers, by our names or the file's, that are left alone.
        match: "auto"; "name", which is `by_name`; "order": the weights of the file one after the
            other; or rules, names in the file -> our paths of layers or weights, in which each *
            stands for one part of a name and is put in place of the * on the other side.

    Returns:
        A report of what was loaded, missing, left over and of another shape.

    Raises:
        ConfigError: `match` is none of these.
        FormatError: the file is damaged, dangerous or foreign, lacks a weight, or nothing fits.
        ShapeError: a weight has another shape in the file.
    """
    with opened(filepath) as source:
        return take(model, source, by_name, skip_mismatch or not strict, skip, match)


def take(
    model: Layer,
    source: Source,
    by_name: bool = False,
    lenient: bool = False,
    skip: Sequence[str] = (),
    match: Matching = "auto",
) -> LoadReport:
    """Plan, check, read everything, and only then assign; layers that fill themselves go first."""
    listed = names.places(model)
    kept = [place for place in listed if not _within(place.path, skip)]
    own = _filling(model, source, by_name or match != "auto", listed, skip)
    nothing = model.built and not source.entries  # a model of functions has no weights either
    expect(nothing or bool(kept or own), f'model "{model.name}"',
           "must be built before weights are loaded", error=ConfigError, weights=0,
           advice="Give it an Input, call it once or call build(input_shape).")  # fmt: skip
    by_name = by_name or match == "name"
    themselves = {id(one.layer): one for one in own}
    rest = [place for place in kept if id(place.layer) not in themselves]
    whole, source = source, own_variables.without(own, source)
    planned = chosen(match, model, source, rest, by_name)
    plan = [one for one in planned if not _within(one.name, skip)]
    report = _judged(plan, rest, source, skip)
    unbuilt = [one.name for one in model.flattened() if not one.built]
    expect(not (unbuilt and report.unexpected), f'model "{model.name}"',
           "every layer must be built before weights are loaded", error=ConfigError,
           unbuilt=unbuilt, left_over_in_file=len(report.unexpected),
           advice="Call the model once, or call build(input_shape).")  # fmt: skip
    if rest or not own:
        _check(report, lenient, lenient or by_name, source)
    values = [(match.place.weight, _value(match, source.subject)) for match in plan if match.fits]
    failed = own_variables.fill(own, whole, lenient)
    for weight, value in values:
        weight.assign(value)
    filled = {id(weight) for weight, _ in values}
    for layer in model.flattened():
        if isinstance(layer, LowRank) and layer.lora_enabled:
            layer.forget_change(filled)
    for place in kept:
        one = themselves.get(id(place.layer))
        if one in failed:
            report.missing.append(place.path)
        elif one is not None:
            report.loaded[place.path] = one.variables
    return report


def _filling(
    model: Layer, source: Source, matched: bool, listed: list[names.Place], skip: Sequence[str]
) -> list[own_variables.Own]:
    """Return what fills itself from Keras' layout, if nobody matches names."""
    if source.dialect != "keras3" or matched:
        return []
    passed = {id(place.layer) for place in listed if _within(place.path, skip)}
    return [
        one for one in own_variables.loaders(model)
        if id(one.layer) not in passed and not _within(one.variables, skip)
        and (isinstance(one.layer, Layer) or any(map(one.holds, source.entries)))
    ]  # fmt: skip


def _within(name: str, skip: Sequence[str]) -> bool:
    return any(name == one or name.startswith((f"{one}/", f"{one}.")) for one in skip)


def _judged(
    plan: list[Match], kept: list[names.Place], source: Source, skip: Sequence[str]
) -> LoadReport:
    found = {match.place.path for match in plan}
    used = {match.name for match in plan}
    return LoadReport(
        source.subject,
        {match.place.path: match.name for match in plan if match.fits},
        [place.path for place in kept if place.path not in found and not place.optional],
        [
            name for name in source.entries
            if name not in used and not _within(name, skip) and not expected_leftovers(source, name)
        ],
        [
            Mismatch(match.place.path, match.name, match.place.weight.shape, match.entry.shape)
            for match in plan if not match.fits
        ],
        [match.place.path for match in plan if match.fits and match.turned],
    )  # fmt: skip


def _check(
    report: LoadReport, mismatch_allowed: bool, missing_allowed: bool, source: Source
) -> None:
    taken = len(report.loaded) + len(report.mismatched)
    wanting = bool(report.missing or source.entries)  # else neither side has any weight
    if not report.loaded and wanting and (taken == 0 or mismatch_allowed):
        raise FormatError(
            f"{report.source}: must hold weights of this model; got {len(source.entries)} arrays, "
            f"none of which fits. In the file: {_few(list(source.entries))}. In the model: "
            f"{_few(report.missing + [one.path for one in report.mismatched])}."
        )
    if report.mismatched and not mismatch_allowed:
        shown = "; ".join(str(one) for one in report.mismatched[:4])
        more = f" and {len(report.mismatched) - 4} more" if len(report.mismatched) > 4 else ""
        raise ShapeError(
            f"{report.source}: every weight must have the shape it has in the file; "
            f"got {shown}{more}. Nothing was loaded. {_advice(report)}"
        )
    if report.missing and not missing_allowed:
        shown = "; ".join(_nearest(path, report.unexpected) for path in report.missing[:4])
        spare = f" Left over in the file: {_few(report.unexpected)}." if report.unexpected else ""
        raise FormatError(
            f"{report.source}: must hold every weight of the model; {len(report.missing)} are "
            f"missing: {shown}{' …' if len(report.missing) > 4 else ''}.{spare} Nothing was "
            "loaded. "
            "Pass strict=False to load what is there."
        )


def _advice(report: LoadReport) -> str:
    """Say what to do about shapes: nothing is gained by skipping them where little else fits."""
    known = len(report.loaded)
    total = known + len(report.mismatched) + len(report.missing)
    if 2 * known < total:
        return (
            f"Only {known} of {total} weights fit: the file seems to be of another network, or of "
            "another size of it."
        )
    return "Pass skip_mismatch=True to keep the model's own values there."


def _nearest(path: str, offered: list[str]) -> str:
    import difflib  # here: a failure alone needs it

    near = difflib.get_close_matches(path, offered[:5000], 2, 0.5)
    return f'"{path}"' + (f" (nearest in the file: {', '.join(near)})" if near else "")


def _few(listed: list[str]) -> str:
    shown = ", ".join(name if len(name) <= 100 else f"{name[:100]}…" for name in listed[:4])
    return shown + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _value(match: Match, subject: str) -> Tensor:
    """Read an array; bring its axes into our order, its numbers into the weight's element type."""
    weight = match.place.weight
    expect(match.entry.dtype.kind != "c", subject, f"array {match.name!r} must hold real numbers",
           error=FormatError, dtype=str(match.entry.dtype))  # fmt: skip
    array = match.entry.read()
    if match.axes is not None:
        array = match.axes.inward(array, weight.shape)
    try:
        return graftgrad.as_tensor(array).to(weight.dtype)
    except GraftError as error:
        raise FormatError(f"{subject}: array {match.name!r} must hold numbers; {error}") from error


# -- writing -------------------------------------------------------------------------------------


def save_weights(model: Layer, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model; the file appears whole or not at all.

    The ending decides: .weights.h5 is Keras 3's layout, .pth and .pt a state dict of PyTorch (its
    names and axis orders), .safetensors and .npz hold our own paths. Of a network of the zoo the
    file notes in whose form it is, and one in Keras' form has names of its own in a state dict:
    under PyTorch's it would be taken for another network.

    Raises:
        ConfigError: the ending is none of these, the model has no weights yet, or the file is there
            and must not be overwritten.
        FormatError: the folder does not exist or cannot be written.
    """
    place = checked_target(filepath, overwrite, ENDINGS, "save_weights")
    text = place.name.lower()
    listed = names.places(model)
    variant = names.variant_of(model)
    notes = {"variant": variant} if variant else {}
    expect(len(listed) > 0, f'model "{model.name}"', "must be built before weights are saved",
           error=ConfigError, weights=0,
           advice="Call it once or call build(input_shape).")  # fmt: skip
    if text.endswith(".weights.h5"):
        formats.write_tree(place, *keras_tree(model))
    elif text.endswith((".pth", ".pt")):
        formats.write_torch(place, _state_dict(listed), notes)
    else:
        arrays = {one.path: one.weight.numpy() for one in listed}
        if text.endswith(".npz"):
            if variant and variant != "keras":
                arrays[VARIANT] = np.frombuffer(variant.encode(), "u1")
            formats.write_npz(place, arrays)
        else:
            formats.write_safetensors(place, arrays, {"format": "graftwork", **notes})


def checked_target(
    path: str | os.PathLike[str], overwrite: bool, endings: Sequence[str], subject: str
) -> Path:
    """Return where to write, before any work is done.

    Raises:
        ConfigError: the ending is unknown, or the file is there and must not be overwritten.
    """
    expect(isinstance(path, (str, os.PathLike)), subject, "path must be a path", error=ConfigError,
           path=path)  # fmt: skip
    place = Path(path)
    alone = "save_weights" not in subject and place.name.lower().endswith(ENDINGS)
    expect(place.name.lower().endswith(tuple(endings)), subject,
           f"path must end in one of {', '.join(endings)}", error=ConfigError, path=str(place),
           advice="The weights alone are written by save_weights(path)." if alone else
           "")  # fmt: skip
    expect(overwrite or not place.exists(), subject, "path must be free when overwrite is false",
           error=ConfigError, path=str(place))  # fmt: skip
    return place


def keras_tree(model: Layer) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the arrays of Keras 3's layout by path, and the names of the layers by group."""
    arrays: dict[str, Any] = {}
    labels: dict[str, dict[str, Any]] = {}
    for group in names.groups(model):
        labels[group.variables] = {"name": group.layer.name}
        kept = own_variables.arrays_of(group)
        arrays |= {f"{group.variables}/{name}": array for name, array in kept.items()}
    for one in own_variables.metrics(model):
        if hasattr(one.layer, "save_own_variables"):
            labels[one.variables] = {"name": one.layer.name}
            kept = own_variables.stored(one.layer, one.subject)
            arrays |= {f"{one.variables}/{name}": array for name, array in kept.items()}
    variant = names.variant_of(model)
    if variant:
        labels[""] = {formats.FORM_NOTE: variant}
    return arrays, labels


def _state_dict(listed: list[names.Place]) -> dict[str, Any]:
    arrays = {}
    for one in listed:
        if not one.optional:
            array = names.merged(one.layer, one.weight)
            arrays[one.torch[0]] = array if one.axes is None else one.axes.outward(array)
    return arrays
