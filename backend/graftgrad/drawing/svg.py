"""A picture as SVG: one file, no script, readable at any size."""

from __future__ import annotations

from html import escape

from .layout import Layout, Point, arrange
from .picture import KINDS, Box, Picture

TITLE, LINE = 16.0, 13.0  # heights of lines of text in pixels
MARGIN = 9.0
FONT = "font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
COLOURS = {  # fill, edge
    "leaf": ("#dbeafe", "#2563eb"),
    "frozen": ("#eceef1", "#9aa1ab"),
    "function": ("#ffffff", "#475569"),
    "layer": ("#e6f6f3", "#0f766e"),
    "group": ("#fdf4e3", "#b45309"),
    "port": ("#ffffff", "#94a3b8"),
    "output": ("#dcf5e3", "#15803d"),
}
GREY = ("#eceef1", "#9aa1ab")


def colours(box: Box) -> tuple[str, str]:
    """Return fill and edge of a box; what is not trained is grey."""
    return GREY if box.grey else COLOURS[box.kind]


def width_of(text: str, pixels: float) -> float:
    """Estimate the width of a text in a sans serif face of this size."""
    narrow = sum(text.count(one) for one in "iljtfr.,:;'()[]| ")
    wide = sum(one.isupper() or one in "mw×→" for one in text)
    return pixels * (0.55 * len(text) - 0.22 * narrow + 0.12 * wide)


def closed(box: Box) -> tuple[float, float]:
    """Return width and height of a box that is not opened."""
    widest = max([width_of(box.title, 12.5) * 1.07, *[width_of(line, 10.5) for line in box.lines]])
    return max(widest + 2 * MARGIN, 46.0), TITLE + LINE * len(box.lines) + MARGIN


class Drawn:
    """A picture with a place for everything, some boxes opened.

    Args:
        picture: the picture.
        depth: how many levels of boxes are opened.
    """

    def __init__(self, picture: Picture, depth: int) -> None:
        self.picture = picture
        self.opened: dict[str, Drawn] = {}
        sizes: dict[str, tuple[float, float]] = {}
        for key, box in picture.boxes.items():
            if box.inside is not None and depth > 0:
                inner = self.opened[key] = Drawn(box.inside, depth - 1)
                wide = max(inner.layout.width, width_of(box.title, 12.5) * 1.07)
                sizes[key] = (wide + 4 * MARGIN, inner.layout.height + TITLE + 4 * MARGIN)
            else:
                sizes[key] = closed(box)
        self.layout: Layout = arrange(picture, sizes)


def svg(picture: Picture, depth: int = 0, link: bool = False) -> str:
    """Write a picture as SVG.

    Args:
        picture: the picture.
        depth: how many levels of boxes are opened.
        link: whether closed boxes link to the place `#` + key where they are shown opened.
    """
    drawn = Drawn(picture, depth)
    body = _body(drawn, 0.0, 0.0, link)
    kinds = _kinds(drawn)
    legend, long = _legend(kinds, drawn.layout.height + 26)
    width = max(drawn.layout.width, long, width_of(picture.caption, 10.5)) + 2 * 14
    height = drawn.layout.height + 62
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="-14 -14 {width:.0f} {height:.0f}" style="{FONT};max-width:none">\n'
        '<rect x="-14" y="-14" width="100%" height="100%" fill="#ffffff"/>\n'
        f"{body}{legend}"
        f'<text x="0" y="{drawn.layout.height + 42:.1f}" font-size="10.5" fill="#475569">'
        f"{escape(picture.caption)}</text>\n</svg>\n"
    )


def _body(drawn: Drawn, x: float, y: float, link: bool) -> str:
    parts = [_arrow(path, x, y) for path in drawn.layout.paths.values()]
    for key, box in drawn.picture.boxes.items():
        middle, top = drawn.layout.places[key]
        wide, high = drawn.layout.sizes[key]
        left = x + middle - wide / 2
        inner = drawn.opened.get(key)
        shape = _frame(box, left, y + top, wide, high, inner is not None)
        if inner is not None:
            space = (wide - inner.layout.width) / 2
            shape += _body(inner, left + space, y + top + TITLE + 2 * MARGIN, link)
        elif link and box.inside is not None:
            shape = f'<a href="#{escape(identifier(key))}">{shape}</a>'
        parts.append(shape)
    return "".join(parts)


