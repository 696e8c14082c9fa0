"""Models for other programs: what `call` computes in inference, as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graftgrad import export as onnx
from graftgrad.errors import ConfigError, expect
from graftgrad.export import DEFAULT_OPSET
from graftgrad.spec import DType, as_dtype

from ..layers.layer import Layer
from ..layers.symbol import leaves, mapped
from . import names
from .weights import checked_target

if TYPE_CHECKING:
    Base = Layer
else:
    Base = object

FORMATS = ("onnx",)
Described = tuple[tuple["int | None", ...], DType]


def export_model(
    model: Layer,
    path: str | os.PathLike[str],
    format: str = "onnx",
    input_signature: Any = None,
    opset: int = DEFAULT_OPSET,
    overwrite: bool = True,
) -> None:
    """Write a model for inference; the file appears whole or not at all.

    The model is run on two batches of ones under watch, with `training=False`; the number of
    samples stays open.

    Args:
        model: built.
        path: the file, which ends in .onnx.
        format: "onnx".
        input_signature: what goes in, where the model does not tell or sizes are open: an object
            with `shape` and `dtype` (an Input, an InputSpec) for each input, in the model's form.
        opset: the version of ONNX' operators.
        overwrite: whether a file that is there may be replaced.

    Raises:
        ConfigError: another format, an unknown size, or an op that has no translation.
    """
    expect(format in FORMATS, "export", f"format must be one of {FORMATS}", error=ConfigError,
           format=format,
           advice="Write .onnx, or save_weights(path) for other programs' weights.")  # fmt: skip
    place = checked_target(path, overwrite, (".onnx",), "export")
    expect(model.built, f'model "{model.name}"', "must be built before it is exported",
           error=ConfigError, advice="Give it an Input or call it once.")  # fmt: skip
    tree, described = _inputs(model, input_signature)
    labels = _labels(model, described)
    for label, (sizes, _) in zip(labels, described, strict=True):
        expect(None not in sizes[1:], "export", "only the number of samples may be open",
               error=ConfigError, input=label, shape=sizes,
               advice="Pass input_signature=[Input((224, 224, 3))].")  # fmt: skip

    def run(*given: Any) -> Any:
        waiting = iter(given)
        return model(mapped(lambda _: next(waiting), tree), training=False)

    weights = {one.path: one.weight for one in names.places(model)}
    with model.device:  # what goes in lies where the weights are
        onnx.export_onnx(place, run, dict(zip(labels, described, strict=True)), weights,
                         name=model.name, opset=opset)  # fmt: skip


def _inputs(model: Any, signature: Any) -> tuple[Any, list[Described]]:
    """Return the structure of the inputs, and the shape and element type of each."""
    if signature is not None:
        alone = isinstance(signature, (list, tuple)) and len(signature) == 1
        tree = signature[0] if alone else signature
        return tree, [_described(one) for one in leaves(tree)]
    tree = getattr(model, "input_tree", None)
    if tree is None and getattr(model, "inputs", None):
        listed = list(model.inputs)
        tree = listed[0] if len(listed) == 1 else listed
    if tree is not None:
        return tree, [_described(one) for one in leaves(tree)]
    shape = getattr(model, "built_shape", None)
    expect(_is_shape(shape), "export", "what goes in must be known", error=ConfigError,
           built_shape=shape, advice="Pass input_signature=[Input((224, 224, 3))].")  # fmt: skip
    return None, [((None, *tuple(shape or ())[1:]), as_dtype("float32"))]


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(one is None or isinstance(one, int) for one in shape)


def _described(one: Any) -> Described:
    shape = getattr(one, "shape", None)
    expect(shape is not None, "export", "input_signature must hold objects with a shape",
           error=ConfigError, got=type(one).__name__)  # fmt: skip
    assert shape is not None
    return tuple(shape), as_dtype(getattr(one, "dtype", None) or "float32")


def _labels(model: Any, described: Sequence[Described]) -> list[str]:
    symbols = getattr(model, "inputs", None) or []
    if len(symbols) == len(described):
        found = [str(one.name) for one in symbols]
        if len(set(found)) == len(found):
            return found
    return ["input"] if len(described) == 1 else [f"input_{i}" for i in range(len(described))]


class Exported(Base):
    """The part of a model that is written for other programs."""

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "onnx",
        input_signature: Any = None,
        opset: int = DEFAULT_OPSET,
        overwrite: bool = True,
    ) -> None:
        """Write what `call` computes in inference for other programs; see `export_model`.

        Raises:
            ConfigError: another format than ONNX, or an op that has no translation.
        """
        export_model(self, filepath, format, input_signature, opset, overwrite)
