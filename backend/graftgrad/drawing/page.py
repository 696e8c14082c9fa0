"""A picture as one HTML file: every box that has something inside is a link to it. No script.

Each level is a section of its own; the style sheet shows the one that the address names.
"""

from __future__ import annotations

from html import escape

from .picture import Picture
from .svg import FONT, identifier, svg

STYLE = f"""
body {{ margin: 1.2rem; {FONT}; color: #0f172a; background: #ffffff; }}
section {{ display: none; overflow: auto; }}
section:target {{ display: block; outline: none; }}
body:not(:has(section:target)) section.first {{ display: block; }}
nav {{ font-size: 0.9rem; margin-bottom: 0.9rem; }}
nav a {{ color: #0f766e; }}
svg a {{ cursor: pointer; }}
svg a:hover rect {{ stroke-width: 2; }}
"""


def page(picture: Picture) -> str:
    """Write a picture and all that is inside its boxes as an HTML page."""
    sections = _sections(picture, "first", [])
    title = escape(picture.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
        f"\n<style>{STYLE}</style>\n</head>\n<body>\n{''.join(sections)}</body>\n</html>\n"
    )


def _sections(picture: Picture, key: str, above: list[tuple[str, str]]) -> list[str]:
    """Return the section of a picture and, behind it, those of what is inside its boxes."""
    first = not above
    name = identifier(key)
    way = " › ".join(f'<a href="#{one}">{escape(title)}</a>' for one, title in above)
    here = escape(picture.title)
    mark = ' class="first"' if first else ""
    renamed = Picture(picture.title, caption=picture.caption)
    path = "" if first else f"{key}/"
    for inner, box in picture.boxes.items():
        renamed.boxes[path + inner] = box
    for tail, head in picture.arrows:
        renamed.arrow(path + tail, path + head)
    drawn = svg(renamed, link=True)
    found = [
        f'<section id="{name}"{mark}>\n<nav>{way}{" › " if way else ""}{here}</nav>\n{drawn}'
        "</section>\n"
    ]
    for inner, box in picture.boxes.items():
        if box.inside is not None:
            box.inside.title = box.title
            found += _sections(box.inside, path + inner, [*above, (name, picture.title)])
    return found
