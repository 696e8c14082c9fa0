"""The graph made visible: what is in a picture, where it stands, and the forms it is written in."""

from .draw import Drawing, draw

__all__ = ["Drawing", "draw"]
