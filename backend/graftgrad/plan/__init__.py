"""A recorded step as a static plan: define by run, then run what was defined."""

from .capture import Captured, captured
from .forms import UnfitError
from .plan import Plan
from .visible import changes

__all__ = ["Captured", "Plan", "UnfitError", "captured", "changes"]
