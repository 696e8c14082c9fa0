"""Whole models in one file: Keras 3's .keras, and Keras' older HDF5."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError, GraftError, expect, note, warn
from graftgrad.formats import Entry

from ..layers.layer import Layer
from ..layers.phase import phase
from ..registry import custom_object_scope
from . import (
    assets,
    compilation,
    config,
    legacy_file,
    names,
    optimizer_state,
    own_variables,
    rates,
    sources,
    weights,
)
from .matching import matched
from .sources import Source

OURS = "graftwork"
VERSION = "keras_version"
# The version of Keras whose layout is written; every later one reads it.
KERAS = "3.5.0"
ENDINGS = (".keras", ".h5", ".hdf5")
_SLACK = 1 << 22  # numbers that a model may have beyond those the file stores


def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
) -> None:
    """Write a model: its making, its weights, how it was compiled and the optimizer's state.

    The file appears whole or not at all. A ".keras" file is read by Keras 3 as well.

    Args:
        model: a model whose weights are made.
        filepath: ends in ".keras", or in ".h5" for Keras' older form of plain models.
        overwrite: whether a file that is there may be replaced.
        zipped: one file, which is the only form; not False.
        include_optimizer: also write the state of the optimizer.

    Raises:
        ConfigError: the ending is unknown, the file must not be replaced, the weights are not made,
            something cannot be told as plain values, such as a lambda, or a folder is asked for.
        FormatError: the folder does not exist or cannot be written.
    """
    expect(zipped is not False, "save", "a model must be one file", error=ConfigError,
           zipped=zipped)  # fmt: skip
    place = weights.checked_target(filepath, overwrite, ENDINGS, "save")
    expect(isinstance(model, Layer) and hasattr(model, "save"), "save", "must be given a model",
           error=ConfigError, model=type(model).__name__)  # fmt: skip
    expect(model.built, f'model "{model.name}"', "must be built before it is saved",
           error=ConfigError, built=False,
           advice="Call it once or call build(input_shape).")  # fmt: skip
    optimizer = include_optimizer and optimizer_state.compiled_model(model)
    if not place.name.endswith(".keras"):
        legacy_file.write(model, place, optimizer)
        return
    told = config.model_config(model)
    compiled = compilation.told_by(model)
    if compiled is not None:
        told["compile_config"] = compiled
    arrays, labels = weights.keras_tree(model)
    if optimizer:
        slots, notes = optimizer_state.optimizer_tree(model)
        arrays, labels = {**arrays, **slots}, {**labels, **notes}
    files, kept = assets.kept(model)
    arrays |= kept
    members = {
        "metadata.json": _json(_metadata(model, optimizer)),
        "config.json": _json(told),
        "model.weights.h5": formats.tree_bytes(arrays, labels),
        **files,
    }
    formats.write_keras(place, members)


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"save: configurations must be finite numbers, text, lists and dictionaries; "
            f"got {error}. "
            "Look at get_config() of your own classes."
        ) from error


def _metadata(model: Any, optimizer: bool) -> dict[str, Any]:
    """Return Keras' fields, and what Keras has no place for: seed, what is frozen, rates."""
    own: dict[str, Any] = {
        "version": _version(),
        "seed": getattr(model, "seed", None),
        "frozen": [
            place.path for place in names.places(model)
            if place.weight.kind == "parameter" and not place.weight.requires_grad
        ],
    }  # fmt: skip
    if names.variant_of(model):
        own["variant"] = names.variant_of(model)
    multipliers = rates.multipliers(rates.parameters_of(model))
    if multipliers:
        own["learning_rate_multipliers"] = multipliers
    if optimizer:
        own["optimizer_order"] = optimizer_state.order_of(model)
        own["batches"] = model.batches_done()
    saved = datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {VERSION: KERAS, "date_saved": saved, OURS: own}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # here: slow to import

    try:
        return version("graftwork")
    except PackageNotFoundError:
        return "0"


