"""A model as a picture: its layers as boxes that can be opened, down to the functions they call.

The model is run once on a small input, so that a body of Python is drawn like a list of layers.
Boxes, places and forms of files are those of `graftgrad.drawing`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.device.base import owner_of
from graftgrad.drawing import Drawing
from graftgrad.drawing.draw import MANY
from graftgrad.drawing.folding import folded
from graftgrad.drawing.graph import described
from graftgrad.drawing.picture import Box, Picture
from graftgrad.errors import ConfigError, expect
from graftgrad.modes import taped

from ..layers.layer import Layer
from ..layers.phase import phase
from ..layers.symbol import is_symbolic, leaves
from ..training.frozen import label, share
from ..training.tracing import unwatched
from .summary import shape_of_output


def draw(
    model: Layer | Tensor | Any,
    x: Any = None,
    *,
    names: Mapping[str, Tensor] | None = None,
    saved: bool = True,
    fold: bool | None = None,
    depth: int | None = None,
) -> Drawing:
    """Draw a model as it computes an input, or the graph behind a tensor.

    Layers are boxes; inside are the layers and functions that they call. What is frozen is grey.
    The model runs once, in inference form.

    Args:
        model: a model or layer; or a tensor, such as a loss, which `graftgrad.draw` draws.
        x: the input to run it on; zeros of the shape it was built for if None.
        names: see `graftgrad.draw`; for tensors only.
        saved: see `graftgrad.draw`; for tensors only.
        fold: draw repeated blocks once, with their number; if None, where there are many boxes.
        depth: how many levels of boxes are opened in SVG, DOT and PNG; 0 if None.

    Raises:
        ConfigError: neither an input nor the shape of one is known.
    """
    if not isinstance(model, Layer):
        return graftgrad.draw(model, names, saved, fold, depth or 0)
    picture = _Watch(model, _sample(model) if x is None else x).picture
    many = any(len(one.boxes) >= MANY for one in picture.pictures())
    return Drawing(folded(picture) if (many if fold is None else fold) else picture, depth or 0)


@dataclass(slots=True)
class _Scope:
    """One running call of a layer: its picture, and which box holds which value.

    Attributes:
        values: the box that made a value, by the memory it lies in.
        tensors: the box that a tensor came out of, by its identity.
    """

    picture: Picture
    values: dict[int, str] = field(default_factory=dict)
    tensors: dict[int, str] = field(default_factory=dict)

    def source(self, tensor: Tensor) -> str | None:
        return self.tensors.get(id(tensor)) or self.values.get(id(owner_of(tensor.array)))

    def made(self, tensor: Tensor, key: str) -> None:
        self.tensors[id(tensor)] = key
        self.values[id(owner_of(tensor.array))] = key


class _Watch:
    """One run of a model under watch: which layer was called on what, and what it computed."""

    number = -2

    def __init__(self, model: Layer, x: Any) -> None:
        self.alive: list[Any] = []  # identities must not be used again while they are compared
        x = _tensors(x)
        if not all(one.built for one in model.flattened()):
            with graftgrad.no_grad():
                model(x, training=False)  # the making of weights is not drawn
        self.weights = {id(owner_of(w.array)): (path, w) for path, w in model.named_weights()}
        self.paths = {id(one): path for path, one in _named(model)}
        self.picture = Picture(model.name)
        self.scopes = [_Scope(self.picture)]
        self.count = 0
        before, phase.resumed = phase.resumed, self
        try:
            with graftgrad.no_grad(), taped(self):
                model(x, training=False)
        finally:
            phase.resumed = before
        only = [box for box in self.picture.boxes.values() if box.kind == "layer"]
        if len(only) == 1 and only[0].inside is not None:
            self.picture = only[0].inside
            self.picture.title = only[0].title
        part = share(model)
        self.picture.caption = (
            f"{model.name}: {part.trained:,} parameters trained, {part.frozen:,} frozen; drawn for "
            + ", ".join(str(one.shape) for one in leaves(x))
        )

    def append(self, launch: Any) -> None:
        """Take note of a computation."""
        scope = self.scopes[-1]
        key = self._key()
        call = launch.call
        self.alive.append((launch.ins, launch.outs))
        if call.function.updates:
            return  # moving averages, counters: nothing flows on from there
        arrows: list[str] = []
        for array in launch.ins:
            root = id(owner_of(array))
            if root in scope.values:
                arrows.append(scope.values[root])
            elif root in self.weights:
                arrows.append(self._weight(scope, root))
        lines = [described(call.outs[0])]
        grey = all(one in scope.picture.boxes and scope.picture.boxes[one].grey for one in arrows)
        name = call.function.name
        scope.picture.boxes[key] = Box(
            "function", name, lines, repr(call.function), grey and bool(arrows)
        )
        for tail in arrows:
            scope.picture.arrow(tail, key)
        for array in launch.outs:
            scope.values[id(owner_of(array))] = key

    def _weight(self, scope: _Scope, root: int) -> str:
        path, weight = self.weights[root]
        key = f"w{root}"
        if key not in scope.picture.boxes:
            frozen = not weight.requires_grad
            title = path.rpartition("/")[2] if len(self.scopes) > 1 else path
            scope.picture.boxes[key] = Box(
                "frozen" if frozen else "leaf", title, [described(weight.spec)], path, frozen
            )
        return key

    def called(
        self, layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Run a call of a layer and take note of it."""
        if is_symbolic(args, kwargs):
            return unwatched(layer, args, training, kwargs)
        outer, key = self.scopes[-1], self._key()
        given = [one for one in leaves((args, kwargs)) if isinstance(one, Tensor)]
        inner = _Scope(Picture(layer.name))
        for i, one in enumerate(given):
            port = f"in{i}"
            inner.picture.boxes[port] = Box("port", "in", [described(one.spec)])
            inner.made(one, port)
        self.scopes.append(inner)
        try:
            result = layer._called(args, training, kwargs)
        finally:
            self.scopes.pop()
        results = [one for one in leaves(result) if isinstance(one, Tensor)]
        self.alive += [given, results]
        for i, one in enumerate(results):
            port = f"out{i}"
            inner.picture.boxes[port] = Box("port", "out", [described(one.spec)])
            if (source := inner.source(one)) is not None:
                inner.picture.arrow(source, port)
        self._enter(outer, key, layer, given, results, inner.picture)
        return result

    def _enter(
        self, outer: _Scope, key: str, layer: Layer, given: list[Tensor], results: list[Tensor],
        inside: Picture,
    ) -> None:  # fmt: skip
        """Put the box of a finished call into the picture around it."""
        part = share(layer)
        count = part.trained + part.frozen
        lines = [", ".join(str(one.shape) for one in results)]
        if count:
            lines.append(f"{count:,} parameters, {part.word}")
        name = label(self.paths.get(id(layer), layer.name), layer)
        kind = type(layer).__name__
        computes = any(box.kind in ("function", "layer") for box in inside.boxes.values())
        outer.picture.boxes[key] = Box(
            "layer",
            f"{name} ({kind})",
            lines,
            f"{kind}({layer.name})",
            bool(part.frozen) and not part.trained,
            inside if computes else None,
        )
        for one in given:
            source = outer.source(one)
            if source is None:
                source = f"x{id(one)}"
                title = "input" if len(self.scopes) == 1 else "value"
                outer.picture.boxes[source] = Box("port", title, [described(one.spec)])
                outer.picture.boxes[key] = outer.picture.boxes.pop(key)  # it comes after its input
                outer.made(one, source)
            outer.picture.arrow(source, key)
        for one in results:
            outer.made(one, key)

    def _key(self) -> str:
        self.count += 1
        return f"c{self.count}"