def identifier(key: str) -> str:
    """Return a key in the form in which a page can be linked to."""
    return "box-" + "".join(c if c.isalnum() else f"_{ord(c):x}" for c in key)


def _frame(box: Box, left: float, top: float, wide: float, high: float, opened: bool) -> str:
    fill, edge = colours(box)
    round_ = 11 if box.kind in ("leaf", "frozen", "output", "port") else 4
    dashes = ' stroke-dasharray="4 3"' if box.kind == "port" else ""
    parts = [f"<g><title>{escape(_full(box))}</title>"]
    openable = box.inside is not None and not opened
    if openable:  # a sheet behind: there is more below
        parts.append(
            f'<rect x="{left + 4:.1f}" y="{top + 4:.1f}" width="{wide:.1f}" height="{high:.1f}" '
            f'rx="{round_}" fill="{fill}" stroke="{edge}" stroke-width="0.8"/>'
        )
    parts.append(
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="{round_}" '
        f'fill="{fill}" fill-opacity="{0.45 if opened else 1}" stroke="{edge}"{dashes}/>'
    )
    middle = left + wide / 2
    ink = "#6b7280" if box.grey else "#0f172a"
    parts.append(
        f'<text x="{middle:.1f}" y="{top + TITLE:.1f}" font-size="12.5" font-weight="600" '
        f'text-anchor="middle" fill="{ink}">{escape(box.title)}</text>'
    )
    for i, line in enumerate([] if opened else box.lines):
        parts.append(
            f'<text x="{middle:.1f}" y="{top + TITLE + LINE * (i + 1):.1f}" font-size="10.5" '
            f'text-anchor="middle" fill="#475569">{escape(line)}</text>'
        )
    return "".join([*parts, "</g>\n"])


def _full(box: Box) -> str:
    return "\n".join(part for part in (box.note or box.title, *box.lines) if part)


def _arrow(path: list[Point], x: float, y: float) -> str:
    (x0, y0), *rest = [(x + px, y + py) for px, py in path]
    way = f"M{x0:.1f},{y0:.1f}"
    for x1, y1 in rest:
        bend = (y1 - y0) / 2
        if abs(x1 - x0) < 0.5:
            way += f"L{x1:.1f},{y1:.1f}"
        else:
            way += f"C{x0:.1f},{y0 + bend:.1f} {x1:.1f},{y1 - bend:.1f} {x1:.1f},{y1:.1f}"
        x0, y0 = x1, y1
    return (
        f'<path d="{way}" fill="none" stroke="#64748b"/><path fill="#64748b" '
        f'd="M{x0:.1f},{y0:.1f}l-3.2,-6.5h6.4z"/>\n'
    )


def _kinds(drawn: Drawn) -> dict[str, tuple[str, str]]:
    """Return the kinds of boxes that are seen, with their colours, in the order of `KINDS`."""
    seen: dict[str, tuple[str, str]] = {}
    for key, box in drawn.picture.boxes.items():
        seen["frozen" if box.grey else box.kind] = colours(box)
        if key in drawn.opened:
            seen |= _kinds(drawn.opened[key])
    return {kind: seen[kind] for kind in KINDS if kind in seen}


def _legend(kinds: dict[str, tuple[str, str]], y: float) -> tuple[str, float]:
    parts, x = [], 0.0
    for kind, (fill, edge) in kinds.items():
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="14" height="10" rx="3" fill="{fill}" '
            f'stroke="{edge}"/><text x="{x + 19:.1f}" y="{y:.1f}" font-size="10.5" '
            f'fill="#475569">{escape(KINDS[kind])}</text>\n'
        )
        x += 19 + width_of(KINDS[kind], 10.5) + 16
    return "".join(parts), x
