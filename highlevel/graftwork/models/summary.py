"""A model as a table: layers, output shapes, numbers of parameters, what is trained."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers.building import NamedShapes
from ..layers.layer import Layer
from ..layers.symbol import leaves, symbols
from ..training.frozen import Share, label, share
from ..weight import Weight

Row = list[str]

PLAIN = str.maketrans("┏┳┓┡╇┩└┴┘━─┃│…", "+++++++++--||.")  # for output without these characters


def summary(
    model: Layer,
    line_length: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model as a table.

    Args:
        model: the model.
        line_length: the greatest width of the table in characters; that of the terminal if None.
        print_fn: receives the text; `print` if None.
        expand_nested: show the layers of layers too.
        show_trainable: show what is trained, frozen and half frozen.
        layer_range: the names of the first and the last layer that are shown, or patterns that they
            begin with.
    Raises:
        ConfigError: these are not two, or there is no such layer.
    """
    if line_length is None and print_fn is None:
        line_length = room()
    text = table(model, line_length, expand_nested, show_trainable, layer_range)
    if print_fn is None:
        print(printable(text, getattr(sys.stdout, "encoding", None)))
    else:
        print_fn(text)


def printable(text: str, encoding: str | None) -> str:
    """Return a table in characters that an encoding has: files and pipes on Windows lack frames."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError as error:
        plain = text.translate(PLAIN)
        return plain.encode(error.encoding, "replace").decode(error.encoding)
    return text


def table(
    model: Layer,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """Return a model as a table."""
    head = ["Layer (type)", "Output shape", "Param #", "Connected to", "Trained"]
    chosen = None if layer_range is None else between(model, layer_range)
    rows = _rows(model, 0, expand_nested, chosen)
    shown = model.flattened() if expand_nested else [model]
    left_out = {3} if all(is_chain(one) for one in shown) else set()
    left_out |= set() if show_trainable else {4}
    head, *rows = [
        [cell for i, cell in enumerate(row) if i not in left_out] for row in [head, *rows]
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    if line_length is not None:
        around = 3 * len(head) + 1
        if 3 not in left_out:  # names of layers, too: the longest are cut
            widths[3] = min(widths[3], max(12, (line_length - around) // 3))
        widths[0] = min(widths[0], max(12, line_length - sum(widths[1:]) - around))
    lines = [f'Model: "{model.name}"', _rule("┏", "━", "┳", "┓", widths), _line(head, widths, "┃")]
    lines.append(_rule("┡", "━", "╇", "┩", widths))
    lines += [_line(row, widths, "│") for row in rows]
    lines.append(_rule("└", "─", "┴", "┘", widths))
    return "\n".join([*lines, *_totals(model)])


def room() -> int | None:
    """Return the width of the terminal that print writes to, or None where it writes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def between(model: Layer, layer_range: Sequence[str]) -> set[int]:
    """Return the layers from the first to the last of two names, by identity.

    Raises:
        ConfigError: these are not two names, or there is no such layer.
    """
    given = list(layer_range)
    expect(len(given) == 2 and all(isinstance(one, str) for one in given), "summary",
           "layer_range must be two names", error=ConfigError,
           layer_range=layer_range)  # fmt: skip
    listed = list(model.children())
    places = [
        [i for i, (path, one) in enumerate(listed) if re.match(name, label(path, one))]
        for name in given
    ]
    expect(all(places), "summary", "layer_range must name layers of the model", error=ConfigError,
           layer_range=given, layers=[label(*one) for one in listed])  # fmt: skip
    first, last = min(places[0]), max(places[1])
    if first > last:
        first, last = min(places[1]), max(places[0])
    return {id(one) for _, one in listed[first : last + 1]}


def _rows(layer: Layer, depth: int, expand: bool, chosen: set[int] | None = None) -> list[Row]:
    found: list[Row] = []
    sources = connections(layer)
    for path, child in layer.children():
        if chosen is not None and id(child) not in chosen:
            continue
        if child.built and child.built_shape is None:
            continue  # a source of seeds, for example: nothing flows through it
        part = share(child)
        count = part.trained + part.frozen + part.state
        row = [
            f"{'  ' * depth}{label(path, child)} ({type(child).__name__})",
            shape_of_output(child),
            f"{count:,}" if child.built else "?",
            ", ".join(sources.get(id(child), ())) or "-",
        ]
        found.append([*row, _mark(part) if child.built else "?"])
        if expand:
            found += _rows(child, depth + 1, expand)
    return found


def connections(model: Layer) -> dict[int, list[str]]:
    """Return for each layer of a functional model the names of those it receives from."""
    found: dict[int, list[str]] = {}
    for step in getattr(model, "steps", ()):
        names = [
            one.name if one.origin is None else one.origin.layer.name
            for one in symbols((step.args, step.kwargs))
        ]
        known = found.setdefault(id(step.layer), [])
        known += [name for name in names if name not in known]
    return found


def is_chain(model: Layer) -> bool:
    """Tell whether every layer receives from the one before it and from no other."""
    sources = connections(model)
    before: str | None = None
    for _, child in model.children():
        if sources.get(id(child), [before]) != [before]:
            return False
        before = child.name
    return True


def shape_of_output(layer: Layer) -> str:
    """Return the shape of a layer's last output, or of that for the input it was built for."""
    if layer._applications:
        outputs = leaves(layer._applications[-1].outputs)
        return ", ".join(str(one.shape) for one in outputs)
    if layer.built_shape is None:
        return "?"
    try:
        known = layer.built_shape
        several = isinstance(known, NamedShapes)
        shapes = layer.compute_output_shape(*(known.values() if several else [known]))
    except Exception:
        return "?"  # a layer of the user's own may need more than a shape; a table must not fail
    return str(shapes)


def _mark(part: Share) -> str:
    marks = {"trained": "yes", "frozen": "no", "no parameters": "-"}
    whole = part.trained + part.frozen
    return marks.get(part.word, f"half: {part.trained:,} of {whole:,}")


def _totals(model: Layer) -> list[str]:
    if not all(layer.built for layer in model.flattened()):
        return [" Not every layer is built yet: call the model on data, or build(input_shape)."]
    weights = model.weights
    trained = [weight for weight in weights if weight.requires_grad]
    state = [weight for weight in weights if weight.kind == "state"]
    frozen = [w for w in weights if w.kind != "state" and not w.requires_grad]
    rest = f"frozen {_size(frozen):,}, state {_size(state):,}"
    return [
        f" Total params: {_told(weights)}",
        f" Trainable params: {_told(trained)}",
        f" Non-trainable params: {_told(frozen + state)}: {rest}",
    ]


def _size(weights: list[Weight]) -> int:
    return sum(weight.size for weight in weights)


def _told(weights: list[Weight]) -> str:
    return f"{_size(weights):,} ({_bytes(sum(weight.nbytes for weight in weights))})"


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"


def _rule(left: str, fill: str, middle: str, right: str, widths: list[int]) -> str:
    return left + middle.join(fill * (width + 2) for width in widths) + right


def _line(row: Row, widths: list[int], edge: str) -> str:
    cells = [
        f" {_cut(cell, width):>{width}} " if i == 2 else f" {_cut(cell, width):<{width}} "
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return edge + edge.join(cells) + edge


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"
