"""A picture in the DOT language, for Graphviz and whatever else reads it."""

from __future__ import annotations

from collections.abc import Iterator

from .picture import Box, Picture
from .svg import colours


def dot(picture: Picture, depth: int = 0) -> str:
    """Write a picture in the DOT language; opened boxes become clusters."""
    style = 'shape=box, style="filled,rounded", fontname="Helvetica", fontsize=11'
    head = ["digraph {", '  compound=true; fontname="Helvetica";', f"  node [{style}];"]
    return "\n".join([*head, *_body(picture, depth, "", "  "), "}", ""])


def _body(picture: Picture, depth: int, path: str, indent: str) -> Iterator[str]:
    for key, box in picture.boxes.items():
        if _opened(box, depth):
            assert box.inside is not None
            yield f"{indent}subgraph {_quoted('cluster_' + path + key)} {{"
            yield f"{indent}  label={_quoted(box.title)}; color={_quoted(colours(box)[1])};"
            yield from _body(box.inside, depth - 1, f"{path}{key}/", indent + "  ")
            yield f"{indent}}}"
        else:
            fill, edge = colours(box)
            text = "\n".join([box.title, *box.lines])
            yield (
                f"{indent}{_quoted(path + key)} [label={_quoted(text)}, fillcolor={_quoted(fill)}, "
                f"color={_quoted(edge)}];"
            )
    for tail, head in picture.arrows:
        a, a_cluster = _end(picture, tail, depth, path, last=True)
        b, b_cluster = _end(picture, head, depth, path, last=False)
        marks = [f"ltail={_quoted(a_cluster)}"] if a_cluster else []
        marks += [f"lhead={_quoted(b_cluster)}"] if b_cluster else []
        yield f"{indent}{_quoted(a)} -> {_quoted(b)}{f' [{chr(44).join(marks)}]' if marks else ''};"


def _end(picture: Picture, key: str, depth: int, path: str, last: bool) -> tuple[str, str]:
    """Return the box an arrow touches, and the cluster at whose border it is cut off."""
    box = picture.boxes[key]
    if not _opened(box, depth):
        return path + key, ""
    assert box.inside is not None
    inner = list(box.inside.boxes)[-1 if last else 0]
    return _end(box.inside, inner, depth - 1, f"{path}{key}/", last)[0], f"cluster_{path}{key}"


def _opened(box: Box, depth: int) -> bool:
    return box.inside is not None and depth > 0 and len(box.inside.boxes) > 0


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