def plot_model(
    model: Layer,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Drawing:
    """Write a picture of a model's layers into a file, under Keras' name and arguments.

    No program outside Python is needed; PNG is painted by Pillow.

    Args:
        model: a built model.
        to_file: a file whose name ends in .png, .svg, .dot or .html; None writes nothing.
        show_shapes: show the shape of each output.
        show_dtype: show the element type of each output.
        show_layer_names: show the layers' names beside their classes.
        rankdir: "TB", from top to bottom.
        expand_nested: open models inside the model.
        dpi: pixels per inch of a PNG; 96 gives the size of the SVG.
        show_layer_activations: show what activation each layer has.
        show_trainable: mark what is frozen.

    Raises:
        ConfigError: the model is not built, the ending is another, or rankdir is not "TB".
    """
    expect(rankdir == "TB", "plot_model", 'rankdir must be "TB"', error=ConfigError,
           rankdir=rankdir)  # fmt: skip
    layered = _layers_only(_Watch(model, _sample(model)).picture, expand_nested)
    found = {layer.name: layer for layer in model.flattened()}
    waiting: list[tuple[Picture, Layer | None]] = [(layered, model)]
    while waiting:
        picture, around = waiting.pop()
        symbols = list(getattr(around, "inputs", None) or ())
        for box in picture.boxes.values():
            if box.kind == "layer":
                if box.inside is not None:
                    waiting.append((box.inside, found.get(_named_in(box))))
                _tell(box, found, show_shapes, show_dtype, show_layer_names, show_layer_activations,
                      show_trainable)  # fmt: skip
            else:
                _tell_input(box, symbols.pop(0) if symbols else None, show_shapes, show_dtype,
                            show_layer_names)  # fmt: skip
    drawing = Drawing(layered, depth=16 if expand_nested else 0)
    if to_file is not None:
        path = Path(to_file)
        if path.suffix.lower() == ".png":
            path.write_bytes(drawing.png(dpi))
        else:
            drawing.save(path)
    return drawing


def _layers_only(picture: Picture, expand: bool) -> Picture:
    """Return a picture without functions and weights; layers open where they hold layers."""
    kept = Picture(picture.title, caption=picture.caption)
    for key, box in picture.boxes.items():
        if box.kind not in ("layer", "port") or box.title == "out":
            continue
        inside = None
        if box.inside is not None and expand:
            inner = _layers_only(box.inside, expand)
            if any(one.kind == "layer" for one in inner.boxes.values()):
                inside = inner
        kept.boxes[key] = Box(box.kind, box.title, list(box.lines), box.note, box.grey, inside)
    behind: dict[str, list[str]] = {}
    for tail, head in picture.arrows:
        behind.setdefault(head, []).append(tail)
    for key in kept.boxes:
        waiting, seen = list(behind.get(key, ())), set()
        while waiting:
            tail = waiting.pop()
            if tail in kept.boxes:
                kept.arrow(tail, key)
            elif tail not in seen:  # a function between two layers: what it read counts
                seen.add(tail)
                waiting += behind.get(tail, ())
    return kept


def _tell(
    box: Box, found: dict[str, Layer], shapes: bool, dtype: bool, name: bool, activation: bool,
    trainable: bool,
) -> None:  # fmt: skip
    """Say of a layer what was asked for."""
    kind = box.note.partition("(")[0]
    layer = found.get(_named_in(box))
    lines = []
    if shapes and box.lines:  # for any number of samples, where the model knows that
        known = shape_of_output(layer) if layer is not None else "?"
        lines.append(box.lines[0] if known == "?" else known)
    if layer is not None:
        if dtype:
            lines.append(layer.compute_dtype)
        function = getattr(layer, "activation", None)
        if activation and function is not None:
            lines.append(getattr(function, "__name__", type(function).__name__))
        if trainable and layer.weights:
            lines.append(share(layer).word)
    box.title = f"{_named_in(box)} ({kind})" if name else kind
    box.lines = lines
    box.grey = box.grey and trainable


def _tell_input(box: Box, symbol: Any, shapes: bool, dtype: bool, name: bool) -> None:
    """Say of an input what was asked for."""
    if symbol is None:
        box.lines = box.lines if shapes else []
        return
    box.title = f"{symbol.name} (InputLayer)" if name else "InputLayer"
    box.lines = [str(symbol.shape)] * shapes + [str(symbol.dtype)] * dtype


def _named_in(box: Box) -> str:
    """Return the name of the layer that a box stands for."""
    return box.note.partition("(")[2][:-1]


def _sample(model: Layer) -> Any:
    """Return zeros of the shape for which a model was built, two samples of them."""
    shape = model.built_shape
    expect(shape is not None, f'model "{model.name}"', "there must be an input to draw it for",
           error=ConfigError, built_shape=shape,
           advice="Give x, or build the model first.")  # fmt: skip
    inputs = getattr(model, "inputs", None)
    kinds = [one.dtype for one in inputs] if inputs else []

    def zeros(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: zeros(one) for key, one in tree.items()}
        if isinstance(tree, (list, tuple)) and any(isinstance(one, (list, tuple)) for one in tree):
            return [zeros(one) for one in tree]
        sizes = [2 if i == 0 and n is None else 8 if n is None else n for i, n in enumerate(tree)]
        return graftgrad.zeros(sizes, dtype=kinds.pop(0) if kinds else model.compute_dtype)

    return zeros(shape)


def _tensors(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _tensors(one) for key, one in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_tensors(one) for one in tree])
    return tree if isinstance(tree, Tensor) else graftgrad.as_tensor(tree)


def _named(layer: Layer) -> list[tuple[str, Layer]]:
    """Return the layers below a layer, with the attributes that hold them."""
    found: list[tuple[str, Layer]] = []
    seen: set[int] = set()
    waiting = [layer]
    while waiting:
        for path, child in waiting.pop().children():
            if id(child) not in seen:
                seen.add(id(child))
                found.append((path, child))
                waiting.append(child)
    return found