# -- reading -------------------------------------------------------------------------------------


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model that this project or Keras saved.

    Classes are looked up by name among the registered ones and `custom_objects`; nothing is
    imported and no code is run because a file says so.

    Args:
        filepath: a .keras file, or a whole model in Keras' older HDF5.
        custom_objects: name -> class or function of your own.
        compile: also restore optimizer, loss and metrics, with the optimizer's state.
        safe_mode: whether code in a file is refused; it is refused all the same if False.

    Raises:
        FormatError: the file is damaged, dangerous, or no whole model.
        ConfigError: a name is not known, a setting unfit, or the file carries code.
        ShapeError: a weight in the file has another shape than the model.
    """
    kind = formats.sniff(filepath)
    expect(kind in ("keras", "hdf5"), str(filepath), "must be a whole model: .keras or older .h5",
           error=FormatError, kind=kind,
           advice="For weights alone make the model and call load_weights(path).")  # fmt: skip
    try:
        if kind == "hdf5":
            return _load_hdf5(filepath, custom_objects, compile)
        return _load_keras(filepath, custom_objects, compile)
    except GraftError as error:
        if str(filepath) not in str(error):
            note(error, f"while the model in {filepath} was made")
        raise


def _load_keras(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, compile: bool
) -> Any:
    file = formats.read_keras(path)
    with sources.from_keras(file) as source:
        told_by = {**file.config, VERSION: file.metadata.get(VERSION, "")}
        model = _filled(told_by, source, custom_objects)
        assets.take(model, file, source.kept)
        own = file.metadata.get(OURS)
        notes: Mapping[str, Any] = own if isinstance(own, Mapping) else {}
        _apply_notes(model, notes, file.subject)
        told = file.config.get("compile_config")
        if compile and told:
            with custom_object_scope(custom_objects or {}):
                model.compile_from_config(told)
            special = {
                n: e for n, e in source.extra.items() if n.startswith(f"{optimizer_state.OURS}/")
            }
            order = _texts(notes.get("optimizer_order"))
            _restore(model, source.optimizer, special, order, file.subject)
            model.batches_trained = _whole(notes.get("batches") or 0, "batches", file.subject)
    return model


def _filled(told: Any, source: Source, custom_objects: Mapping[str, Any] | None) -> Any:
    """Make a model no larger than what the file stores, and fill its weights."""
    with _budget(source.numbers):
        model = config.model_from_config(told, custom_objects)
    if names.places(model) or source.entries or own_variables.loaders(model):
        weights.take(model, source)
    return model


@contextmanager
def _budget(numbers: int) -> Iterator[None]:
    """Let weights be made only as far as the file can fill them: few bytes cannot ask for much."""
    before, phase.budget = phase.budget, numbers + _SLACK
    try:
        yield
    finally:
        phase.budget = before


def _apply_notes(model: Any, notes: Mapping[str, Any], subject: str) -> None:
    """Restore what Keras has no place for: seed, form, frozen weights, learning rates."""
    seed = notes.get("seed")
    seed = None if seed is None else _whole(seed, "seed", subject)
    multipliers = rates.checked(notes.get("learning_rate_multipliers", {}), subject)
    model.seed = seed
    if isinstance(notes.get("variant"), str):
        model.weights_variant = notes["variant"]
    if "frozen" in notes:
        frozen = set(_texts(notes["frozen"]))
        for place in names.places(model):
            place.weight.trainable = place.path not in frozen
    if multipliers:
        rates.restore(multipliers, rates.parameters_of(model))


def _whole(value: Any, name: str, subject: str) -> int:
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    expect(sound, subject, f"{name} must be a whole number", error=FormatError, **{name: value})
    return int(value)


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _restore(
    model: Any,
    values: Sequence[tuple[str, Entry]],
    special: Mapping[str, Entry],
    order: Sequence[str],
    subject: str,
) -> None:
    if not values or not optimizer_state.compiled_model(model):
        return
    reason = optimizer_state.restore(model, values, special, order)
    if reason:
        _warn(subject, model, reason)


def _warn(subject: str, model: Any, reason: str) -> None:
    warn(
        f"{subject}: the state of optimizer {model.optimizer.name!r} does not fit and was left "
        f"out: {reason}. The optimizer begins anew."
    )


def _load_hdf5(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, compile: bool
) -> Any:
    with formats.Hdf5File(path) as file:
        told = formats.model_config(file)
        if told is None:
            raise FormatError(
                f"{path}: must be a whole model; got weights without a model. "
                "Make the model and call model.load_weights(path)."
            )
        source = sources.from_hdf5(file)
        told_by = {**told, VERSION: _version_of(file)}
        model = _filled(told_by, source, custom_objects)
        training = formats.training_config(file)
        if compile and training:
            compilation.compiled(model, training, custom_objects)
            _restore_legacy(model, source)
    return model


def _version_of(file: formats.Hdf5File) -> str:
    """Return the version of Keras that wrote an HDF5 file; "" where it does not say."""
    found = [file.text(group, VERSION) for group in ("", "model_weights") if group in file.groups]
    return next((str(one) for one in found if one), "")


def _restore_legacy(model: Any, source: Source) -> None:
    if not source.optimizer or not optimizer_state.compiled_model(model):
        return
    plan = matched(model, source, names.places(model), False)
    values, listed = optimizer_state.legacy_values(model, source.optimizer, plan)
    values = optimizer_state.today(model.optimizer, listed, values)
    reason = optimizer_state.misfit(model.optimizer, listed, [entry for _, entry in values])
    if reason:
        _warn(source.subject, model, reason)
        return
    model.optimizer.load_variables([entry.read() for _, entry in values], listed)


def clone_model(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a model of the same layers with fresh weights, frozen where this one is.

    Raises:
        ConfigError: something in the model cannot be told as plain values.
    """
    made = config.model_from_config(config.model_config(model), custom_objects)
    frozen = {place.path for place in names.places(model) if not place.weight.requires_grad}
    for place in names.places(made):
        place.weight.trainable = place.path not in frozen
    rates.restore(rates.multipliers(rates.parameters_of(model)), rates.parameters_of(made))
    if names.variant_of(model):
        made.weights_variant = names.variant_of(model)
    return made
