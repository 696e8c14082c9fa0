"""What the user calls data -> host arrays of numbers, checked; weights of classes -> of samples."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from graftgrad import Tensor
from graftgrad.data import leaves
from graftgrad.errors import ConfigError, DataError, GraftError, expect, sentence
from graftgrad.spec import as_dtype

from ..tables.strings import is_text

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
NEAREST = {"longdouble": "float64", "float128": "float64"}


def is_arrays(x: Any) -> bool:
    """Tell whether something is an array, a table, or a list or dictionary of such."""
    if isinstance(x, Mapping):
        return all(is_arrays(one) for one in x.values())
    return isinstance(x, (list, tuple)) or is_array(x)


def is_array(x: Any) -> bool:
    """Tell whether something is one array or table: NumPy's, a tensor, pandas and its like."""
    if isinstance(x, (np.ndarray, Tensor)) or hasattr(x, "to_numpy") or is_sparse(x):
        return True
    whole = hasattr(x, "__array__") or hasattr(x, "__dlpack__")
    return whole and hasattr(x, "shape") and not hasattr(x, "__next__")


def is_sparse(x: Any) -> bool:
    """Tell whether something is a sparse matrix as SciPy makes it."""
    return hasattr(x, "tocsr") and hasattr(x, "toarray")


def on_host(subject: str, name: str, tree: Any, sparse: bool = False, text: bool = False) -> Any:
    """Return host arrays; a list of numbers becomes one array, a list of arrays stays a list.

    With `sparse` sparse matrices stay what they are, by rows; else they are written out.
    With `text` arrays of strings are let through: a layer of the model looks them up.

    Raises:
        DataError: elements are no numbers, or rows differ in length.
    """
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        return {
            key: on_host(subject, f"{name}[{key!r}]", one, sparse, text)
            for key, one in tree.items()
        }
    if isinstance(tree, (list, tuple)) and any(is_array(one) and _axes(one) > 0 for one in tree):
        return [on_host(subject, f"{name}[{i}]", one, sparse, text) for i, one in enumerate(tree)]
    if is_sparse(tree):
        return tree.tocsr() if sparse else _numbers(subject, name, tree.toarray())
    host = tree.to_numpy() if hasattr(tree, "to_numpy") else _array(subject, name, tree)
    if host.dtype == object and hasattr(tree, "columns"):
        host = _table(subject, name, tree)
    return host if text and is_text(host) else _numbers(subject, name, host)


def _table(subject: str, name: str, table: Any) -> Any:
    """Return a table whose columns are numbers of several types as one array, (N, columns).

    Raises:
        DataError: columns hold something else; they are named.
    """
    columns = {str(column): table[column].to_numpy() for column in table.columns}
    others = [column for column, values in columns.items() if values.dtype.kind not in "biuf"]
    expect(not others, subject, f"{name} must hold numbers", error=DataError,
           advice="Categories become columns of 0 and 1 by pandas.get_dummies(x, dtype='float32') "
           "or utils.FeatureSpace; leave out what is none, or make numbers of it.",
           **{"columns without": others})  # fmt: skip
    return np.stack(list(columns.values()), axis=1)


def _axes(one: Any) -> int:
    return len(one.shape) if hasattr(one, "shape") else np.ndim(one)


def counted(subject: str, **trees: Any) -> int:
    """Count the samples of arrays, (N, …) each.

    Raises:
        DataError: there is no sample, or an array has no first axis.
        ShapeError: arrays differ in their number of samples.
    """
    shapes = {path: one.shape for name, tree in trees.items() for path, one in leaves(tree, name)}
    expect(len(shapes) > 0 and all(len(shape) > 0 for shape in shapes.values()), subject,
           "data must have the samples along the first axis",
           error=DataError, **shapes)  # fmt: skip
    lengths: dict[str, Any] = {path: shape[0] for path, shape in shapes.items()}
    listed = [name for name, tree in trees.items() if isinstance(tree, list)]
    advice = (
        f"The arrays of a list are several inputs or outputs; samples of one are joined into one "
        f"array: np.stack({listed[0]}), once they have one shape."
        if listed
        else ""
    )
    expect(len(set(lengths.values())) == 1, subject,
           "all arrays must have the same number of samples along their first axis",
           advice=advice, **lengths)  # fmt: skip
    samples: int = next(iter(lengths.values()))
    expect(samples > 0, subject, "there must be at least one sample", error=DataError, **shapes)
    return samples


def check_finite(subject: str, name: str, tree: Any) -> None:
    """Refuse labels and weights of samples that are NaN or infinite.

    Raises:
        DataError: one is; its place is named.
    """
    for path, host in leaves(tree, name):
        if host.dtype.kind != "f" or np.isfinite(host).all():
            continue
        bad = np.isnan(host)
        what = "NaN" if bad.any() else "infinite"
        bad = bad if bad.any() else np.isinf(host)
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        got: dict[str, object] = {
            "first at": place,
            f"{what} values": f"{int(bad.sum())} of {bad.size}",
        }
        advice = (
            "Drop those samples or give them a weight of 0 and a valid label."
            if name == "y"
            else "A weight of 0 leaves a sample out."
        )
        raise DataError(
            sentence(
                subject,
                f"{path} must not hold {what if what == 'NaN' else 'infinite values'}",
                got,
                advice,
            )
        )


