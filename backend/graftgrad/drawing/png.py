"""A picture as PNG, painted by Pillow; no program outside Python is needed."""

from __future__ import annotations

import io
from typing import Any

from ..errors import LibraryError, sentence
from .layout import Point
from .picture import Box, Picture
from .svg import LINE, MARGIN, TITLE, Drawn, colours

EDGE = 14.0


def png(picture: Picture, depth: int = 0, dpi: float = 192.0) -> bytes:
    """Paint a picture.

    Args:
        picture: the picture.
        depth: how many levels of boxes are opened.
        dpi: pixels per inch; 96 gives the size of the SVG.

    Raises:
        LibraryError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise LibraryError(
            sentence(
                "draw",
                "Pillow must be there to paint a PNG",
                {"import": "PIL"},
                "pip install Pillow, or write .svg, .html or .dot.",
            )
        ) from error
    scale = dpi / 96
    drawn = Drawn(picture, depth)
    extent = (drawn.layout.width, drawn.layout.height)
    image = Image.new("RGB", [int((one + 2 * EDGE) * scale) for one in extent], "white")
    fonts = {pixels: ImageFont.load_default(pixels * scale) for pixels in (12.5, 10.5)}
    _Painter(ImageDraw.Draw(image), fonts, scale).paint(drawn, EDGE, EDGE)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


class _Painter:
    """Puts boxes and arrows on an image."""

    def __init__(self, draw: Any, fonts: dict[float, Any], scale: float) -> None:
        self.draw = draw
        self.fonts = fonts
        self.scale = scale

    def paint(self, drawn: Drawn, x: float, y: float) -> None:
        for path in drawn.layout.paths.values():
            self.arrow(path, x, y)
        for key, box in drawn.picture.boxes.items():
            middle, top = drawn.layout.places[key]
            wide, high = drawn.layout.sizes[key]
            inner = drawn.opened.get(key)
            left = x + middle - wide / 2
            self.frame(box, left, y + top, wide, high, inner is not None)
            if inner is not None:
                space = (wide - inner.layout.width) / 2
                self.paint(inner, left + space, y + top + TITLE + 2 * MARGIN)

    def frame(
        self, box: Box, left: float, top: float, wide: float, high: float, opened: bool
    ) -> None:
        fill, edge = colours(box)
        behind = [4.0, 0.0] if box.inside is not None and not opened else [0.0]
        for moved in behind:
            corners = [left + moved, top + moved, left + wide + moved, top + high + moved]
            self.draw.rounded_rectangle(
                [one * self.scale for one in corners],
                radius=(11 if box.kind in ("leaf", "frozen", "output", "port") else 4) * self.scale,
                fill="white" if opened else fill,
                outline=edge,
                width=max(1, round(self.scale)),
            )
        middle = left + wide / 2
        self.text(box.title, middle, top + TITLE, 12.5, "#6b7280" if box.grey else "#0f172a")
        for i, line in enumerate([] if opened else box.lines):
            self.text(line, middle, top + TITLE + LINE * (i + 1), 10.5, "#475569")

    def text(self, text: str, x: float, y: float, pixels: float, ink: str) -> None:
        at = (x * self.scale, y * self.scale)
        self.draw.text(at, text, fill=ink, font=self.fonts[pixels], anchor="ms")

    def arrow(self, path: list[Point], x: float, y: float) -> None:
        (x0, y0), *rest = [(x + px, y + py) for px, py in path]
        points = [(x0, y0)]
        for x1, y1 in rest:
            bend = (y1 - y0) / 2
            for i in range(1, 13):
                t = i / 12
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                across = (a + b) * x0 + (c + d) * x1
                points.append((across, a * y0 + b * (y0 + bend) + c * (y1 - bend) + d * y1))
            x0, y0 = x1, y1
        scaled = [(px * self.scale, py * self.scale) for px, py in points]
        self.draw.line(scaled, fill="#64748b", width=max(1, round(self.scale)), joint="curve")
        tip_x, tip_y = scaled[-1]
        half, long = 3.2 * self.scale, 6.5 * self.scale
        head = [(tip_x, tip_y), (tip_x - half, tip_y - long), (tip_x + half, tip_y - long)]
        self.draw.polygon(head, fill="#64748b")
