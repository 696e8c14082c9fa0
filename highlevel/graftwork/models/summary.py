"""A model as a table: layers, output shapes, numbers of parameters, what is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..layers.layer import Layer
from ..layers.symbol import leaves
from ..training.frozen import Share, share

Row = list[str]


def summary(
    model: Layer,
    line_length: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> None:
    """Print a model as a table.

    Args:
        model: the model.
        line_length: the width of the table in characters; as wide as needed if None.
        print_fn: receives the text; `print` if None.
        expand_nested: show the layers of layers too.
        show_trainable: show what is trained, frozen and half frozen.
    """
    (print_fn or print)(table(model, line_length, expand_nested, show_trainable))


def table(
    model: Layer,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> str:
    """Return a model as a table."""
    head = ["Layer (type)", "Output shape", "Param #", *(["Trained"] if show_trainable else [])]
    rows = _rows(model, 0, expand_nested, show_trainable)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    if line_length is not None:
        widths[0] = max(12, line_length - sum(widths[1:]) - 3 * len(head) - 1)
    lines = [f'Model: "{model.name}"', _rule("┏", "━", "┳", "┓", widths), _line(head, widths, "┃")]
    lines.append(_rule("┡", "━", "╇", "┩", widths))
    lines += [_line(row, widths, "│") for row in rows]
    lines.append(_rule("└", "─", "┴", "┘", widths))
    return "\n".join([*lines, *_totals(model)])


def _rows(layer: Layer, depth: int, expand: bool, trained: bool) -> list[Row]:
    found: list[Row] = []
    for _, child in layer.children():
        part = share(child)
        count = part.trained + part.frozen + part.state
        row = [
            f"{'  ' * depth}{child.name} ({type(child).__name__})",
            shape_of_output(child),
            f"{count:,}" if child.built else "?",
        ]
        found.append([*row, _mark(part)] if trained else row)
        if expand:
            found += _rows(child, depth + 1, expand, trained)
    return found


def shape_of_output(layer: Layer) -> str:
    """Return the output shape of a layer's last application, or what it gives for the input it was built for."""
    if layer.applications:
        outputs = leaves(layer.applications[-1].outputs)
        return ", ".join(str(one.shape) for one in outputs)
    if layer.built_shape is None:
        return "?"
    try:
        shapes = layer.compute_output_shape(layer.built_shape)
    except Exception:
        return "?"  # a layer of the user's own may need more than a shape; a table must not fail
    return str(shapes)


def _mark(part: Share) -> str:
    marks = {"trained": "yes", "frozen": "no", "no parameters": "-"}
    whole = part.trained + part.frozen
    return marks.get(part.word, f"half: {part.trained:,} of {whole:,}")


def _totals(model: Layer) -> list[str]:
    part = share(model)
    whole = part.trained + part.frozen + part.state
    sizes = sum(weight.nbytes for weight in model.weights)
    return [
        f" Total params: {whole:,} ({_bytes(sizes)})",
        f" Trainable params: {part.trained:,}",
        f" Non-trainable params: {part.frozen + part.state:,} (frozen {part.frozen:,}, state {part.state:,})",
    ]


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
        f" {cell[:width]:>{width}} " if i == 2 else f" {cell[:width]:<{width}} "
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return edge + edge.join(cells) + edge
