"""Sequences of several lengths as one array, under Keras' older name."""

from ..data import pad_sequences

__all__ = ["pad_sequences"]
