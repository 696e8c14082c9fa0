"""A recorded step as a static plan: define by run, then run what was defined."""

from .capture import Captured, captured
from .plan import Plan

__all__ = ["Captured", "Plan", "captured"]
