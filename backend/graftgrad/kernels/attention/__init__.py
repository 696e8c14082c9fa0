"""Bodies of attention: head by head in the cache, or all heads at once as products and passes."""

from . import passes

from . import heads, heads_grad  # isort: skip  # the newest is asked first

__all__ = ["heads", "heads_grad", "passes"]