def weighted_by_class(
    class_weight: Mapping[Any, Any], y: Any, weight: Any, names: list[str] | None
) -> Any:
    """Return a weight for every sample: that of its class, or 1, times its own.

    For several outputs `class_weight` is a dictionary of such dictionaries, by their names.

    Shapes: y (N,), (N, 1) or one-hot (N, K) -> (N,).

    Raises:
        ConfigError: there is no such dictionary, classes are no whole numbers, or weights are no
            finite ones.
    """
    expect(isinstance(class_weight, Mapping), "fit",
           "class_weight must be a dictionary: class -> weight",
           error=ConfigError, class_weight=class_weight,
           advice="For example {0: 1.0, 1: 5.0}, or dict(enumerate(weights)).")  # fmt: skip
    if not isinstance(y, (dict, list)):
        return _weights(class_weight, y, weight)
    targets = y if isinstance(y, dict) else dict(zip(names or [], y, strict=False))
    unknown = [name for name in class_weight if name not in targets]
    expect(not unknown, "fit", "for several outputs class_weight must be a dictionary by their "
           f"names, {list(targets)}", error=ConfigError, class_weight=dict(class_weight),
           advice="For example {'output': {0: 1.0, 1: 5.0}}.")  # fmt: skip
    own = weight if isinstance(weight, dict) else dict.fromkeys(targets, weight)
    if isinstance(weight, list):
        own = dict(zip(targets, weight, strict=False))
    return {
        name: _weights(class_weight.get(name, {}), target, own.get(name))
        for name, target in targets.items()
    }


def _weights(class_weight: Mapping[Any, Any], y: Any, weight: Any) -> Any:
    for key in class_weight:
        expect(hasattr(key, "__index__"), "fit",
               "the classes of class_weight must be whole numbers",
               error=ConfigError, found=key)  # fmt: skip
        factor = class_weight[key]
        sound = isinstance(factor, (int, float, np.number)) and bool(np.isfinite(factor))
        expect(sound, "fit", "the weights of class_weight must be finite numbers",
               error=ConfigError, **{f"class {int(key)}": factor})  # fmt: skip
    if not class_weight:
        return weight
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    factors = np.ones(labels.shape, np.float32)
    for key, factor in class_weight.items():
        factors[labels == int(key)] = factor
    return factors if weight is None else factors * np.asarray(weight).reshape(factors.shape)


def _array(subject: str, name: str, values: Any) -> Any:
    values = values.detach() if isinstance(values, Tensor) else values
    try:
        if not hasattr(values, "__array__") and hasattr(values, "__dlpack__"):
            return np.from_dlpack(values)
        return np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"{subject}: {name} must have rows of equal length; got {error}."
        ) from error


@cache
def _fits(dtype: Any) -> bool:
    """Tell whether tensors hold elements of a type as they are; its name takes long to make."""
    try:
        kind = NEAREST.get(dtype.name, dtype.newbyteorder("="))
        return dtype.kind != "c" and bool(dtype == kind and as_dtype(kind) == dtype)
    except (GraftError, ValueError, TypeError):
        return False


def _numbers(subject: str, name: str, host: Any) -> Any:
    if _fits(host.dtype):
        return host
    kind = NEAREST.get(host.dtype.name, host.dtype.newbyteorder("="))
    try:
        if host.dtype.kind == "c":  # tensors may be complex; data and labels are not
            raise TypeError
        return host if host.dtype == kind and as_dtype(kind) else host.astype(as_dtype(kind))
    except (GraftError, ValueError, TypeError):
        first = next(iter(host.ravel()[:1].tolist()), None)
        shown = f"array {first.shape}" if isinstance(first, np.ndarray) else first
        got: dict[str, object] = {"dtype": str(host.dtype), "for example": shown}
        advice = _numbered(name, first)
        raise DataError(sentence(subject, f"{name} must hold numbers", got, advice)) from None


def _numbered(name: str, first: Any) -> str:
    """Say how what is no number becomes one."""
    if isinstance(first, np.ndarray):
        return "Arrays of one shape are joined by np.stack; bring pictures to one size first."
    if isinstance(first, str) and os.path.splitext(first)[1].lower() in PICTURES:
        return (
            "A picture is read by data.images.read(path, image_size=…), and they are joined "
            "by np.stack; a folder of them by image_dataset_from_directory."
        )
    if name == "y" and isinstance(first, str):
        return "Number the classes: names, y = np.unique(y, return_inverse=True)."
    return (
        "Turn text, dates and categories into numbers first, and fill what is missing; "
        "text also by a model that begins with Input(…, dtype='string')."
    )
