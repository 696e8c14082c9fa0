"""Bodies of recurrent networks: oneDNN's products and machine code of our own, step after step."""

from . import gru, lstm

__all__ = ["gru", "lstm"]
