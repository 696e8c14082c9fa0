"""What a user calls to see a graph, and what comes back: a drawing that shows itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, expect
from .dot import dot
from .folding import folded
from .graph import picture_of
from .page import page
from .picture import Picture
from .png import png
from .svg import svg

if TYPE_CHECKING:
    from ..tensor import Tensor

FORMS = (".svg", ".html", ".dot", ".png")
MANY = 40  # boxes from which repeated blocks fold by themselves


class Drawing:
    """A picture that can be written as SVG, HTML, DOT and PNG; a notebook shows it by itself.

    Args:
        picture: what is to be seen.
        depth: how many levels of boxes are opened in forms that cannot be clicked on.
    """

    def __init__(self, picture: Picture, depth: int = 0) -> None:
        self.picture = picture
        self.depth = depth

    def svg(self) -> str:
        """Return the drawing as SVG, without scripts and without anything to be loaded."""
        return svg(self.picture, self.depth)

    def html(self) -> str:
        """Return one page in which every box with something inside opens when it is clicked."""
        return page(self.picture)

    def dot(self) -> str:
        """Return the drawing in Graphviz' language."""
        return dot(self.picture, self.depth)

    def png(self, dpi: float = 192.0) -> bytes:
        """Return the drawing as PNG, painted by Pillow.

        Raises:
            LibraryError: Pillow is not installed.
        """
        return png(self.picture, self.depth, dpi)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing in the form that the file's ending names.

        Raises:
            ConfigError: the ending is not .svg, .html, .dot or .png.
            LibraryError: a PNG is wanted and Pillow is not installed.
        """
        target = Path(path)
        form = target.suffix.lower()
        expect(form in FORMS, "draw", f"the file must end in {', '.join(FORMS)}",
               error=ConfigError, path=str(target))  # fmt: skip
        if form == ".png":
            target.write_bytes(self.png())
        else:
            written = {".svg": self.svg, ".html": self.html, ".dot": self.dot}[form]()
            target.write_text(written, encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        boxes = sum(len(one.boxes) for one in self.picture.pictures())
        return f"<Drawing of {boxes} boxes; .save('graph.svg') or .html writes it>"


def draw(
    outputs: Tensor | Sequence[Tensor],
    names: Mapping[str, Tensor] | None = None,
    saved: bool = True,
    fold: bool | None = None,
    depth: int = 0,
) -> Drawing:
    """Draw the graph that computed tensors: leaves, functions, what is kept for the gradients.

    Arrows point in the direction of the forward pass. Leaves that want a gradient are blue, what
    is frozen or constant is grey, results are green. A box with a second sheet behind it has more
    inside: in HTML it opens when it is clicked, elsewhere `depth` opens it.

    Args:
        outputs: the results, for example a loss.
        names: what leaves and results are called; weights of layers know their names.
        saved: show what every function keeps for its gradient, with shape and size.
        fold: draw repeated blocks once, with their number; if None, from 40 boxes on.
        depth: how many levels of folded blocks are opened in SVG, DOT and PNG.

    Raises:
        ConfigError: no tensor is given, or depth is negative.
    """
    roots: Any = [outputs] if hasattr(outputs, "grad_fn") else list(outputs)
    expect(len(roots) > 0 and all(hasattr(one, "grad_fn") for one in roots), "draw",
           "outputs must be a tensor or several", error=ConfigError, outputs=outputs)  # fmt: skip
    expect(depth >= 0, "draw", "depth must not be negative", error=ConfigError, depth=depth)
    picture = picture_of(roots, names or {}, saved)
    many = len(picture.boxes) >= MANY
    return Drawing(folded(picture) if (many if fold is None else fold) else picture, depth)
