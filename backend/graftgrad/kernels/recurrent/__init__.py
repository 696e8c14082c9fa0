"""Bodies of recurrent networks: oneDNN's products and machine code of our own, step after step."""

from . import lstm

__all__ = ["lstm"]
